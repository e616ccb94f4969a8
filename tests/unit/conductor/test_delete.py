"""A server that no living host holds is deleted: what it has is given back first, then it is recorded as gone."""

from typing import Any

import pytest

from novalike.conductor.operations.delete import Settling, give_back
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.network import RequestedNetwork, Vif
from novalike.objects.operation import JournalEntry, Operation
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT, context
from tests.unit.conductor.databases import LATER, NOW, Databases

EARLIER = JournalEntry(event="compute_remove_guest", start_time=NOW, host="host1")


class World:
    """Neutron and Placement, with a server's ports and its claim."""

    def __init__(self) -> None:
        self.neutron = FakeNeutron()
        self.released: list[str] = []
        self.away = False
        self.network = self.neutron.add_network("one", PROJECT)

    def release(self, uuid: str) -> None:
        if self.away:
            raise errors.Unavailable(reason="Placement is away")
        self.released.append(uuid)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def settle(databases: Databases, world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settles some operations."""
    databases.stop_clocks(monkeypatch)
    neutron: Any = world.neutron
    settling = Settling(databases.conf, world.release, neutron)
    return lambda *operations: settling.settle(context(), databases.cell(), [each.uuid for each in operations])


def _delete(databases: Databases, world: World, **facts: Any) -> Operation:
    """Of a server with a port of its own and one that its user has brought."""
    uuid = f"00000000-0000-4000-8000-{len(world.neutron.ports()):012}"
    made, given = (world.neutron.add_port(world.network, PROJECT, device_id=uuid) for _ in range(2))
    vif = Vif(port_id=made["id"], network_id="n", network_name="one", mac="m", created_here=True)
    networks = (RequestedNetwork(network_id="n"), RequestedNetwork(port_id=given["id"]))
    databases.server(uuid=uuid, task_state="deleting", vifs=(vif,), asked={"networks": networks})
    more = {"host": None, "holder": "me", "journal": (EARLIER,)}
    return databases.operation(uuid, "delete", **(more | facts))


def test_ports_and_claim_are_given_back_and_the_server_is_gone(
    databases: Databases, world: World, settle: Any
) -> None:
    first, second, other = (_delete(databases, world) for _ in range(3))
    settle(first, second)
    assert world.released == [first.instance_uuid, second.instance_uuid]
    for operation in (first, second):
        assert world.neutron.ports(device_id=operation.instance_uuid) == []
        row = databases.row(t.operations, operation.uuid)
        earlier, entry = row["journal"]
        assert (row["state"], row["holder"], earlier) == ("done", None, EARLIER)
        assert (entry.event, entry.result, entry.host) == ("conductor_delete", "Success", "ctl")
        assert entry.start_time <= entry.finish_time
        server = databases.row(t.instances, operation.instance_uuid)
        assert (server["deleted"], server["deleted_at"]) == (True, LATER)
    # The users' ports are free, the other server's are not.
    assert len(world.neutron.ports(device_id="")) == 2
    assert len(world.neutron.ports(device_id=other.instance_uuid)) == 2
    assert not databases.row(t.instances, other.instance_uuid)["deleted"]


def test_while_a_neighbour_is_away_the_server_stays(databases: Databases, world: World, settle: Any) -> None:
    operation = _delete(databases, world)
    world.away = True
    with pytest.raises(errors.Unavailable):
        settle(operation)
    assert databases.row(t.operations, operation.uuid)["state"] == "running"
    assert not databases.row(t.instances, operation.instance_uuid)["deleted"]
    world.away = False
    settle(operation)
    assert databases.row(t.instances, operation.instance_uuid)["deleted"]


def test_what_has_ended_already_is_not_settled_again(databases: Databases, world: World, settle: Any) -> None:
    operation = _delete(databases, world, state="done")
    settle(operation)
    assert (world.released, len(world.neutron.ports(device_id=operation.instance_uuid))) == ([], 2)


def test_of_a_server_that_nobody_knows_any_more_all_ports_are_its_own(world: World) -> None:
    neutron: Any = world.neutron
    world.neutron.add_port(world.network, PROJECT, device_id="gone")
    give_back(neutron, world.release, "gone", None)
    assert (world.neutron.ports(), world.released) == ([], ["gone"])
