"""What the scheduler is told of a host: what it has reported, less what is reserved and what its servers use."""

from pathlib import Path

import sqlalchemy as sa

from novalike.db.api import aggregates
from novalike.db.cell import tables as cell_tables
from novalike.objects.host import HostState
from novalike.objects.record import utcnow
from tests.unit.conductor.test_host_states import Conductor
from tests.unit.scheduler.cloud import node_uuid


def test_a_host_without_servers(tmp_path: Path) -> None:
    conductor = Conductor(tmp_path)
    conductor.report(
        "h", vcpus=4, memory_mb=4096, local_gb=100, cpu_allocation_ratio=2.0, ram_allocation_ratio=1.5,
        disk_allocation_ratio=2.0, reserved_host_memory_mb=100, reserved_host_disk_mb=3000, host_ip="10.0.0.1",
    )  # fmt: skip
    conductor.refresh()
    host = conductor.host("h")
    assert (host.host, host.cell, host.zone, host.host_ip) == ("h", "cell1", "nova", "10.0.0.1")
    assert (host.up, host.disabled, host.disabled_reason) == (True, False, None)
    assert (host.vcpus_total, host.vcpus_used, host.cpu_allocation_ratio) == (4, 0, 2.0)
    assert (host.memory_mb_total, host.free_memory_mb, host.ram_allocation_ratio) == (4096, 6144 - 100, 1.5)
    assert (host.total_disk_gb, host.free_disk_gb, host.disk_allocation_ratio) == (100, 200 - 2, 2.0)
    assert (host.num_instances, host.num_io_ops, host.failed_builds) == (0, 0, 0)


def test_what_servers_use_is_not_free(tmp_path: Path) -> None:
    conductor = Conductor(tmp_path)
    conductor.report("h", vcpus=8, memory_mb=4096, local_gb=100, reserved_host_memory_mb=0)
    conductor.server("h", vcpus=2, memory_mb=1024, root_gb=10, ephemeral_gb=5)
    conductor.server("h", vcpus=1, memory_mb=512, root_gb=1, vm_state="building", task_state="spawning")
    conductor.server("elsewhere", vcpus=4)
    conductor.refresh()
    host = conductor.host("h")
    assert (host.vcpus_used, host.free_memory_mb, host.free_disk_gb) == (3, 4096 - 1536, 100 - 16)
    assert (host.num_instances, host.num_io_ops) == (2, 1)


def test_a_disabled_host_says_why(tmp_path: Path) -> None:
    conductor = Conductor(tmp_path)
    conductor.report("h")
    services = cell_tables.services
    with conductor.database.engine.begin() as connection:
        connection.execute(sa.update(services).values(disabled=True, disabled_reason="hot", updated_at=utcnow()))
    conductor.refresh()
    assert (conductor.host("h").disabled, conductor.host("h").disabled_reason) == (True, "hot")


def test_nothing_of_what_is_known_of_a_host_is_missing(tmp_path: Path) -> None:
    conductor = Conductor(tmp_path)
    said = {
        "hypervisor_type": "QEMU", "hypervisor_version": 8002000, "host_ip": "10.0.0.1", "failed_builds": 2,
        "supported_instances": (("x86_64", "qemu", "hvm"),), "traits": ("COMPUTE_NODE", "HW_CPU_X86_AVX"),
        "stats": {"io_workload": 3}, "cpu_info": {"vendor": "Intel"}, "cpu_allocation_ratio": 2.0,
        "ram_allocation_ratio": 1.5, "disk_allocation_ratio": 3.0,
    }  # fmt: skip
    conductor.report(
        "h", endpoint="e1", hypervisor_hostname="h.node", vcpus=8, memory_mb=4096, local_gb=100,
        reserved_host_memory_mb=100, reserved_host_disk_mb=3072, **said,
    )  # fmt: skip

    def gather(connection: sa.Connection) -> None:
        aggregates.add_member(connection, aggregates.insert(connection, "fast", "zone1"), "h")

    conductor.cells.api.write(gather)
    conductor.server("h", node="h.node", vcpus=2, memory_mb=1024, root_gb=10, ephemeral_gb=5)
    conductor.server("h", node="h.node", vcpus=1, memory_mb=512, task_state="spawning")
    services = cell_tables.services
    with conductor.database.engine.begin() as connection:
        connection.execute(sa.update(services).values(disabled=True, disabled_reason="hot", forced_down=True))
    found = conductor.refresh()
    assert found is not None
    (state,) = found.hosts
    assert [(each.name, each.metadata) for each in state.aggregates] == [("fast", {"availability_zone": "zone1"})]
    assert state == HostState(
        uuid=node_uuid("h"), host="h", hypervisor_hostname="h.node", endpoint="e1", cell="cell1", up=False,
        disabled=True, disabled_reason="hot", vcpus_total=8, vcpus_used=3, memory_mb_total=4096,
        free_memory_mb=6144 - 100 - 1536, total_disk_gb=100, free_disk_gb=300 - 3 - 16, num_instances=2, num_io_ops=1,
        aggregates=state.aggregates, zone="zone1", **said,
    )  # fmt: skip
