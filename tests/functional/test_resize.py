"""Resize and cold migration, confirmed and reverted, from the API to the fake hypervisor."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from novalike.objects.lifecycle import PowerState
from tests.functional.conftest import furnish
from tests.functional.harness import Cloud

LARGER = {"flavor": {"id": "2", "name": "m1.small", "ram": 128, "vcpus": 2, "disk": 2}}
OLD, NEW = {"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 1}, {"VCPU": 2, "MEMORY_MB": 128, "DISK_GB": 2}


def with_flavors(cloud: Cloud) -> Cloud:
    cloud.admin.post("/flavors", LARGER, 200)
    return cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = with_flavors(furnish(Cloud(tmp_path_factory.mktemp("cloud"))))
    yield cloud
    cloud.close()


def boot(cloud: Cloud, networks: Any = "none", **more: Any) -> str:
    body = cloud.server_body("vm", networks=networks, **more)
    uuid: str = cloud.demo.at("2.90").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(uuid, "ACTIVE")
    return uuid


def host_of(cloud: Cloud, uuid: str) -> str:
    return str(cloud.admin.get(f"/servers/{uuid}")["server"]["OS-EXT-SRV-ATTR:host"])


def act(cloud: Cloud, uuid: str, action: str, body: Any = None, status: int = 202) -> None:
    cloud.admin.at("2.90").post(f"/servers/{uuid}/action", {action: body}, status)


def resize(cloud: Cloud, uuid: str, flavor: str = "2") -> dict[str, Any]:
    cloud.demo.post(f"/servers/{uuid}/action", {"resize": {"flavorRef": flavor}}, 202)
    return cloud.admin.wait_for(uuid, "VERIFY_RESIZE")


def claims(cloud: Cloud, consumer: str) -> dict[str, dict[str, int]]:
    found = cloud.placement.get_allocations(consumer).allocations
    names = {report.uuid: report.host for report in cloud.compute.driver.node_reports()}
    return {names[provider]: amounts.resources for provider, amounts in found.items()}


def migrations(cloud: Cloud, uuid: str) -> list[dict[str, Any]]:
    found = cloud.admin.at("2.80").get(f"/os-migrations?instance_uuid={uuid}")["migrations"]
    return list(found)


def what_is_there(cloud: Cloud, uuid: str) -> dict[str, tuple[int | None, bool]]:
    """Host → power state of the guest there, and whether something is set aside there."""
    driver = cloud.compute.driver
    found = {}
    for host in driver.hosts():
        if uuid in driver.residents(host):
            guests = {guest.instance_uuid: guest.power_state for guest in driver.guests(host)}
            found[host] = guests.get(uuid), uuid in driver.aside(host)  # type: ignore[attr-defined]
    return found


def ports(cloud: Cloud, uuid: str) -> set[tuple[str, str]]:
    return {(port["id"], port["binding:host_id"]) for port in cloud.neutron.ports(device_id=uuid)}


def test_a_resize_takes_a_server_to_another_host_and_another_flavor(cloud: Cloud) -> None:
    uuid = boot(cloud, [{"uuid": cloud.network["id"]}])
    source, (port, _) = host_of(cloud, uuid), *ports(cloud, uuid)
    shown = resize(cloud, uuid)
    destination = shown["OS-EXT-SRV-ATTR:host"]
    assert destination != source
    assert what_is_there(cloud, uuid) == {source: (None, True), destination: (PowerState.RUNNING, False)}
    assert ports(cloud, uuid) == {(port, destination)}
    (migration,) = migrations(cloud, uuid)
    assert (migration["status"], migration["migration_type"]) == ("finished", "resize")
    assert (migration["source_compute"], migration["dest_compute"]) == (source, destination)
    assert claims(cloud, uuid) == {destination: NEW}
    assert claims(cloud, migration["uuid"]) == {source: OLD}

    act(cloud, uuid, "confirmResize", status=204)
    shown = cloud.admin.wait_for(uuid, "ACTIVE")
    assert shown["OS-EXT-SRV-ATTR:host"] == destination
    cloud.eventually(lambda: what_is_there(cloud, uuid) == {destination: (PowerState.RUNNING, False)})
    assert claims(cloud, uuid) == {destination: NEW}
    assert claims(cloud, migration["uuid"]) == {}
    assert migrations(cloud, uuid)[0]["status"] == "confirmed"
    assert ports(cloud, uuid) == {(port, destination)}


def test_a_revert_brings_a_server_back_to_what_it_was(cloud: Cloud) -> None:
    uuid = boot(cloud, [{"uuid": cloud.network["id"]}])
    source, (port, _) = host_of(cloud, uuid), *ports(cloud, uuid)
    before = cloud.admin.at("2.47").get(f"/servers/{uuid}")["server"]["flavor"]
    resize(cloud, uuid)
    assert cloud.admin.at("2.47").get(f"/servers/{uuid}")["server"]["flavor"]["original_name"] == "m1.small"
    act(cloud, uuid, "revertResize")
    assert cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == source
    assert cloud.admin.at("2.47").get(f"/servers/{uuid}")["server"]["flavor"] == before
    assert what_is_there(cloud, uuid) == {source: (PowerState.RUNNING, False)}
    (migration,) = migrations(cloud, uuid)
    assert migration["status"] == "reverted"
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({source: OLD}, {})
    assert ports(cloud, uuid) == {(port, source)}


def test_a_server_that_is_off_stays_off(cloud: Cloud) -> None:
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    act(cloud, uuid, "os-stop")
    cloud.admin.wait_for(uuid, "SHUTOFF")
    destination = resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"]
    assert what_is_there(cloud, uuid) == {source: (None, True), destination: (PowerState.SHUTDOWN, False)}
    act(cloud, uuid, "revertResize")
    cloud.admin.wait_for(uuid, "SHUTOFF")
    resize(cloud, uuid)
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "SHUTOFF")
    assert [m["status"] for m in migrations(cloud, uuid)] == ["confirmed", "reverted"]


def test_a_migration_goes_where_an_administrator_wants_it(cloud: Cloud) -> None:
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    wanted = next(host for host in cloud.compute.driver.hosts() if host != source)
    act(cloud, uuid, "migrate", {"host": wanted})
    assert cloud.admin.wait_for(uuid, "VERIFY_RESIZE")["OS-EXT-SRV-ATTR:host"] == wanted
    (migration,) = migrations(cloud, uuid)
    assert migration["migration_type"] == "migration"
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({wanted: OLD}, {source: OLD})
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "ACTIVE")


@pytest.mark.parametrize("when", ["VERIFY_RESIZE", "confirmed"])
def test_a_delete_leaves_nothing_on_either_host(cloud: Cloud, when: str) -> None:
    uuid = boot(cloud, [{"uuid": cloud.network["id"]}])
    resize(cloud, uuid)
    if when == "confirmed":
        act(cloud, uuid, "confirmResize", status=204)
        cloud.admin.wait_for(uuid, "ACTIVE")
    moved_by = migrations(cloud, uuid)[0]["uuid"]
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    assert what_is_there(cloud, uuid) == {}
    assert (claims(cloud, uuid), claims(cloud, moved_by)) == ({}, {})
    assert ports(cloud, uuid) == set()


def test_no_host_leaves_a_server_as_it_was(make_cloud: Callable[..., Cloud]) -> None:
    cloud = with_flavors(make_cloud(hosts=1))
    uuid = boot(cloud)
    cloud.demo.post(f"/servers/{uuid}/action", {"resize": {"flavorRef": "2"}}, 202)
    cloud.eventually(lambda: "fault" in cloud.admin.get(f"/servers/{uuid}")["server"] or claims(cloud, uuid))
    cloud.admin.wait_for(uuid, "ACTIVE")
    (migration,) = migrations(cloud, uuid)
    assert migration["status"] == "error"
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({"fake001": OLD}, {})
    assert what_is_there(cloud, uuid) == {"fake001": (PowerState.RUNNING, False)}


def test_a_resize_may_stay_on_its_host(make_cloud: Callable[..., Cloud]) -> None:
    cloud = with_flavors(make_cloud(hosts=1, allow_resize_to_same_host=True))
    uuid = boot(cloud)
    assert resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"] == "fake001"
    (migration,) = migrations(cloud, uuid)
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({"fake001": NEW}, {"fake001": OLD})
    assert what_is_there(cloud, uuid) == {"fake001": (PowerState.RUNNING, True)}
    act(cloud, uuid, "revertResize")
    cloud.admin.wait_for(uuid, "ACTIVE")
    assert what_is_there(cloud, uuid) == {"fake001": (PowerState.RUNNING, False)}
    resize(cloud, uuid)
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "ACTIVE")
    cloud.eventually(lambda: what_is_there(cloud, uuid) == {"fake001": (PowerState.RUNNING, False)})
    assert claims(cloud, uuid) == {"fake001": NEW}


def test_what_nobody_confirms_is_confirmed_by_itself(make_cloud: Callable[..., Cloud]) -> None:
    cloud = with_flavors(make_cloud(hosts=2, resize_confirm_window=1))
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    destination = resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"]
    assert destination != source
    cloud.admin.wait_for(uuid, "ACTIVE")
    assert what_is_there(cloud, uuid) == {destination: (PowerState.RUNNING, False)}
    actions = cloud.admin.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]
    assert [action["action"] for action in actions] == ["confirmResize", "resize", "create"]
