"""What was measured, and whether it grows."""

from typing import Any, NamedTuple

# Times that a page of 50 may take with a hundred times as many servers: the same, but for what clocks and caches do.
FLAT = 1.3
RESTING = 10.0


class Row(NamedTuple):
    """A measure.

    :param series: ``servers`` or ``hosts``: what there are more and more of.
    :param size: how many.
    """

    series: str
    size: int
    name: str
    value: float
    unit: str
    p95: float | None = None


class Verdict(NamedTuple):
    """Something that was wanted, and whether it is so."""

    name: str
    value: float
    unit: str
    goal: float
    met: bool


class Results:
    """All measures, and what follows from them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._flat: set[str] = set()

    def note(
        self,
        series: str,
        size: int,
        name: str,
        value: float,
        unit: str,
        *,
        p95: float | None = None,
        flat: bool = False,
    ) -> None:
        """Keep a measure.

        :param flat: it must not grow.
        """
        self.rows.append(Row(series, size, name, value, unit, p95))
        if flat:
            self._flat.add(name)

    def sizes(self, series: str) -> list[int]:
        """The sizes at which something was measured."""
        return sorted({row.size for row in self.rows if row.series == series})

    def curve(self, series: str, name: str) -> dict[int, Row]:
        """Size → measure."""
        return {row.size: row for row in self.rows if (row.series, row.name) == (series, name)}

    def names(self, series: str) -> list[str]:
        """All that was measured, in the order in which it was."""
        return list(dict.fromkeys(row.name for row in self.rows if row.series == series))

    def verdicts(self) -> list[Verdict]:
        """What was wanted. Of little that is flat: the slowest compared with the fastest size."""
        found = []
        for name in self.names("servers"):
            curve = self.curve("servers", name)
            if name in self._flat and len(curve) > 1:
                growth = curve[max(curve)].value / curve[min(curve)].value
                title = f"{name}: {max(curve):,} servers against {min(curve):,}"
                found.append(Verdict(title, round(growth, 2), "times", FLAT, growth <= FLAT))
        for row in self.rows:
            if row.unit == "% of a core" and row.name.endswith("conductor") and row.size <= 1000:
                title = f"{row.name}, {row.size:,} hosts"
                found.append(Verdict(title, round(row.value, 1), row.unit, RESTING, row.value <= RESTING))
        return found

    def as_json(self) -> list[dict[str, Any]]:
        """Measures, then verdicts."""
        rows: list[dict[str, Any]] = [row._asdict() for row in self.rows]
        return rows + [verdict._asdict() for verdict in self.verdicts()]
