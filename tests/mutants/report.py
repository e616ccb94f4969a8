"""What became of the mutants."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutant import PARTS, Mutant

# How a mutant may end.
KILLED, TIMED_OUT, SURVIVED, KNOWN, NOT_RUN = "killed", "timed out", "survived", "known to survive", "not run by a test"
NOTICED = (KILLED, TIMED_OUT)
GOAL = 0.85


class Verdict(NamedTuple):
    """
    :param test: the one that failed or hung.
    :param reason: why it is known to survive.
    :param tests: how many it was subjected to.
    """

    mutant: Mutant
    end: str
    test: str = ""
    reason: str = ""
    tests: int = 0
    seconds: float = 0.0


def share(verdicts: Sequence[Verdict]) -> float:
    """How many of all were noticed. Those that are known to survive are among those that were not."""
    return sum(verdict.end in NOTICED for verdict in verdicts) / len(verdicts) if verdicts else 1.0


def table(verdicts: Sequence[Verdict], by: str = "part") -> str:
    """The numbers, in Markdown."""
    ends = (KILLED, TIMED_OUT, SURVIVED, KNOWN, NOT_RUN)
    lines = [f"| | mutants | {' | '.join(ends)} | noticed |", f"|---|{'---:|' * (len(ends) + 2)}"]
    if by == "part":
        groups = {part: [v for v in verdicts if v.mutant.part == part] for part in PARTS}
    else:
        names = sorted({v.mutant.operator for v in verdicts})
        groups = {name: [v for v in verdicts if v.mutant.operator == name] for name in names}
    for name, those in {**groups, "all": list(verdicts)}.items():
        if those:
            counts = Counter(verdict.end for verdict in those)
            numbers = " | ".join(str(counts[end]) for end in ends)
            lines.append(f"| {name} | {len(those)} | {numbers} | {share(those):.0%} |")
    return "\n".join(lines)


def write_survivors(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Write those that were not noticed as differences, with what :mod:`tests.mutants.known` wants to know of them."""
    found = [verdict for verdict in verdicts if verdict.end not in NOTICED]
    parts = []
    for verdict in sorted(found, key=lambda verdict: (verdict.mutant.file, verdict.mutant.lines)):
        mutant = verdict.mutant
        head = f"# {verdict.end}: {mutant.operator} in {mutant.function or 'the module'}; {verdict.tests} tests"
        parts.append("\n".join([head, *([f"# {verdict.reason}"] if verdict.reason else []), mutant.diff()]))
    path.write_text("\n\n".join(parts) + "\n")
