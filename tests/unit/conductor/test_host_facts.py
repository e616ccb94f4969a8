"""What the scheduler is told of a host: what it has reported, less what is reserved and what its servers use."""

from pathlib import Path

import sqlalchemy as sa

from novalike.db.cell import tables as cell_tables
from novalike.objects.record import utcnow
from tests.unit.conductor.test_host_states import Conductor


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
