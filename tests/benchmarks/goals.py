"""What is measured, and how good novalike wants to be at it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.contenders import NOVA, NOVALIKE
from tests.benchmarks.figures import Figure, Figures

MS, SECONDS, PER_SECOND = "ms", "s", "1/s"


@dataclass(frozen=True)
class Goal:
    """One line of the table.

    :param key: the name of the measure.
    :param times: how many times better than Nova; None for lines that are only shown, or have a limit.
    :param at_most: novalike's own limit.
    :param more: more is better.
    :param p95: this line is about the 95th percentile, not the median.
    """

    key: str
    name: str
    unit: str
    times: float | None = None
    at_most: float | None = None
    more: bool = False
    p95: bool = False

    def text(self) -> str | None:
        """The goal in words; None without one."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return None if self.times is None else f"≥ {self.times:g}×"


@dataclass(frozen=True)
class Line:
    """A goal with what was measured.

    :param ratio: how many times better novalike is; None when that is no number, because it has none of what costs.
    :param met: None without a goal.
    """

    goal: Goal
    nova: float
    novalike: float
    ratio: float | None
    met: bool | None
    p95: tuple[float, float] | None = None


GOALS = (
    Goal("details 50", "GET /servers/detail?limit=50, 1 client", MS, times=20),
    Goal("details 50", "GET /servers/detail?limit=50, 1 client, p95", MS, times=20, p95=True),
    Goal("details 50, rate", "GET /servers/detail?limit=50, 8 clients", PER_SECOND, times=20, more=True),
    Goal("details all", "GET /servers/detail?limit=1000", MS, times=30),
    Goal("list 50", "GET /servers?limit=50, 1 client", MS, times=10),
    Goal("list 50, rate", "GET /servers?limit=50, 8 clients", PER_SECOND, more=True),
    Goal("show", "GET /servers/{id}, 1 client", MS, times=6),
    Goal("show, rate", "GET /servers/{id}, 8 clients", PER_SECOND, more=True),
    Goal("missing", "GET /servers/{id} of none (404), 1 client", MS),
    Goal("missing, rate", "GET /servers/{id} of none (404), 8 clients", PER_SECOND, more=True),
    Goal("flavors", "GET /flavors/detail, 1 client", MS, times=2),
    Goal("flavors, rate", "GET /flavors/detail, 8 clients", PER_SECOND, more=True),
    Goal("limits", "GET /limits, 1 client", MS, times=2),
    Goal("limits, rate", "GET /limits, 8 clients", PER_SECOND, more=True),
    Goal("version", "GET /v2.1/, 1 client", MS, times=2),
    Goal("version, rate", "GET /v2.1/, 8 clients", PER_SECOND, more=True),
    Goal("plain: accepted", "POST /servers → 202, no network", MS, times=4),
    Goal("port: accepted", "POST /servers → 202, with Neutron", MS, times=4),
    Goal("plain: active", "POST → ACTIVE, no network", MS, times=6),
    Goal("port: active", "POST → ACTIVE, with Neutron", MS, times=3),
    Goal("plain: deleted", "DELETE → 204, no network", MS),
    Goal("port: deleted", "DELETE → 204, with Neutron", MS),
    Goal("plain: gone", "DELETE → gone, no network", MS, times=4),
    Goal("port: gone", "DELETE → gone, with Neutron", MS),
    Goal("plain: burst", "100 servers in requests of 50: all ACTIVE, no network", SECONDS, times=10),
    Goal("port: burst", "100 servers in requests of 50: all ACTIVE, with Neutron", SECONDS, times=4),
    Goal("plain: burst gone", "100 servers deleted: all gone, no network", SECONDS),
    Goal("port: burst gone", "100 servers deleted: all gone, with Neutron", SECONDS),
    Goal("cycles", "8 clients boot + delete, no network", "cycles/s", times=8, more=True),
    Goal("plain: resized", "resize → VERIFY_RESIZE, no network", MS, times=4),
    Goal("port: resized", "resize → VERIFY_RESIZE, with Neutron", MS),
    Goal("plain: confirmed", "confirmResize → ACTIVE, no network", MS, times=4),
    Goal("port: confirmed", "confirmResize → ACTIVE, with Neutron", MS),
    Goal("plain: reverted", "revertResize → ACTIVE, no network", MS, times=4),
    Goal("port: reverted", "revertResize → ACTIVE, with Neutron", MS),
    Goal("fill", "boots in requests of 50, until 1,000 are there", PER_SECOND, more=True),
    Goal("boot: SQL", "SQL statements per boot", "", at_most=25),
    Goal("boot: messages", "bus messages per boot", "", at_most=12),
    Goal("delete: SQL", "SQL statements per delete", ""),
    Goal("delete: messages", "bus messages per delete", ""),
    Goal("move: SQL", "SQL statements per resize and confirm together", "", times=5),
    Goal("move: messages", "bus messages per resize and confirm together", ""),
    Goal("idle: SQL", "SQL statements per second, idle, 10 hosts", PER_SECOND, times=2),
    Goal("idle: CPU", "CPU of all daemons, idle, 10 hosts", "% of a core", times=2),
    Goal("memory: RSS", "memory of all daemons (RSS)", "MiB", times=2),
    Goal("memory: PSS", "memory of all daemons (PSS)", "MiB"),
    Goal("start: api", "start of api to ready", MS, times=3),
    Goal("start: conductor", "start of conductor to ready", MS, times=3),
    Goal("start: scheduler", "start of scheduler to ready", MS, times=3),
    Goal("start: compute", "start of compute to ready", MS, times=3),
)


def judge(figures: Figures) -> list[Line]:
    """The lines of which both contenders were measured."""
    found = ((goal, figures.of(goal.key)) for goal in GOALS)
    return [_judge(goal, measured) for goal, measured in found if len(measured) == 2]


def _judge(goal: Goal, measured: Mapping[str, Figure]) -> Line:
    theirs, ours = measured[NOVA], measured[NOVALIKE]
    tails = None if theirs.p95 is None or ours.p95 is None or goal.p95 else (theirs.p95, ours.p95)
    nova, novalike = (float((each.p95 or 0) if goal.p95 else each.value) for each in (theirs, ours))
    better, worse = (novalike, nova) if goal.more else (nova, novalike)
    ratio = better / worse if worse else None
    if goal.at_most is not None:
        met: bool | None = novalike <= goal.at_most
    elif goal.times is not None:
        # Less than what can be measured is no cost at all.
        met = ratio is None or ratio >= goal.times
    else:
        met = None
    return Line(goal, nova, novalike, ratio, met, tails)
