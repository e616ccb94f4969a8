"""Runs trials: a scenario, perhaps with a step that fails, and one mishap at one moment."""

import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.crash import audit
from tests.crash.cloud import CrashCloud
from tests.crash.plan import Failure, Mishap, Moment, Plan
from tests.crash.scenarios import Scenario

# Trials mostly wait, so several go on at a time, each in a cloud of its own.
LANES = 6


class Trial(NamedTuple):
    """
    :param late: a compute process that dies is given up before it comes back.
    """

    scenario: Scenario
    failures: tuple[Failure, ...] = ()
    mishap: Mishap | None = None
    late: bool = False

    def __str__(self) -> str:
        parts = [self.scenario.name, *(f.name for f in self.failures), str(self.mishap or ""), "late" * self.late]
        return ", ".join(part for part in parts if part)


class Result(NamedTuple):
    """
    :param reached: whether the mishap came about.
    :param differences: what did not fit together afterwards.
    """

    trial: Trial
    reached: bool
    differences: tuple[str, ...]


class Lane:
    """A cloud, used for one trial after another, and made anew after one that went wrong."""

    def __init__(self, folder: Path, scenario: Scenario, *, conductors: int = 1) -> None:
        self._conductors = conductors
        self._folder = folder
        self._scenario = scenario
        self._made = 0
        self.cloud: CrashCloud | None = None

    def _fresh(self) -> CrashCloud:
        self._made += 1
        folder = self._folder / str(self._made)
        folder.mkdir(parents=True)
        return CrashCloud(folder, conductors=self._conductors, **self._scenario.options)

    def run(self, trial: Trial) -> tuple[Result, list[Moment]]:
        """Run a trial. Gives also the moments that were passed.

        Some moments don't come in a cloud that has been used: things are remembered. Then a new one is taken.
        """
        used = self.cloud is not None
        result, moments = self._run(trial)
        if used and not result.reached and not result.differences:
            self.close()
            result, moments = self._run(trial)
        return result, moments

    def _run(self, trial: Trial) -> tuple[Result, list[Moment]]:
        cloud = self.cloud or self._fresh()
        self.cloud = None  # until we know that it is as good as new
        made = trial.scenario.prepare(cloud)
        cloud.late = trial.late
        plan = cloud.plan = Plan(
            trial.failures, trial.mishap, on_kill=cloud.kill, on_freeze=cloud.freeze, on_guests_die=cloud.guests_die,
            on_reboot=cloud.reboot,
        )  # fmt: skip
        tending = _Tender(cloud)
        try:
            expected = trial.scenario.act(cloud, made)
        finally:
            tending.stop()
        unrest = cloud.settle()
        moments = list(plan.moments)
        found = [f"not at rest: {unrest}"] if unrest else []
        if trial.mishap is not None and trial.mishap.what in ("guests die", "host reboots"):
            expected = {name: statuses | {"SHUTOFF", "ACTIVE"} for name, statuses in expected.items()}
        found += audit.differences(cloud, expected)
        cloud.plan, cloud.late = Plan(), False
        if not found:
            found = self._tidy(cloud)
        if found:
            cloud.close()
        else:
            self.cloud = cloud
        return Result(trial, plan.reached, tuple(found)), moments

    @staticmethod
    def _tidy(cloud: CrashCloud) -> list[str]:
        """Whatever became of the servers, they can be deleted, and nothing remains."""
        for server in cloud.admin.get("/servers?all_tenants=1")["servers"]:
            cloud.admin.delete(f"/servers/{server['id']}")
        unrest = cloud.settle()
        found = [f"not at rest: {unrest}"] if unrest else []
        return [f"after deleting: {what}" for what in (*found, *audit.differences(cloud, {}))]

    def close(self) -> None:
        """Free the cloud."""
        if self.cloud is not None:
            self.cloud.close()
            self.cloud = None


class _Tender:
    """Starts dead processes again while users wait for answers."""

    def __init__(self, cloud: CrashCloud) -> None:
        self._stopping = threading.Event()
        self._cloud = cloud
        self._thread = threading.Thread(target=self._tend, daemon=True)
        self._thread.start()

    def _tend(self) -> None:
        while not self._stopping.wait(0.02):
            self._cloud.tend()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


def moments_of(scenario: Scenario, failures: tuple[Failure, ...], folder: Path) -> tuple[Result, list[Moment]]:
    """A run without a mishap, and the moments it passed: in order, each once."""
    lane = Lane(folder, scenario)
    result, moments = lane.run(Trial(scenario, failures))
    lane.close()
    return result, list(dict.fromkeys(moments))


def run(trials: Sequence[Trial], folder: Path, *, conductors: int = 1) -> Iterator[Result]:
    """Run trials of one scenario, several at a time."""
    remaining = iter(trials)
    lock = threading.Lock()

    def work(number: int) -> list[Result]:
        lane = Lane(folder / f"lane{number}", trials[0].scenario, conductors=conductors)
        results = []
        while True:
            with lock:
                trial = next(remaining, None)
            if trial is None:
                lane.close()
                return results
            try:
                results.append(lane.run(trial)[0])
            except BaseException as error:
                results.append(Result(trial, True, (f"the trial itself broke: {error!r}",)))
                lane = Lane(folder / f"lane{number}-{len(results)}", trial.scenario, conductors=conductors)

    with ThreadPoolExecutor(LANES) as pool:
        for results in pool.map(work, range(min(LANES, len(trials)))):
            yield from results


def deaths(moments: Iterable[Moment]) -> list[Mishap]:
    """The death of the process at each of these moments."""
    return [Mishap("kill", moment) for moment in moments]


def freezes(moments: Iterable[Moment]) -> list[Mishap]:
    """A process that freezes at each of these moments, and goes on when it has been given up."""
    return [Mishap("freeze", moment) for moment in moments]


def faults(moments: Iterable[Moment]) -> list[Mishap]:
    """Each fault that can happen at each of these moments."""
    found = []
    for moment in moments:
        when, name = moment.point.split(" ", 1)
        if name.startswith("sql.write") and when == "before":
            found.append(Mishap("deadlock", moment))
        if name.startswith(("call ", "cast ")) and when == "before":
            kinds = ("lose", "double", "delay", *(("lose reply",) if name.startswith("call ") else ()))
            found += [Mishap(kind, moment) for kind in kinds]
        else:
            found.append(Mishap("away", moment))
        if when == "before":
            found.append(Mishap("outage", moment))
    return found


def folder_for_trials() -> Path:
    """A folder in memory, if there is one: the disk would be what takes most of the time."""
    memory = Path("/dev/shm")  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="novalike-crash-", dir=memory if memory.is_dir() else None))
