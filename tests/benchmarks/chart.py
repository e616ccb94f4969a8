"""The results as a chart: how many times better than Nova, on a logarithmic scale, with the goals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

from tests.benchmarks.goals import Line  # noqa: E402
from tests.benchmarks.report import number  # noqa: E402

_MET, _MISSED, _OPEN = "#2a7f4f", "#c0392b", "#7f8c8d"


def draw(lines: Sequence[Line], paths: Sequence[Path]) -> None:
    """One bar for each line that has a ratio.

    :param paths: the ending says which format.
    """
    shown = [line for line in lines if line.ratio is not None][::-1]
    figure, axes = pyplot.subplots(figsize=(11, 1.2 + 0.27 * len(shown)), layout="constrained")
    ratios = [float(line.ratio or 0) for line in shown]
    colours = [_OPEN if line.met is None else _MET if line.met else _MISSED for line in shown]
    axes.barh(range(len(shown)), ratios, color=colours, height=0.7)
    for place, line in enumerate(shown):
        goal = _goal(line)
        if goal is not None:
            axes.plot([goal, goal], [place - 0.45, place + 0.45], color="black", linewidth=1.5)
        axes.annotate(f" {number(ratios[place])}×", (max(ratios[place], goal or 0), place), va="center", fontsize=7)
    axes.axvline(1, color="black", linewidth=0.6)
    axes.set_xscale("log")
    axes.set_xlim(right=max([*ratios, 1.0]) * 2)
    axes.set_yticks(range(len(shown)), [line.goal.name for line in shown], fontsize=7)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel("times better than Nova 34 in the same run; black marks: goals")
    for path in paths:
        figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _goal(line: Line) -> float | None:
    """The ratio that is wanted."""
    if line.goal.at_most is not None:
        return line.nova / line.goal.at_most
    return line.goal.times
