"""Runs trials: a scenario, perhaps with a step that fails, and one mishap at one moment, or two."""

import enum
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.crash import audit
from tests.crash.cloud import CrashCloud
from tests.crash.plan import Failure, Mishap, Moment, Plan
from tests.crash.scenarios import Scenario

# Trials mostly wait, so several go on at a time, each in a cloud of its own.
LANES = 6
# Multiples of it are spread evenly between whole numbers.
_GOLDEN = 0.618034


class Tidy(enum.StrEnum):
    """What users do with what a trial has left, before they delete it."""

    DELETE = "delete"
    # Whatever waits for it is confirmed, or reverted; what is in ERROR is rebooted, what is off started.
    CONFIRM = "confirm"
    REVERT = "revert"


class Trial(NamedTuple):
    """
    :param late: a compute process that dies is given up before it comes back.
    :param gone: it comes back only when all that is left has been compared.
    :param second: the process that comes there after the mishap dies as well.
    :param tidy: what is done to the servers at the end, before they are deleted.
    """

    scenario: Scenario
    failures: tuple[Failure, ...] = ()
    mishap: Mishap | None = None
    late: bool = False
    gone: bool = False
    second: Moment | None = None
    tidy: Tidy = Tidy.DELETE

    def __str__(self) -> str:
        second = f"then kill @ {self.second}" if self.second else ""
        parts = [
            self.scenario.name, *(f.name for f in self.failures), str(self.mishap or ""), second, "late" * self.late,
            "gone" * self.gone, str(self.tidy),
        ]  # fmt: skip
        return ", ".join(part for part in parts if part)


class Result(NamedTuple):
    """
    :param reached: whether the mishap came about.
    :param differences: what did not fit together afterwards.
    :param aftermath: the moments that were passed after the mishap.
    """

    trial: Trial
    reached: bool
    differences: tuple[str, ...]
    aftermath: tuple[Moment, ...] = ()


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
        disks = audit.disks(cloud)
        cloud.late, cloud.gone = trial.late or trial.gone, trial.gone
        plan = cloud.plan = Plan(
            trial.failures, trial.mishap, trial.second, on_kill=cloud.kill, on_freeze=cloud.freeze,
            on_guests_die=cloud.guests_die, on_reboot=cloud.reboot,
        )  # fmt: skip
        tending = _Tender(cloud)
        try:
            expected = trial.scenario.act(cloud, made)
        finally:
            tending.stop()
        unrest = cloud.settle()
        moments, aftermath = list(plan.moments), tuple(plan.aftermath)
        found = [f"not at rest: {unrest}"] if unrest else []
        if trial.mishap is not None and trial.mishap.what in ("guests die", "host reboots"):
            expected = {name: statuses | {"SHUTOFF", "ACTIVE"} for name, statuses in expected.items()}
        found += audit.differences(cloud, expected, disks)
        cloud.plan, cloud.late = Plan(), False
        if not found and trial.gone:
            cloud.bring_back()
            found = _compare(cloud, "after coming back", None, disks)
        if not found and trial.tidy is not Tidy.DELETE:
            found = _go_on(cloud, trial.tidy) or _compare(cloud, f"after going on ({trial.tidy})", None, disks)
        if not found:
            for server in cloud.admin.get("/servers?all_tenants=1")["servers"]:
                cloud.admin.delete(f"/servers/{server['id']}")
            found = _compare(cloud, "after deleting", {}, disks)
        if found:
            cloud.close()
        else:
            self.cloud = cloud
        return Result(trial, plan.came_about, tuple(found), aftermath), moments

    def close(self) -> None:
        """Free the cloud."""
        if self.cloud is not None:
            self.cloud.close()
            self.cloud = None


def _compare(
    cloud: CrashCloud, when: str, expected: Mapping[str, frozenset[str]] | None, disks: Mapping[str, str]
) -> list[str]:
    unrest = cloud.settle()
    found = [f"not at rest: {unrest}"] if unrest else []
    return [f"{when}: {what}" for what in (*found, *audit.differences(cloud, expected, disks))]


# Status → what a user does then, and what the server is to be afterwards.
_WAYS_ON: dict[str, tuple[Any, tuple[str, ...]]] = {
    "ERROR": ({"reboot": {"type": "HARD"}}, ("ACTIVE", "VERIFY_RESIZE")),
    "SHUTOFF": ({"os-start": None}, ("ACTIVE",)),
    "ACTIVE": ({"os-stop": None}, ("SHUTOFF",)),
}
_SETTLING = {Tidy.CONFIRM: {"confirmResize": None}, Tidy.REVERT: {"revertResize": None}}


def _go_on(cloud: CrashCloud, tidy: Tidy) -> list[str]:
    """Whatever became of the servers, their users can go on, but for such as were never built, or half deleted."""
    found, awaited, deleted = [], {}, audit.being_deleted(cloud)
    for server in cloud.admin.get("/servers/detail?all_tenants=1")["servers"]:
        body, ends = _WAYS_ON.get(server["status"], (_SETTLING[tidy], ("ACTIVE", "SHUTOFF")))
        if server["OS-SRV-USG:launched_at"] is None or server["id"] in deleted:
            continue
        awaited[server["id"]] = server["status"], ends
        path = f"/servers/{server['id']}/action"
        status = cloud.admin.request("POST", path, body).status_code
        if status in (400, 409) and server["status"] == "VERIFY_RESIZE":
            # It was begun with the other one, and that has failed.
            other = _SETTLING[Tidy.REVERT if tidy is Tidy.CONFIRM else Tidy.CONFIRM]
            status = cloud.admin.request("POST", path, other).status_code
        if status not in (202, 204):
            found.append(f"{server['name']}, {server['status']}: {body} was answered with {status}")
    cloud.settle()
    for server_id, (before, ends) in awaited.items():
        server = cloud.admin.get(f"/servers/{server_id}")["server"]
        if server["status"] not in ends:
            why = server.get("fault", {}).get("message", "")
            found.append(f"{server['name']} was {before}, and is {server['status']} after {tidy}: {why}")
    return found


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


def seconds(first: Result, number: int, count: int = 2) -> list[Trial]:
    """A few trials in which another process dies, or the same once more, after what went wrong in this one.

    :param number: of the trial: others of them have their second moments elsewhere.
    """
    after = list(dict.fromkeys(first.aftermath))
    if not after:
        return []
    chosen = [after[int((number * _GOLDEN + n / count) % 1 * len(after))] for n in range(count)]
    return [first.trial._replace(second=moment) for moment in dict.fromkeys(chosen)]


def stops(moments: Iterable[Moment]) -> list[Mishap]:
    """Guests that die, and hosts that reboot, at each of these moments of hosts."""
    at_hosts = [moment for moment in moments if moment.kind == "compute"]
    return [Mishap(what, moment) for what in ("guests die", "host reboots") for moment in at_hosts]


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
