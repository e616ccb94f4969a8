"""What processes use, and whether the machine is busy."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# The share of all cores that is not much for a machine.
_CALM = 0.25


@dataclass(frozen=True)
class Size:
    """Memory, in MiB: what every process has (shared pages count in each), and with shared pages shared out."""

    rss: float
    pss: float


def cpu_seconds(pids: Sequence[int]) -> float:
    """What they have computed so far, themselves and in the kernel."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total


def size_of(pid: int) -> Size:
    """The memory of a process."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return Size(0, 0)  # it has ended
    values = {name: float(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in lines[1:])}
    return Size(values["Rss"], values["Pss"])


def calm_down(at_most: float = 90.0) -> None:
    """Wait until the machine has little to do, three seconds long.

    :param at_most: seconds.
    """
    end, calm = time.monotonic() + at_most, 0
    while calm < 3 and time.monotonic() < end:
        calm = calm + 1 if psutil.cpu_percent(interval=1.0) < 100 * _CALM else 0
