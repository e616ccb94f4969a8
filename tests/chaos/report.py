"""The report of a run: what was done, what was answered, what is wrong, and whether the run has passed."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.chaos.api import Exchange
from tests.chaos.audit import KINDS, Difference
from tests.chaos.faults import Happened
from tests.chaos.memory import Memory
from tests.chaos.targets import BROKER, DATABASE

# Who may be missed by a read, and for how many seconds after a fault has ended: daemons and brokers take that long to
# start on a small, busy machine.
_NEEDED = (BROKER, DATABASE, "keystone")
GRACE = 20.0
# Examples of what went wrong that are kept, of each sort.
_EXAMPLES = 20


def faults(happened: Sequence[Happened]) -> dict[str, Any]:
    """Faults, by what was done to which kind of program."""
    counts = Counter(f"{each.fault.action} {each.fault.program.kind}" for each in happened)
    return {"total": len(happened), "by_kind": dict(sorted(counts.items()))}


def brief_fault(each: Happened, began: float) -> str:
    """A fault in a line; times are seconds since the run began."""
    fault = each.fault
    return f"{each.began - began:.1f} {fault.action} {fault.program.name}, {each.ended - each.began:.1f} s"


def operations(memories: Iterable[Memory]) -> dict[str, Any]:
    """What was asked for, by action and answer."""
    counts: dict[str, Counter[str]] = {}
    accepted = 0
    for memory in memories:
        for asked in memory.asked:
            answer = str(asked.status) if asked.status else "no answer" if asked.heard else "refused"
            counts.setdefault(asked.action, Counter())[answer] += 1
            accepted += asked.accepted
    total = sum(count.total() for count in counts.values())
    by_action = {action: dict(sorted(count.items())) for action, count in sorted(counts.items())}
    return {"asked": total, "accepted": accepted, "by_action": by_action}


def requests(exchanges: Sequence[Exchange]) -> dict[str, Any]:
    """Answers by status."""
    counts = Counter(str(each.status) if each.status else str(each.why) for each in exchanges)
    return {"total": len(exchanges), "by_status": dict(sorted(counts.items()))}


def latencies(exchanges: Iterable[Exchange]) -> dict[str, Any]:
    """Milliseconds until an answer, by what was asked: how many, median, 95th and 99th percentile, longest."""
    seconds: dict[str, list[float]] = {}
    for each in exchanges:
        if each.status is not None:
            seconds.setdefault(each.what, []).append(each.seconds)
    return {what: _summary(sorted(values)) for what, values in sorted(seconds.items())}


def _summary(values: list[float]) -> dict[str, float]:
    def at(share: float) -> float:
        return round(values[max(0, math.ceil(share * len(values)) - 1)] * 1000, 1)

    return {"count": len(values), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)}


def reads(exchanges: Iterable[Exchange], happened: Sequence[Happened]) -> dict[str, Any]:
    """How reads fared; those that were refused although nothing that they need was away are ``unexcused``.

    ``last refused`` is how many seconds after the end of a fault a read that was begun then was still refused because
    of it, at most.
    """
    answered = refused = unheard = 0
    last = 0.0
    unexcused = []
    for each in exchanges:
        if not each.is_read:
            continue
        if each.status is not None and each.status < 500:
            answered += 1
            continue
        kinds: tuple[str, ...] = _NEEDED
        if each.status is None:
            unheard += 1
            kinds = ("api",)
        else:
            refused += 1
        causes = _causes(kinds, each, happened)
        if causes:
            last = max(last, min(each.at - cause.ended for cause in causes))
        else:
            unexcused.append(each)
    return {
        "answered": answered,
        "refused with 503": refused,
        "no answer": unheard,
        "last refused": round(last, 1),
        "unexcused": len(unexcused),
        "examples": [_brief(each, happened) for each in unexcused[:_EXAMPLES]],
    }


def _causes(kinds: Sequence[str], exchange: Exchange, happened: Sequence[Happened]) -> list[Happened]:
    """The faults of these kinds of programs that a request may have met."""
    begin, end = exchange.at, exchange.at + exchange.seconds
    return [
        each
        for each in happened
        if each.fault.program.kind in kinds and each.began <= end and begin <= each.ended + GRACE
    ]


def errors(exchanges: Iterable[Exchange], happened: Sequence[Happened]) -> dict[str, Any]:
    """Answers that must not be: 500 and above other than 503, and 503 without Retry-After."""
    wrong = [each for each in exchanges if each.status is not None and each.status >= 500 and each.status != 503]
    bare = [each for each in exchanges if each.status == 503 and not each.retry_after]
    return {
        "5xx": dict(sorted(Counter(str(each.status) for each in wrong).items())),
        "503 without Retry-After": len(bare),
        "examples": [_brief(each, happened) for each in (wrong + bare)[:_EXAMPLES]],
    }


def _brief(exchange: Exchange, happened: Sequence[Happened]) -> dict[str, Any]:
    """An exchange, with what was going on."""
    told = asdict(exchange)
    del told["body"]
    end = exchange.at + exchange.seconds
    told["meanwhile"] = [
        f"{each.fault.action} {each.fault.program.name}, {end - each.began:.1f} s before"
        for each in happened
        if each.began <= end and exchange.at <= each.ended + GRACE
    ]
    return told


def differences(found: Sequence[Difference]) -> dict[str, Any]:
    """What the audit found."""
    counts = Counter(each.kind for each in found)
    return {**{kind: counts[kind] for kind in KINDS}, "list": [asdict(each) for each in found]}


def verdict(report: Mapping[str, Any], *, least_faults: int, least_operations: int) -> list[str]:
    """Why a run has failed; empty when it has passed."""
    found = []
    if report["faults"]["total"] < least_faults:
        found.append(f"only {report['faults']['total']} faults of {least_faults}")
    if report["operations"]["accepted"] < least_operations:
        found.append(f"only {report['operations']['accepted']} operations of {least_operations}")
    for when in ("audit", "audit_after_deleting"):
        found += [f"{report[when][kind]} {kind} ({when})" for kind in KINDS if report[when][kind]]
    found += [f"{count} requests were answered {status}" for status, count in report["errors"]["5xx"].items()]
    if bare := report["errors"]["503 without Retry-After"]:
        found.append(f"{bare} answers 503 without Retry-After")
    if unexcused := report["reads"]["unexcused"]:
        found.append(f"{unexcused} reads were refused although all that they need was there")
    return found
