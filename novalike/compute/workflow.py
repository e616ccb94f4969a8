"""How a workflow runs: step by step, with a journal, and back again when a step fails.

A workflow may be run again from its first step after a crash at any point, by another process: every ``do`` and
``undo`` looks at what is there before it changes anything. So the journal tells people how far things are;
recovery does not depend on it.

A neighbour that is away is waited for: a step that finds it so is tried again for a while.
"""

import functools
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from oslo_config import cfg

from novalike.clients.placement import PlacementClient
from novalike.compute.journal import Journal
from novalike.compute.networking import Networking
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.network import Vif
from novalike.objects.operation import Assignment, JournalEntry, Operation
from novalike.objects.operations import route as routes
from novalike.objects.record import utcnow
from novalike.objects.server import ServerSpec
from novalike.virt import cancellation
from novalike.virt.cancellation import Cancellation
from novalike.virt.driver import Driver, GuestNotFound
from novalike.virt.guest import Guest, Place, place_on

LOG = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
# Seconds between two reports of how much is done.
_PERCENT_EVERY = 2.0


class Tools(NamedTuple):
    """What steps work with."""

    conf: cfg.ConfigOpts
    driver: Driver
    networking: Networking
    placement: PlacementClient


class Job:
    """An operation that is being run. Steps read and leave things here.

    :param cancellation: what its waits listen to.
    :ivar untouched: a build of which no host can have done anything yet.
    :ivar found: what later legs of the operation have to know.
    :ivar doubtful: what the guest is after the steps could not be seen.
    :ivar percent: how much is done of a step that takes long; None when nobody said.
    :ivar tell: tells the conductor how far the job is.
    """

    def __init__(
        self, ctx: RequestContext, assignment: Assignment, host: str, tools: Tools, cancellation: Cancellation
    ) -> None:
        self.ctx = ctx
        self.cancellation = cancellation
        self.host = host
        self.operation: Operation = assignment.operation
        self.spec: ServerSpec = assignment.spec
        self.conf, self.driver, self.networking, self.placement = tools
        self._vifs = self._reported_vifs = assignment.spec.server.vifs
        self._vifs_version = assignment.spec.server.vifs_version
        self._vifs_set = False
        self._sequence = assignment.operation.sequence
        self.task_state: str | None = assignment.spec.server.task_state
        self.untouched = _is_first_try(self.operation)
        self.root_device_name: str | None = None
        self.found: dict[str, Any] | None = None
        self.power_state: int | None = None
        self.doubtful = False
        self.percent: int | None = None
        # Said again by whoever runs the job.
        self.tell: Callable[[], None] = lambda: None
        self._told_at = 0.0

    @property
    def uuid(self) -> str:
        """The server's."""
        return self.spec.server.uuid

    @property
    def guest(self) -> Guest:
        """The server as the driver is handed it, on this host, with the interfaces that it has now."""
        route, at = routes.current(self.operation)
        node = route[at].node
        place = Place(host=self.host, node=node) if node else place_on(self.host, self.spec.server)
        return Guest(place=place, spec=self.spec, vifs=self._vifs)

    @property
    def vifs(self) -> tuple[Vif, ...]:
        """The server's interfaces. What a step sets here is reported."""
        return self._vifs

    @vifs.setter
    def vifs(self, vifs: tuple[Vif, ...]) -> None:
        self._vifs, self._vifs_set = vifs, True

    @property
    def has_new_vifs(self) -> bool:
        """Whether the interfaces are others than the conductor knows."""
        return self._vifs != self._reported_vifs

    def unreported_vifs(self) -> tuple[tuple[Vif, ...] | None, int]:
        """The interfaces, if a step has set them since they were reported last, even to what they were: somebody may
        have recorded something else meanwhile. And the version of the recorded ones that they were made from."""
        return (self._vifs if self._vifs_set else None), self._vifs_version

    def vifs_are_reported(self) -> None:
        """The conductor has taken what :meth:`unreported_vifs` gave."""
        if self._vifs_set:
            self._reported_vifs, self._vifs_set = self._vifs, False
            # If somebody else has raised it as well, this one is too low; it never is too high.
            self._vifs_version += 1

    def tell_percent(self, percent: int) -> None:
        """Have users see how much is done of a step that takes long; now and then, however often this is called.

        :raises Fenced: the operation is no longer ours or cancelled.
        """
        self.cancellation.check()
        if percent != self.percent and time.monotonic() - self._told_at > _PERCENT_EVERY:
            self.percent, self._told_at = percent, time.monotonic()
            self.tell()

    def next_sequence(self) -> int:
        """The number of the next report."""
        self._sequence += 1
        return self._sequence

    def look(self) -> None:
        """See what the guest is now, if there is one.

        :raises Unavailable: the hypervisor can't be reached.
        :raises GuestFailed: the hypervisor can't say.
        """
        try:
            self.power_state = self.driver.find_guest(self.guest).power_state
        except GuestNotFound:
            self.power_state = None


def _is_first_try(operation: Operation) -> bool:
    """Whether a build was handed out for the first time, and nobody but us has taken it up."""
    if operation.workflow != "create" or operation.attempts:
        return False
    route, at = routes.current(operation)
    return operation.epoch == route[at].epoch + 1


Action = Callable[[Job], None]


class Step(NamedTuple):
    """A step of a workflow.

    :param event: its name in ``openstack server event show``.
    :param undo: run when this step or a later one fails.
    :param task_state: what the user sees meanwhile; None is "as before".
    """

    event: str
    do: Action
    undo: Action | None = None
    task_state: str | None = None


