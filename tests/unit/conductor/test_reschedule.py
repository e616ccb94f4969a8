"""When a build that failed is tried again, and what is recorded then."""

import datetime

import msgspec
import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.operations.reschedule import may_reschedule, reschedule
from novalike.db.cell import tables as t
from novalike.objects.network import Vif
from novalike.objects.operation import JournalEntry, Operation, Stop
from tests.unit.conductor.databases import LATER, NOW, Databases, changed

ENTRY = JournalEntry(event="compute_spawn", start_time=NOW, finish_time=LATER, result="Error", host="host1")
VIF = Vif(port_id="port", network_id="net", network_name="private", mac="fa:16:3e:00:00:01")


@pytest.mark.parametrize(
    ("workflow", "attempts", "may"),
    [("create", 0, True), ("create", 1, True), ("create", 2, False), ("create", 9, False), ("delete", 0, False),
     ("reboot_hard", 0, False)],
)  # fmt: skip
def test_only_builds_are_tried_elsewhere_and_only_so_often(workflow: str, attempts: int, may: bool) -> None:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("max_attempts", 3, "scheduler")
    operation = Operation(
        uuid="o", instance_uuid="s", action=workflow, workflow=workflow, request_id="r", user_id="u", project_id="p",
        start_time=datetime.datetime(2026, 11, 28), attempts=attempts, host="host1",
    )  # fmt: skip
    assert may_reschedule(conf, operation) is may


def _failed_on(databases: Databases, host: str | None) -> Operation:
    """A build that has failed on a host, after an earlier one on another host."""
    facts = {"host": host, "node": host}
    server = databases.server(vm_state="building", task_state="spawning", vifs=(VIF,), vifs_version=1, **facts)
    return databases.operation(
        server, "create", state="pending", host=host, holder=None, attempts=1, at=1,
        route=(Stop(leg="place", epoch=1), Stop(leg="build", host=host, node=host, epoch=2)),
        params={"excluded_hosts": ["host0"]},
    )  # fmt: skip


def _news(databases: Databases) -> set[str]:
    """The hosts of which the scheduler is told something."""
    nodes = sa.select(t.compute_nodes.c.host).where(t.compute_nodes.c.updated_at != NOW)
    return databases.cell().database.query(lambda c: set(c.execute(nodes).scalars()))


@pytest.mark.parametrize("vifs", [None, (), (VIF, VIF)], ids=["unknown", "none", "some"])
def test_a_conductor_is_to_find_a_host_on_which_it_has_not_been(
    databases: Databases, vifs: tuple[Vif, ...] | None
) -> None:
    for name in ("host1", "host2"):
        databases.host(name)
    databases.execute(sa.update(t.compute_nodes).values(updated_at=NOW))
    operation = _failed_on(databases, "host1")
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    handed = databases.cell().database.write(
        lambda c: reschedule(c, databases.conf, operation, "me", LATER, journal=(ENTRY,), vifs=vifs)
    )
    route = (Stop(leg="place", epoch=4), Stop(leg="build", epoch=2))
    assert changed(before[0], databases.row(t.operations, operation.uuid)) == {
        "state": "running", "epoch": 4, "holder": "me", "host": None, "route": route, "at": 0, "journal": (ENTRY,),
        "updated_at": LATER, "due_at": LATER + datetime.timedelta(seconds=30), "attempts": 2,
        "params": {"excluded_hosts": ["host0", "host1"]},
    }  # fmt: skip
    assert changed(before[1], databases.row(t.instances, operation.instance_uuid)) == {
        "task_state": "scheduling", "host": None, "node": None, "vifs": vifs or (), "vifs_version": 2,
        "updated_at": LATER,
    }  # fmt: skip
    assert _news(databases) == {"host1"}
    assert handed is not None
    assert (handed.epoch, handed.holder, handed.host, handed.at) == (4, "me", None, 0)


def test_who_has_been_overtaken_reschedules_nothing(databases: Databases) -> None:
    databases.host("host1")
    databases.execute(sa.update(t.compute_nodes).values(updated_at=NOW))
    operation = _failed_on(databases, "host1")
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    late = msgspec.structs.replace(operation, epoch=2)
    assert databases.cell().database.write(
        lambda c: reschedule(c, databases.conf, late, "me", LATER, journal=(), vifs=())
    ) is None  # fmt: skip
    after = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    assert (after, _news(databases)) == (before, set())
