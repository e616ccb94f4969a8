"""ImagePropertiesFilter: architecture, hypervisor and mode that the image needs."""

import functools
import re
from typing import Any

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.operators import NUMBERS

ARCHITECTURES = {"i386": "i686", "i486": "i686", "i586": "i686", "x86": "i686", "x86_32": "i686", "amd64": "x86_64"}
MODES = {"pv": "xen", "hv": "hvm", "baremetal": "hvm"}
HYPERVISORS = {"xapi": "xen", "powervm": "phyp"}
VERSION_CLAUSE = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*([\d.]+)\s*")


class ImagePropertiesFilter(Filter):
    """Refuses hosts that support no instance of the image's kind."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        properties: dict[str, Any] = request.image.properties if request.image else {}
        architecture = _canonical(
            properties.get("hw_architecture") or properties.get("architecture")
            or self.conf.image_properties_default_architecture, ARCHITECTURES,
        )  # fmt: skip
        hypervisor = _canonical(properties.get("img_hv_type") or properties.get("hypervisor_type"), HYPERVISORS)
        mode = _canonical(properties.get("hw_vm_mode") or properties.get("vm_mode"), MODES)
        wanted = (architecture, hypervisor, mode)
        if not any(wanted):
            return None
        version = properties.get("img_hv_requested_version") or properties.get("hypervisor_version_requires")
        clauses = _version_clauses(version) if version else []
        bits = properties.get("hw_maxphysaddr_bits")
        text = ", ".join(filter(None, wanted))

        @functools.cache  # hosts are alike in this
        def supported(kinds: tuple[tuple[str, str, str], ...]) -> bool:
            return any(_supports(kind, wanted) for kind in kinds)

        def check(host: Candidate) -> str | None:
            state = host.state
            if not supported(state.supported_instances):
                return f"the image needs {text}"
            if clauses and state.hypervisor_version and not _satisfies(state.hypervisor_version, clauses):
                return f"the image needs a hypervisor of version {version}"
            if bits:
                found = (state.cpu_info.get("maxphysaddr") or {}).get("bits")
                if found and int(found) < int(bits):
                    return f"the image needs {bits} bits of physical address"
            return None

        return check


def _canonical(name: str | None, aliases: dict[str, str]) -> str | None:
    if not name:
        return None
    lowered = str(name).lower()
    return aliases.get(lowered, lowered)


def _supports(kind: tuple[str, str, str], wanted: tuple[str | None, ...]) -> bool:
    return all(not want or want == have for want, have in zip(wanted, kind, strict=True))


def _version_clauses(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """``>=1.3,<2`` as (operator, version) pairs; what can't be read is left out, as it can't be held."""
    found = (VERSION_CLAUSE.fullmatch(clause) for clause in text.split(","))
    return [(match[1], _version(match[2])) for match in found if match]


def _version(text: str) -> tuple[int, ...]:
    parts = [int(part) for part in text.split(".") if part][:3]
    return (*parts, *(0,) * (3 - len(parts)))


def _satisfies(number: int, clauses: list[tuple[str, tuple[int, ...]]]) -> bool:
    """Whether a hypervisor's version (major × 1,000,000 + minor × 1,000 + patch) is as wanted."""
    have = number // 1_000_000, number // 1_000 % 1_000, number % 1_000
    for sign, want in clauses:
        holds = {"<": have < want, ">": have > want}.get(sign)
        if holds is None:
            holds = NUMBERS[sign](have, want)  # type: ignore[arg-type]
        if not holds:
            return False
    return True