class Workflow(NamedTuple):
    """Steps, and what a failure means.

    :param judge: from the error to (status code of the fault, whether another host may be tried).
    :param persistent: a neighbour that is away is waited for until the operation is given up.
    """

    steps: tuple[Step, ...]
    judge: Callable[[Exception], tuple[int, bool]] = lambda error: (500, False)
    persistent: bool = False


def taken_back(workflow: Workflow) -> Workflow:
    """Return what takes back all that a workflow does, last step first, however far it had come."""
    steps = tuple(Step(f"{step.event}_undo", step.undo) for step in reversed(workflow.steps) if step.undo is not None)
    return Workflow(steps, persistent=True)


def run(workflow: Workflow, job: Job, journal: Journal) -> bool | None:
    """Run a job to its end, and report it, whatever happens.

    :returns: whether it was done; None when it failed and no other host would have done better.
    :raises Fenced: the operation was given to another worker, is void or cancelled: stop, undo nothing.
    """
    entries = list(job.operation.journal)
    try:
        with cancellation.listening(job.cancellation):
            return _run(workflow, job, journal, entries)
    except errors.Fenced:
        raise
    except Exception as error:
        # A fault of ours. Who doesn't say so has it done again and again.
        LOG.exception("instance %s: %s could not be run", job.uuid, job.operation.workflow)
        journal.failed(job, tuple(entries), error, code=500, reschedule=False, clean=False)
        return None


def _run(workflow: Workflow, job: Job, journal: Journal, entries: list[JournalEntry]) -> bool | None:
    for number, step in enumerate(workflow.steps):
        entries.append(JournalEntry(event=step.event, start_time=utcnow(), host=job.host))
        news = step.task_state not in (None, job.task_state) or job.has_new_vifs
        if number and news:
            journal.progress(job, tuple(entries), step.task_state)
            job.task_state = step.task_state or job.task_state
        job.tell = functools.partial(journal.progress, job, tuple(entries), None)
        patience = float("inf") if workflow.persistent else job.conf.neighbour_patience
        try:
            _Insist(job, journal, tuple(entries), patience).on(step.do)
        except errors.Fenced:
            raise
        except Exception as error:
            entries[-1] = _ended(entries[-1], error)
            _log(job, step, error)
            clean = _undo(workflow.steps[: number + 1], job, _Insist(job, journal, tuple(entries), patience))
            _see(job, Job.look)
            code, reschedule = workflow.judge(error)
            journal.failed(job, tuple(entries), error, code=code, reschedule=reschedule and clean, clean=clean)
            return False if reschedule else None
        entries[-1] = _ended(entries[-1], None)
    _see(job, _Insist(job, journal, tuple(entries), job.conf.neighbour_patience).look)
    journal.done(job, tuple(entries))
    return True


def _see(job: Job, look: Action) -> None:
    """See what the guest is after the steps. That it can't be seen changes nothing of how they ended.

    :raises Fenced: the operation is no longer ours, or the daemon stops.
    """
    try:
        look(job)
    except errors.Fenced:
        raise
    except Exception as error:
        expected = isinstance(error, errors.NovalikeError)
        LOG.warning("instance %s: what its guest is now can't be seen: %s", job.uuid, error,
                    exc_info=None if expected else error)  # fmt: skip
        job.power_state, job.doubtful = None, True


class _Insist:
    """Does things again while a neighbour is away, with growing pauses, and says so to the conductor meanwhile.

    :param patience: seconds.
    """

    def __init__(self, job: Job, journal: Journal, entries: tuple[JournalEntry, ...], patience: float) -> None:
        self._job = job
        self._journal = journal
        self._entries = entries
        self._patience = patience

    def on(self, action: Action) -> None:
        """Do something.

        :raises Fenced: the operation is no longer ours or cancelled, or the daemon stops.
        """
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            self._job.cancellation.check()
            try:
                return action(self._job)
            except errors.Unavailable as error:
                if time.monotonic() - began + pause > self._patience:
                    raise
                LOG.warning("instance %s: trying again in %s s: %s", self._job.uuid, pause, error)
            self._journal.wait(self._job, self._entries, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def look(self, job: Job) -> None:
        """See what the guest is, as :meth:`Job.look`."""
        self.on(Job.look)

    def confirm(self) -> None:
        """Make sure that the operation is still ours.

        :raises Fenced: no.
        """
        self._journal.progress(self._job, self._entries, None)


def _undo(steps: tuple[Step, ...], job: Job, insist: _Insist) -> bool:
    """Take back what the steps did, last first. Gives whether all of it worked.

    :raises Fenced: the operation is no longer ours, so what is there may be another worker's.
    """
    clean = True
    undoable = [step for step in reversed(steps) if step.undo is not None]
    if undoable:
        insist.confirm()
    for step in undoable:
        try:
            insist.on(cast(Action, step.undo))
        except errors.Fenced:
            raise
        except Exception:
            LOG.exception("instance %s: %s could not be undone", job.uuid, step.event)
            clean = False
    return clean


def _ended(entry: JournalEntry, error: Exception | None) -> JournalEntry:
    return JournalEntry(
        event=entry.event,
        start_time=entry.start_time,
        finish_time=utcnow(),
        result="Success" if error is None else "Error",
        host=entry.host,
        details=None if error is None else str(error)[:255],
        traceback=None if error is None else "".join(traceback.format_exception(error))[-8000:],
    )


def _log(job: Job, step: Step, error: Exception) -> None:
    expected = isinstance(error, errors.NovalikeError)
    LOG.error("instance %s: %s failed: %s", job.uuid, step.event, error, exc_info=None if expected else error)
