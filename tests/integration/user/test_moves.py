"""``openstack server resize`` and ``server migrate``, confirmed and reverted, on hosts without hypervisors."""

import pytest

from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.fake


@pytest.fixture(scope="module")
def larger(stack, admin, new_name):
    """A flavor with more of everything than the stack's."""
    name = new_name("larger")
    admin.openstack("flavor", "create", "--ram", "256", "--disk", "2", "--vcpus", "2", name)
    yield name
    admin.openstack("flavor", "delete", name)


@pytest.fixture
def server(stack, demo_api, new_name, server_life):
    """An ACTIVE server."""
    made = demo_api.create(demo_api.server_body(new_name("moved"))).json()["server"]["id"]
    server_life.append(made)
    demo_api.wait_for_status(made, "ACTIVE")
    return made


@pytest.fixture
def host_of(admin_api):
    return lambda server: admin_api.server(server)["OS-EXT-SRV-ATTR:host"]


@pytest.fixture
def other_host(admin, host_of):
    """Gives a host that a server isn't on."""

    def find(server):
        rows = admin.json("compute", "service", "list", "--service", "nova-compute")
        return min({row["Host"] for row in rows} - {host_of(server)})

    return find


@pytest.fixture
def held_by(admin_api):
    """Gives what Placement holds for a consumer: a list, with an entry for each host."""
    return lambda consumer: [held["resources"] for held in admin_api.allocations(consumer).values()]


SMALL, LARGE = ({"VCPU": n, "MEMORY_MB": 128 * n, "DISK_GB": n} for n in (1, 2))


def only_move(admin, server):
    (move,) = admin.json("server", "migration", "list", "--server", server)
    assert move["Server UUID"] == server
    return move


def wait_for_end(admin, server, status):
    wait_for(lambda: only_move(admin, server)["Status"] == status, f"the migration is {status}", 30)


def actions(demo, server):
    return [row["Action"] for row in demo.json("server", "event", "list", server)]


def test_a_resize_that_is_confirmed(stack, demo, admin, demo_api, server, larger, host_of, held_by):
    before = host_of(server)
    demo.openstack("server", "resize", "--flavor", larger, "--wait", server)
    shown = demo_api.wait_for_status(server, "VERIFY_RESIZE")
    assert (shown["OS-EXT-STS:vm_state"], shown["flavor"]["original_name"]) == ("resized", larger)
    assert server in [row["ID"] for row in demo.json("server", "list", "--status", "VERIFY_RESIZE")]
    assert server not in [row["ID"] for row in demo.json("server", "list", "--status", "ACTIVE")]
    move = only_move(admin, server)
    assert (move["Type"], move["Status"]) == ("resize", "finished")
    assert (move["Source Compute"], move["Dest Compute"]) == (before, host_of(server))
    assert move["Old Flavor"] != move["New Flavor"]
    assert (held_by(server), held_by(move["UUID"])) == ([LARGE], [SMALL])
    for words in (("stop",), ("resize", "--flavor", stack.flavor)):
        with pytest.raises(AssertionError, match="while it is in vm_state resized"):
            demo.openstack("server", *words, server)
    demo.openstack("server", "resize", "confirm", server)
    shown = demo_api.wait_for_status(server, "ACTIVE")
    assert shown["flavor"]["original_name"] == larger
    assert host_of(server) == move["Dest Compute"]
    wait_for_end(admin, server, "confirmed")
    assert (held_by(server), held_by(move["UUID"])) == ([LARGE], [])
    assert actions(demo, server) == ["confirmResize", "resize", "create"]


def test_a_resize_that_is_reverted(stack, demo, admin, demo_api, server, larger, host_of, held_by):
    before = host_of(server)
    demo.openstack("server", "resize", "--flavor", larger, "--wait", server)
    demo_api.wait_for_status(server, "VERIFY_RESIZE")
    demo.openstack("server", "resize", "revert", server)
    shown = demo_api.wait_for_status(server, "ACTIVE")
    assert shown["flavor"]["original_name"] == stack.flavor
    assert host_of(server) == before
    wait_for_end(admin, server, "reverted")
    assert (held_by(server), held_by(only_move(admin, server)["UUID"])) == ([SMALL], [])
    assert actions(demo, server) == ["revertResize", "resize", "create"]


