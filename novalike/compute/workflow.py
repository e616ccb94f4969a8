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
from typing import NamedTuple, cast

from novalike.compute.job import Job
from novalike.compute.journal import Journal
from novalike.objects import errors
from novalike.objects.operation import JournalEntry
from novalike.objects.record import utcnow
from novalike.virt import cancellation

LOG = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0


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
