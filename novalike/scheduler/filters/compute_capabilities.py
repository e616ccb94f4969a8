"""ComputeCapabilitiesFilter: extra specs of the flavor against what hosts say of themselves."""

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.operators import matches

SCOPE = "capabilities"
_VALUES = frozenset({str, int, float})
FACTS: dict[str, Callable[[Candidate], Any]] = {
    "host": attrgetter("state.host"),
    "nodename": attrgetter("state.hypervisor_hostname"),
    "hypervisor_hostname": attrgetter("state.hypervisor_hostname"),
    "hypervisor_type": attrgetter("state.hypervisor_type"),
    "hypervisor_version": attrgetter("state.hypervisor_version"),
    "supported_instances": attrgetter("state.supported_instances"),
    "host_ip": attrgetter("state.host_ip"),
    "cpu_info": lambda c: c.state.cpu_info or None,
    "stats": attrgetter("state.stats"),
    "vcpus_total": attrgetter("state.vcpus_total"),
    "vcpus_used": attrgetter("state.vcpus_used"),
    "total_usable_ram_mb": attrgetter("state.memory_mb_total"),
    "free_ram_mb": attrgetter("free_memory_mb"),
    "total_usable_disk_gb": attrgetter("state.total_disk_gb"),
    "free_disk_mb": lambda c: c.free_disk_gb * 1024,
    "num_instances": attrgetter("num_instances"),
    "num_io_ops": attrgetter("num_io_ops"),
    "cpu_allocation_ratio": attrgetter("state.cpu_allocation_ratio"),
    "ram_allocation_ratio": attrgetter("state.ram_allocation_ratio"),
    "disk_allocation_ratio": attrgetter("state.disk_allocation_ratio"),
}
"""By the names that operators use for them (Nova's)."""


def capability(path: list[str]) -> Callable[[Candidate], Any]:
    """What gives a fact about a host, or None. Falls back on the free-form ``stats``; looks into dicts and JSON
    texts."""
    fact, first, rest = FACTS.get(path[0]), path[0], path[1:]

    def read(host: Candidate) -> Any:
        found = fact(host) if fact else None
        if found is None:
            found = host.state.stats.get(first)
        for key in rest:
            if isinstance(found, str):
                try:
                    found = json.loads(found)
                except ValueError:
                    return None
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return read


def _judge(key: str, path: list[str], wanted: str) -> Check:
    """The check for one extra spec. What was found out of a fact is remembered: many hosts share it."""
    read, fact = capability(path), FACTS.get(path[0])
    # By value, or by identity; what has the identity is kept, so that nothing else gets it meanwhile.
    known: dict[Any, tuple[Any, str | None]] = {}

    def judge(host: Candidate) -> str | None:
        found = read(host)
        if found is None:
            return f"{key} is not known of the host, {wanted!r} is wanted"
        return None if matches(str(found), wanted) else f"{key} is not {wanted!r}"

    def check(host: Candidate) -> str | None:
        top = fact(host) if fact else None
        if top is None:
            return judge(host)
        kind = top if type(top) in _VALUES else id(top)
        verdict = known.get(kind)
        if verdict is None:
            verdict = known[kind] = top, judge(host)
        return verdict[1]

    return check


class ComputeCapabilitiesFilter(Filter):
    """Holds ``capabilities:…`` extra specs, and those without a scope that are the name of a fact."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        always: list[Check] = []
        # Without a scope: about hosts that have it in their stats; to others it means nothing.
        sometimes: list[tuple[str, Check]] = []
        for key, wanted in request.flavor.extra_specs.items():
            parts = key.split(":")
            if parts[0] == SCOPE and len(parts) > 1:
                always.append(_judge(key, parts[1:], wanted))
            elif len(parts) == 1:
                judge = _judge(key, parts, wanted)
                always.append(judge) if key in FACTS else sometimes.append((key, judge))
            elif key == "hw:maxphysaddr_bits":
                always.append(_judge(key, ["cpu_info", "maxphysaddr", "bits"], f">= {wanted}"))
        if not always and not sometimes:
            return None

        def check(host: Candidate) -> str | None:
            specs = always
            if sometimes:
                specs = always + [judge for key, judge in sometimes if key in host.state.stats]
            for judge in specs:
                if (reason := judge(host)) is not None:
                    return reason
            return None

        return check
