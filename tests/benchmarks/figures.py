"""What was measured of whom."""

import logging
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LOG = logging.getLogger("benchmarks")

# So many values can have a 95th percentile.
_ENOUGH = 10


@dataclass(frozen=True)
class Figure:
    """One measure of one contender.

    :param value: the median, if there were several.
    :param p95: of the same, where there were enough to tell.
    """

    value: float
    p95: float | None = None


class Figures:
    """All measures: what they are called (``goals.py`` lists the names) → contender → figure."""

    def __init__(self) -> None:
        self._figures: dict[str, dict[str, Figure]] = {}

    def note(self, key: str, contender: str, value: float, p95: float | None = None) -> None:
        """Keep a figure. One of the same name is replaced."""
        LOG.info("%s, %s: %.4g%s", key, contender, value, "" if p95 is None else f" (p95 {p95:.4g})")
        self._figures.setdefault(key, {})[contender] = Figure(value, p95)

    def note_all(self, key: str, contender: str, values: Sequence[float], unit: float = 1.0) -> None:
        """Keep the median of some values and, if there are ten at least, the 95th percentile.

        :param unit: each is multiplied with it.
        """
        p95 = percentile(values, 95) * unit if len(values) >= _ENOUGH else None
        self.note(key, contender, statistics.median(values) * unit, p95)

    def of(self, key: str) -> dict[str, Figure]:
        """Contender → figure; of those who were measured."""
        return self._figures.get(key, {})


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of them do not exceed (nearest rank).

    :raises IndexError: there are no values.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
