"""Resizes and migrations that can't be, and who may ask for one: what users are told, and that nothing has happened."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functional.conftest import furnish
from tests.functional.harness import DEMO_PROJECT, Client, Cloud
from tests.functional.test_resize import act, boot, migrations, resize

FLAVORS = {
    "2": {"ram": 128, "vcpus": 2, "disk": 2}, "no-disk": {"ram": 128, "vcpus": 2, "disk": 0},
    "little-memory": {"ram": 16, "vcpus": 2, "disk": 2}, "more-disk": {"ram": 64, "vcpus": 1, "disk": 2},
    "private": {"ram": 128, "vcpus": 2, "disk": 2, "os-flavor-access:is_public": False},
}  # fmt: skip
QUOTA = f"/os-quota-sets/{DEMO_PROJECT}"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = furnish(Cloud(tmp_path_factory.mktemp("cloud")))
    for flavor, facts in FLAVORS.items():
        cloud.admin.post("/flavors", {"flavor": {"id": flavor, "name": flavor, **facts}}, 200)
    yield cloud
    cloud.close()


@pytest.fixture(scope="module")
def uuid(cloud: Cloud) -> str:
    """A server that stays what it is."""
    return boot(cloud)


@pytest.fixture
def manager(cloud: Cloud) -> Client:
    return Client(cloud.app, "boss", DEMO_PROJECT, "manager,member,reader")


def refused(who: Client, uuid: str, body: Any, version: str = "2.90") -> tuple[int, str]:
    """Status and message."""
    answer = who.at(version).request("POST", f"/servers/{uuid}/action", body)
    assert answer.status_code >= 400
    (problem,) = answer.json.values()
    return answer.status_code, problem["message"]


def to(flavor: str) -> dict[str, Any]:
    return {"resize": {"flavorRef": flavor}}


@pytest.mark.parametrize(
    ("flavor", "message"),
    [
        ("1", "When resizing, instances must change flavor!"), ("none", "Flavor none could not be found."),
        ("private", "Flavor private could not be found."),
        ("no-disk", "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed."),
    ],
)
def test_a_flavor_that_cannot_be(cloud: Cloud, uuid: str, flavor: str, message: str) -> None:
    assert refused(cloud.demo, uuid, to(flavor)) == (400, message)
    assert migrations(cloud, uuid) == []


def test_what_the_image_needs(cloud: Cloud) -> None:
    image = cloud.glance.add_image(b"x", name="hungry", min_ram=32, disk_format="raw", container_format="bare")
    uuid = boot(cloud, imageRef=image.id)
    status, message = refused(cloud.demo, uuid, to("little-memory"))
    assert (status, message) == (400, "Flavor's memory is too small for requested image.")


def test_disks_do_not_shrink(cloud: Cloud) -> None:
    uuid = boot(cloud, flavorRef="more-disk")
    status, message = refused(cloud.demo, uuid, to("1"))
    assert status == 400
    assert "The root disk can't shrink from 2 to 1 GiB." in message


@pytest.mark.parametrize("action", ["confirmResize", "revertResize"])
def test_what_was_not_resized_is_neither_confirmed_nor_reverted(cloud: Cloud, uuid: str, action: str) -> None:
    status, message = refused(cloud.demo, uuid, {action: None})
    assert (status, message) == (409, f"Cannot '{action}' instance {uuid} while it is in vm_state active")


@pytest.mark.parametrize(
    ("body", "verb"), [(to("none"), "resize"), ({"migrate": None}, "migrate"), ({"migrate": {"host": "x"}}, "migrate")]
)
def test_the_servers_state_matters_before_what_is_asked_for(cloud: Cloud, body: Any, verb: str) -> None:
    uuid = boot(cloud)
    resize(cloud, uuid)
    message = f"Cannot '{verb}' instance {uuid} while it is in vm_state resized"
    assert refused(cloud.admin, uuid, body) == (409, message)


@pytest.mark.parametrize(
    ("body", "verb"), [(to("2"), "resize"), ({"migrate": None}, "migrate"), ({"os-stop": None}, "stop")]
)
def test_while_it_is_moved_nothing_else_is_done_to_a_server(cloud: Cloud, body: Any, verb: str) -> None:
    uuid = boot(cloud)
    cloud.bus.fault = lambda interface, method: "lose" if method == "select" else None
    try:
        act(cloud, uuid, "migrate")
        message = f"Cannot '{verb}' instance {uuid} while it is in task_state resize_prep"
        assert refused(cloud.admin, uuid, body) == (409, message)
        assert [migration["status"] for migration in migrations(cloud, uuid)] == ["pre-migrating"]
    finally:
        cloud.bus.fault = lambda interface, method: None
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    assert uuid not in cloud.placement.consumers


def test_a_quota_is_for_what_is_more(cloud: Cloud) -> None:
    uuid = boot(cloud)
    used = cloud.demo.get("/limits")["limits"]["absolute"]
    try:
        cloud.admin.put(QUOTA, {"quota_set": {"cores": used["totalCoresUsed"], "ram": used["totalRAMUsed"]}})
        status, message = refused(cloud.demo, uuid, to("2"))
        assert status == 403
        assert message.startswith("Quota exceeded for cores, ram: Requested 1, 64, but already used ")
        # Which needs no more of either.
        resize(cloud, uuid, "more-disk")
    finally:
        cloud.admin.delete(QUOTA)


def test_a_locked_server_is_moved_by_administrators_only(cloud: Cloud, manager: Client) -> None:
    uuid = boot(cloud)
    cloud.demo.post(f"/servers/{uuid}/action", {"lock": None}, 202)
    locked = (409, f"Instance {uuid} is locked")
    assert refused(cloud.demo, uuid, to("2")) == locked
    assert refused(manager, uuid, {"migrate": None}) == locked
    act(cloud, uuid, "migrate")
    cloud.admin.wait_for(uuid, "VERIFY_RESIZE")
    for action in ("confirmResize", "revertResize"):
        assert refused(cloud.demo, uuid, {action: None}) == locked
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "ACTIVE")


def test_who_may_move_what(cloud: Cloud, manager: Client) -> None:
    uuid = boot(cloud)
    assert refused(cloud.demo, uuid, {"migrate": None})[0] == 403
    assert refused(cloud.demo, uuid, {"migrate": {"host": "fake001"}})[0] == 403
    assert refused(manager, uuid, {"migrate": {"host": "fake001"}})[0] == 403
    reader = Client(cloud.app, "reader", DEMO_PROJECT, "reader")
    for body in (to("2"), {"confirmResize": None}, {"revertResize": None}, {"migrate": None}):
        assert refused(reader, uuid, body)[0] == 403
        stranger = Client(cloud.app, "stranger", "another", "manager,member,reader")
        assert refused(stranger, uuid, body)[0] == 404
    manager.at("2.56").post(f"/servers/{uuid}/action", {"migrate": None}, 202)
    cloud.admin.wait_for(uuid, "VERIFY_RESIZE")
    cloud.demo.post(f"/servers/{uuid}/action", {"revertResize": None}, 202)
    cloud.demo.wait_for(uuid, "ACTIVE")
    resize(cloud, uuid)
    cloud.demo.post(f"/servers/{uuid}/action", {"confirmResize": None}, 204)
    cloud.demo.wait_for(uuid, "ACTIVE")


def test_where_a_migration_may_go(cloud: Cloud, uuid: str) -> None:
    host = cloud.admin.get(f"/servers/{uuid}")["server"]["OS-EXT-SRV-ATTR:host"]
    for wanted, message in (
        (host, "Cannot migrate to the host where the server exists."), ("x", "Compute host x could not be found."),
    ):  # fmt: skip
        assert refused(cloud.admin, uuid, {"migrate": {"host": wanted}}) == (400, message)


def test_nobody_resizes_what_is_not_there(cloud: Cloud) -> None:
    for body in (to("2"), {"migrate": None}, {"confirmResize": None}, {"revertResize": None}):
        assert refused(cloud.admin, "00000000-0000-4000-8000-000000000000", body)[0] == 404


def test_what_fits_nowhere_leaves_the_server_where_it_is(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=2, quota__ram=-1)
    uuid = boot(cloud)
    source = cloud.admin.get(f"/servers/{uuid}")["server"]["OS-EXT-SRV-ATTR:host"]
    huge = {"flavor": {"id": "huge", "name": "huge", "ram": 10**7, "vcpus": 1, "disk": 1}}
    cloud.admin.post("/flavors", huge, 200)
    cloud.demo.post(f"/servers/{uuid}/action", to("huge"), 202)
    cloud.eventually(lambda: migrations(cloud, uuid)[0]["status"] == "error")
    shown = cloud.admin.wait_for(uuid, "ACTIVE")
    assert shown["OS-EXT-SRV-ATTR:host"] == source
    assert shown["flavor"]["id"] == "1"
