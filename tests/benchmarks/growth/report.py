"""The results as Markdown, and as a chart of curves."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

from tests.benchmarks.growth.results import Results  # noqa: E402

_DRAWN = {
    "servers": (
        "list, first page", "list, page in the middle", "all projects, page in the middle", "status=ERROR, the oldest",
        "by display_name, in the middle", "show", "boot: accepted", "boot: ACTIVE", "limits",
    ),
    "hosts": ("list, first page", "show", "boot: accepted", "boot: ACTIVE", "Placement's candidates alone"),
}  # fmt: skip


def tables(results: Results) -> str:
    """A table for each series, and one of what was wanted."""
    parts = []
    for series in ("servers", "hosts"):
        sizes = results.sizes(series)
        if not sizes:
            continue
        lines = [f"| {series} | {' | '.join(f'{size:,}' for size in sizes)} |", f"|---|{'---:|' * len(sizes)}"]
        for name in results.names(series):
            curve = results.curve(series, name)
            unit = next(iter(curve.values())).unit
            cells = [f"{curve[size].value:,.1f}" if size in curve else "" for size in sizes]
            lines.append(f"| {name}, {unit} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    lines = ["| wanted | measured | goal |", "|---|---:|---:|"]
    for verdict in results.verdicts():
        goal = f"{verdict.goal:g}" if verdict.met else f"**{verdict.goal:g}, missed**"
        lines.append(f"| {verdict.name} | {verdict.value:g} {verdict.unit} | {goal} |")
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def draw(results: Results, path: Path) -> None:
    """The curves: milliseconds over servers, and over hosts.

    :param path: its ending says which format.
    """
    shown = [series for series in _DRAWN if len(results.sizes(series)) > 1]
    if not shown:
        return
    figure, axes = pyplot.subplots(1, len(shown), figsize=(6.5 * len(shown), 5), layout="constrained", squeeze=False)
    for series, plot in zip(shown, axes[0], strict=True):
        for name in _DRAWN[series]:
            curve = results.curve(series, name)
            if curve:
                plot.plot(list(curve), [row.value for row in curve.values()], marker="o", label=name)
        plot.set_xscale("log")
        plot.set_yscale("log")
        plot.set_xlabel(series)
        plot.set_ylabel("ms, median")
        plot.grid(visible=True, which="both", alpha=0.25)
        plot.legend(fontsize=7)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
