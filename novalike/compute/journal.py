"""What a job tells the conductor.

Every report is said again, with growing pauses, until the conductor has taken it or says that the operation is not
ours any more: when the conductor can't be reached, and also when it fails at the report. The latter ends at the
operation's deadline.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from novalike.bus import journal as bus_journal
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.operation import JournalEntry, Outcome, Progress

if TYPE_CHECKING:
    from novalike.compute.job import Job

LOG = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Stopped(errors.Fenced):
    """The daemon stops before the conductor could be told. Whoever starts next takes the operation up again."""

    template = "The daemon stops while operation {operation_id} is unfinished"


class Journal:
    """The conductor's ``Journal`` interface, as jobs use it. Pauses end when a job is cancelled or the daemon stops."""

    def __init__(self, transport: Transport) -> None:
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)

    def progress(self, job: "Job", entries: tuple[JournalEntry, ...], task_state: str | None) -> None:
        """A step begins.

        :raises Fenced: the operation is no longer ours.
        """
        vifs, vifs_version = job.unreported_vifs()
        progress = Progress(
            operation_id=job.operation.uuid,
            epoch=job.operation.epoch,
            entries=entries,
            task_state=task_state,
            vifs=vifs,
            vifs_version=vifs_version,
            sequence=job.next_sequence(),
            percent=job.percent,
        )
        self._insist(job, lambda: self._conductor.progress(job.ctx, progress=progress))
        job.vifs_are_reported()

    def wait(self, job: "Job", entries: tuple[JournalEntry, ...], seconds: float) -> None:
        """A step waits for a neighbour.

        :raises Fenced: the operation is no longer ours or cancelled, or the daemon stops.
        """
        self._pause(job, seconds)
        self.progress(job, entries, None)

    def done(self, job: "Job", entries: tuple[JournalEntry, ...]) -> None:
        """All steps are done.

        :raises Fenced: the operation is no longer ours.
        """
        vifs, vifs_version = job.unreported_vifs()
        outcome = Outcome(
            operation_id=job.operation.uuid,
            epoch=job.operation.epoch,
            entries=entries,
            power_state=job.power_state,
            vifs=vifs,
            vifs_version=vifs_version,
            root_device_name=job.root_device_name,
            found=job.found,
        )
        self._insist(job, lambda: self._conductor.finish(job.ctx, outcome=outcome))

    def failed(
        self,
        job: "Job",
        entries: tuple[JournalEntry, ...],
        error: Exception,
        *,
        code: int,
        reschedule: bool,
        clean: bool,
    ) -> None:
        """A step has failed, and what could be undone has been.

        :raises Fenced: the operation is no longer ours.
        """
        expected = isinstance(error, errors.NovalikeError)
        vifs, vifs_version = job.unreported_vifs()
        outcome = Outcome(
            operation_id=job.operation.uuid,
            epoch=job.operation.epoch,
            entries=entries,
            power_state=job.power_state,
            vifs=vifs,
            vifs_version=vifs_version,
            error=str(error) if expected else type(error).__name__,
            error_code=code,
            details=entries[-1].traceback if entries else None,
            reschedule=reschedule,
            left_host=clean and job.operation.action == "create",
            clean=clean,
        )
        self._insist(job, lambda: self._conductor.finish(job.ctx, outcome=outcome))

    def _insist(self, job: "Job", send: Callable[[], None]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                send()
                return
            except errors.Fenced:
                raise
            except errors.Unavailable as error:
                LOG.warning("instance %s: the conductor can't be told: %s", job.uuid, error)
            except Exception:
                LOG.exception("instance %s: the conductor did not take a report", job.uuid)
            self._pause(job, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    @staticmethod
    def _pause(job: "Job", seconds: float) -> None:
        if not job.cancellation.pause(seconds):
            raise Stopped(operation_id=job.operation.uuid)