def test_a_stopped_server_stays_stopped(demo, demo_api, server, larger):
    demo.openstack("server", "stop", server)
    demo_api.wait_for_status(server, "SHUTOFF")
    for end in ("revert", "confirm"):
        demo.openstack("server", "resize", "--flavor", larger, "--wait", server)
        demo_api.wait_for_status(server, "VERIFY_RESIZE")
        demo.openstack("server", "resize", end, server)
        assert demo_api.wait_for_status(server, "SHUTOFF")["OS-EXT-STS:power_state"] == 4
    demo.openstack("server", "start", server)
    demo_api.wait_for_status(server, "ACTIVE")


def test_what_is_no_resize(stack, demo, demo_api, server):
    for words, why in (
        (("resize", "--flavor", stack.flavor), "instances must change flavor"),
        (("resize", "confirm"), "'confirmResize' instance .* while it is in vm_state active"),
        (("resize", "revert"), "'revertResize' instance .* while it is in vm_state active"),
    ):
        with pytest.raises(AssertionError, match=why):
            demo.openstack("server", *words, server)
    answer = demo_api.ask("POST", f"/servers/{server}/action", {"resize": {"flavorRef": "no-such"}})
    assert (answer.status_code, answer.json()["badRequest"]["message"]) == (400, "Flavor no-such could not be found.")
    assert demo_api.server(server)["status"] == "ACTIVE"


def test_a_migration_to_wherever_there_is_room(demo, admin, demo_api, server, host_of, held_by):
    before = host_of(server)
    admin.openstack("server", "migrate", "--wait", server)
    demo_api.wait_for_status(server, "VERIFY_RESIZE")
    assert host_of(server) != before
    (move,) = admin.json("server", "migration", "list", "--server", server, "--type", "cold-migration")
    assert (move["Type"], move["Status"], move["Source Compute"]) == ("migration", "finished", before)
    assert move["Old Flavor"] == move["New Flavor"]
    assert (held_by(server), held_by(move["UUID"])) == ([SMALL], [SMALL])
    admin.openstack("server", "migration", "confirm", server)
    demo_api.wait_for_status(server, "ACTIVE")
    wait_for_end(admin, server, "confirmed")
    assert host_of(server) == move["Dest Compute"]
    assert actions(demo, server) == ["confirmResize", "migrate", "create"]


def test_a_migration_to_a_certain_host(demo, admin, demo_api, server, host_of, other_host):
    before, wanted = host_of(server), other_host(server)
    for host, why in ((before, "Cannot migrate to the host where the server"), ("nowhere", "could not be found")):
        with pytest.raises(AssertionError, match=why):
            admin.openstack("server", "migrate", "--host", host, server)
    admin.openstack("server", "migrate", "--host", wanted, "--wait", server)
    demo_api.wait_for_status(server, "VERIFY_RESIZE")
    assert host_of(server) == wanted
    # It is the owner's as much as the administrator's to say how it ends.
    demo.openstack("server", "migration", "revert", server)
    demo_api.wait_for_status(server, "ACTIVE")
    assert host_of(server) == before
    wait_for_end(admin, server, "reverted")


def test_an_ordinary_user_migrates_nothing(demo, server):
    with pytest.raises(AssertionError, match="Policy doesn't allow os_compute_api:os-migrate-server:migrate "):
        demo.openstack("server", "migrate", server)
    with pytest.raises(AssertionError, match="Policy doesn't allow os_compute_api:os-migrate-server:migrate:host "):
        demo.openstack("server", "migrate", "--host", "anywhere", server)


def test_a_server_that_is_deleted_instead_of_confirmed(
    demo, admin, demo_api, admin_api, server, larger, held_by, nothing_is_left
):
    ports = admin_api.ports(device_id=server)
    demo.openstack("server", "resize", "--flavor", larger, "--wait", server)
    demo_api.wait_for_status(server, "VERIFY_RESIZE")
    move = only_move(admin, server)["UUID"]
    demo.openstack("server", "delete", "--wait", server)
    nothing_is_left(server, ports)
    wait_for(lambda: not held_by(move), "the source's claim is gone", 30)
