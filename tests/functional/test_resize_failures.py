"""Moves that fail at more than one point: what users can do then."""

from collections.abc import Iterator

import pytest

from novalike.objects.lifecycle import PowerState
from novalike.virt.driver import GuestFailed
from tests.functional.conftest import furnish
from tests.functional.harness import Cloud
from tests.functional.test_resize import (
    LARGER,
    NEW,
    OLD,
    act,
    boot,
    claims,
    host_of,
    migrations,
    ports,
    resize,
    what_is_there,
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = furnish(Cloud(tmp_path_factory.mktemp("cloud"), hosts=2))
    cloud.admin.post("/flavors", LARGER, 200)
    yield cloud
    cloud.close()


@pytest.fixture
def broken(cloud: Cloud) -> Iterator[pytest.MonkeyPatch]:
    """Undone, the hypervisor works again."""
    patch = pytest.MonkeyPatch()
    yield patch
    patch.undo()


def break_down(cloud: Cloud, patch: pytest.MonkeyPatch, *methods: str) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise GuestFailed(reason="it fails, as ordered")

    for method in methods:
        patch.setattr(cloud.compute.driver, method, fail)


def begin_resize(cloud: Cloud, uuid: str) -> None:
    cloud.demo.post(f"/servers/{uuid}/action", {"resize": {"flavorRef": "2"}}, 202)


def messages(cloud: Cloud, uuid: str) -> list[str | None]:
    actions = cloud.admin.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]
    return [action["message"] for action in actions]


def test_a_confirm_that_has_failed_can_only_be_asked_again(cloud: Cloud, broken: pytest.MonkeyPatch) -> None:
    uuid = boot(cloud)
    resize(cloud, uuid)
    break_down(cloud, broken, "discard_aside")
    act(cloud, uuid, "confirmResize", status=204)
    cloud.eventually(lambda: "Error" in messages(cloud, uuid))
    broken.undo()
    assert cloud.admin.get(f"/servers/{uuid}")["server"]["status"] == "VERIFY_RESIZE"
    # Its old disks may be gone.
    assert cloud.admin.request("POST", f"/servers/{uuid}/action", {"revertResize": None}).status_code == 400
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "ACTIVE")
    assert [m["status"] for m in migrations(cloud, uuid)] == ["confirmed"]
    assert claims(cloud, migrations(cloud, uuid)[0]["uuid"]) == {}
    cloud.demo.delete(f"/servers/{uuid}")


def test_a_revert_that_has_failed_can_only_be_asked_again(cloud: Cloud, broken: pytest.MonkeyPatch) -> None:
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    resize(cloud, uuid)
    break_down(cloud, broken, "remove_disks")
    act(cloud, uuid, "revertResize")
    cloud.eventually(lambda: "Error" in messages(cloud, uuid))
    broken.undo()
    assert cloud.admin.wait_for(uuid, "VERIFY_RESIZE")["OS-EXT-SRV-ATTR:host"] != source
    # Its new disks may be gone.
    assert cloud.admin.request("POST", f"/servers/{uuid}/action", {"confirmResize": None}).status_code == 400
    act(cloud, uuid, "revertResize")
    assert cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == source
    assert what_is_there(cloud, uuid) == {source: (PowerState.RUNNING, False)}
    cloud.demo.delete(f"/servers/{uuid}")


def test_a_move_that_the_source_cannot_take_back_ends_there_with_its_claim(
    cloud: Cloud, broken: pytest.MonkeyPatch
) -> None:
    uuid = boot(cloud, [{"uuid": cloud.network["id"]}])
    source, (port, _) = host_of(cloud, uuid), *ports(cloud, uuid)
    break_down(cloud, broken, "power_on")
    begin_resize(cloud, uuid)
    assert cloud.admin.wait_for(uuid, "ERROR")["OS-EXT-SRV-ATTR:host"] == source
    (migration,) = migrations(cloud, uuid)
    assert migration["status"] == "error"
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({source: OLD}, {})
    broken.undo()
    # As when the ports could not be bound to the source either.
    cloud.neutron.update_port(port, {"binding:host_id": "elsewhere"})
    act(cloud, uuid, "reboot", {"type": "HARD"})
    cloud.eventually(lambda: cloud.admin.get(f"/servers/{uuid}")["server"]["status"] == "ACTIVE")
    assert what_is_there(cloud, uuid) == {source: (PowerState.RUNNING, False)}
    assert ports(cloud, uuid) == {(port, source)}
    cloud.demo.delete(f"/servers/{uuid}")


def test_a_move_that_stops_on_its_destination_is_ended_by_a_hard_reboot(
    cloud: Cloud, broken: pytest.MonkeyPatch
) -> None:
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    break_down(cloud, broken, "power_on", "remove_disks")
    begin_resize(cloud, uuid)
    destination = cloud.admin.wait_for(uuid, "ERROR")["OS-EXT-SRV-ATTR:host"]
    assert destination != source
    (migration,) = migrations(cloud, uuid)
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({destination: NEW}, {source: OLD})
    broken.undo()
    act(cloud, uuid, "reboot", {"type": "HARD"})
    cloud.eventually(lambda: cloud.admin.get(f"/servers/{uuid}")["server"]["status"] == "VERIFY_RESIZE")
    act(cloud, uuid, "revertResize")
    assert cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == source
    assert what_is_there(cloud, uuid) == {source: (PowerState.RUNNING, False)}
    assert (claims(cloud, uuid), claims(cloud, migration["uuid"])) == ({source: OLD}, {})
    cloud.demo.delete(f"/servers/{uuid}")
