"""What administrators are told of hypervisors, and which page of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from novalike.conductor.hypervisors import HypervisorReadsHandler
from novalike.db.api import mappings
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.host import ComputeNode
from tests.unit.conductor.databases import Databases
from tests.unit.scheduler.cloud import node_uuid

CTX = admin_context()


def test_nothing_of_what_is_known_of_a_hypervisor_is_missing(databases: Databases) -> None:
    said = {
        "hypervisor_type": "QEMU", "hypervisor_version": 8002000, "host_ip": "10.0.0.1", "vcpus": 8,
        "memory_mb": 4096, "local_gb": 100, "disk_available_least": 77, "cpu_info": {"vendor": "Intel"},
        "uptime": "3 days",
    }  # fmt: skip
    databases.host("other")
    databases.host(
        "h", hypervisor_hostname="h.node", reserved_host_memory_mb=100, reserved_host_disk_mb=3072, vcpus_used=6,
        memory_mb_used=66, local_gb_used=6, running_vms=6, **said,
    )  # fmt: skip
    one = databases.server(host="h", node="h.node", vcpus=2, memory_mb=1024, root_gb=10, ephemeral_gb=5)
    two = databases.server(host="h", node="h.node", task_state="spawning")
    mine, own = t.services.c.host == "h", t.compute_nodes.c.host == "h"
    databases.execute(sa.update(t.services).where(mine).values(disabled=True, disabled_reason="hot", forced_down=True))
    cell = databases.cell()
    service = cell.database.query(lambda c: c.execute(sa.select(t.services).where(mine)).one())
    node = cell.database.query(lambda c: c.execute(sa.select(t.compute_nodes).where(own)).one())
    handler = HypervisorReadsHandler(databases.conf, databases.cells)
    found = handler.get_hypervisor(CTX, hypervisor_id=node_uuid("h"), with_servers=True)
    # What is used is counted from the servers.
    assert found == ComputeNode(
        id=node.id, uuid=node_uuid("h"), host="h", hypervisor_hostname="h.node", vcpus_used=3,
        memory_mb_used=100 + 1024 + 512, local_gb_used=3 + 15 + 1, running_vms=2, current_workload=1,
        service_id=service.id, service_uuid=service.uuid, service_disabled=True, service_disabled_reason="hot",
        service_up=False, created_at=node.created_at, updated_at=node.updated_at,
        servers=(("instance-00000001", one), ("instance-00000002", two)), **said,
    )  # fmt: skip
    assert node.created_at is not None
    assert handler.get_hypervisor(CTX, hypervisor_id=str(node.id)).servers is None
    empty = handler.get_hypervisor(CTX, hypervisor_id=node_uuid("other"), with_servers=True)
    assert (empty.vcpus_used, empty.memory_mb_used, empty.local_gb_used, empty.running_vms) == (0, 512, 0, 0)
    assert (empty.current_workload, empty.servers, empty.service_up) == (0, (), True)


@pytest.mark.parametrize("number", [str(2**31), "9" * 10, "9" * 30, "9" * 5000])
def test_no_database_is_asked_for_a_number_that_its_column_cannot_hold(databases: Databases, number: str) -> None:
    handler = HypervisorReadsHandler(databases.conf, None)  # type: ignore[arg-type]
    with pytest.raises(errors.ComputeNodeNotFound):
        handler.get_hypervisor(CTX, hypervisor_id=number)
    with pytest.raises(errors.MarkerNotFound):
        handler.list_hypervisors(CTX, marker=number)


def test_the_largest_number_is_asked_for(databases: Databases) -> None:
    handler = HypervisorReadsHandler(databases.conf, databases.cells)
    databases.host("h")
    databases.execute(sa.update(t.compute_nodes).values(id=2**31 - 1))
    assert handler.get_hypervisor(CTX, hypervisor_id=str(2**31 - 1)).host == "h"


@pytest.fixture
def two_cells(tmp_path: Path) -> Iterator[Databases]:
    """Of the hosts a and b in one cell, c and d in the other."""
    found = Databases(tmp_path, cells=2)
    for cell, names in (("cell1", ("a1", "b2")), ("cell2", ("c1", "d2"))):
        number = found.cell(cell).id
        for name in names:
            found.cells.api.write(lambda c, name=name, number=number: mappings.map_host(c, name, number))
            found.host(name)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("limit", "marker", "pattern", "names"),
    [
        (None, None, None, "a1 b2 c1 d2"), (1, None, None, "a1"), (2, None, None, "a1 b2"), (3, None, None, "a1 b2 c1"),
        (None, "a1", None, "b2 c1 d2"), (1, "a1", None, "b2"), (2, "a1", None, "b2 c1"), (1, "b2", None, "c1"),
        (9, "c1", None, "d2"), (1, "d2", None, ""), (0, None, None, ""), (None, None, "2", "b2 d2"),
        (1, "b2", "2", "d2"), (None, None, "_", ""),
    ],
)  # fmt: skip
def test_pages_go_over_all_cells(
    two_cells: Databases, limit: int | None, marker: str | None, pattern: str | None, names: str
) -> None:
    handler = HypervisorReadsHandler(two_cells.conf, two_cells.cells)
    after = None if marker is None else node_uuid(marker)
    found = handler.list_hypervisors(CTX, limit=limit, marker=after, pattern=pattern)
    assert [node.host for node in found] == names.split()
