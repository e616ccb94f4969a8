"""A small cloud for the scheduler's tests: hosts, their providers, a conductor that knows them."""

import uuid
from typing import Any

from msgspec.structs import replace
from oslo_config import cfg

from novalike import conf as options
from novalike.objects.context import admin_context
from novalike.objects.flavor import Flavor
from novalike.objects.host import HostState, HostStates, NodeReport
from novalike.objects.scheduling import SchedulingRequest, Selections
from novalike.scheduler.candidate import Candidate, new_candidate
from novalike.scheduler.filters.registry import load_filters
from novalike.scheduler.server import SchedulerServer
from novalike.scheduler.snapshot import EMPTY, Snapshot
from novalike.virt.node_inventory import standard_inventories
from tests.fakes.placement import FakePlacement

NAMESPACE = uuid.UUID("5f0c8f3e-3c4e-4f5e-9d7b-0d5f6a3c1b2a")
FLAVOR = Flavor(flavor_id="1", name="m1", memory_mb=512, vcpus=1, root_gb=10)


def new_conf(**overrides: Any) -> cfg.ConfigOpts:
    """A configuration of its own. Overrides are of [filter_scheduler], or ``scheduler__x`` of [scheduler]."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[], default_config_dirs=[])
    for name, value in overrides.items():
        group, _, option = name.rpartition("__")
        conf.set_override(option, value, group=group or "filter_scheduler")
    return conf


def node_uuid(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))


def server_uuids(count: int, prefix: str = "server") -> tuple[str, ...]:
    return tuple(node_uuid(f"{prefix}-{number}") for number in range(count))


def report(name: str, **facts: Any) -> NodeReport:
    """What a host of 4 vCPUs (16 with the ratio), 8.5 GiB of memory (8 free) and 100 GiB reports."""
    values: dict[str, Any] = {
        "uuid": node_uuid(name),
        "host": name,
        "hypervisor_hostname": name,
        "hypervisor_type": "fake",
        "hypervisor_version": 1,
        "host_ip": None,
        "vcpus": 4,
        "memory_mb": 8704,
        "local_gb": 100,
        "traits": ("COMPUTE_NODE",),
    } | facts
    made = NodeReport(**values)
    return replace(made, inventories=standard_inventories(made) | made.inventories)


def state(name: str, node: NodeReport | None = None, **facts: Any) -> HostState:
    """The host as the conductor tells of it."""
    node = node or report(name)
    values: dict[str, Any] = {
        "uuid": node.uuid,
        "host": node.host,
        "hypervisor_hostname": node.hypervisor_hostname,
        "endpoint": f"endpoint-{name}",
        "cell": "cell1",
        "hypervisor_type": node.hypervisor_type,
        "hypervisor_version": node.hypervisor_version,
        "vcpus_total": node.vcpus,
        "memory_mb_total": node.memory_mb,
        "free_memory_mb": node.memory_mb - node.reserved_host_memory_mb,
        "free_disk_gb": node.local_gb,
        "total_disk_gb": node.local_gb,
        "traits": node.traits,
    } | facts
    return HostState(**values)


def candidate(**facts: Any) -> Candidate:
    """A host as a filter sees it."""
    return new_candidate(state("host", **facts), {}, {})


def request(count: int = 1, **facts: Any) -> SchedulingRequest:
    values: dict[str, Any] = {
        "project_id": "project",
        "user_id": "user",
        "instance_uuids": server_uuids(count),
        "flavor": FLAVOR,
    } | facts
    return SchedulingRequest(**values)


def flavor(**facts: Any) -> Flavor:
    values: dict[str, Any] = {"flavor_id": "f", "name": "f", "memory_mb": 512, "vcpus": 1, "root_gb": 10} | facts
    return Flavor(**values)


def verdict(name: str, host: Candidate, asked: SchedulingRequest, placed: Any = None, **overrides: Any) -> str | None:
    """What a filter says of a host."""
    ((_, loaded),) = load_filters(new_conf(enabled_filters=[name], **overrides))
    check = loaded.for_request(asked, {} if placed is None else placed)
    return check(host) if check else None


class Conductor:
    """``SchedulerReads`` with an inventory that tests can change."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.version = 0
        self.calls = 0

    def add(self, host: HostState) -> None:
        self.hosts[host.uuid] = host
        self.version += 1

    def inventory(
        self, ctx: Any, *, known_version: str | None = None, changes: bool = False
    ) -> HostStates | None:
        self.calls += 1
        if known_version == str(self.version):
            return None
        return HostStates(version=str(self.version), hosts=tuple(self.hosts.values()))


class Cloud:
    """Hosts, Placement and a scheduler over them."""

    def __init__(self, hosts: int = 0, **overrides: Any) -> None:
        self.conf = new_conf(**overrides)
        self.placement = FakePlacement()
        self.conductor = Conductor()
        for number in range(hosts):
            self.add(f"host{number}")
        self.scheduler = self.new_scheduler()

    def new_scheduler(self, snapshot: Snapshot = EMPTY) -> SchedulerServer:
        return SchedulerServer(self.conf, self.placement, self.conductor, snapshot)

    def add(self, name: str, node: NodeReport | None = None, **facts: Any) -> None:
        node = node or report(name)
        self.placement.add_provider(node)
        self.conductor.add(state(name, node, **facts))

    def select(self, asked: SchedulingRequest) -> Selections:
        return self.scheduler.select(admin_context(), request=asked)

    def hosts_of(self, asked: SchedulingRequest) -> list[str]:
        """The hosts chosen; empty when there were none."""
        return [selection.host for selection in self.select(asked).selections]

    def reasons(self, asked: SchedulingRequest) -> dict[str, str]:
        """stage → reason, of a request that must fail."""
        answer = self.select(asked)
        assert not answer.selections
        return {rejection.stage: rejection.reason for rejection in answer.rejections}
