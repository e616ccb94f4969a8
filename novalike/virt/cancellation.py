"""Breaking off what is being done for a server, at its next wait.

A job has a :class:`Cancellation`. What waits in a thread that works for it listens to that one (:func:`current`),
without being handed it through every call: it calls :func:`check` between two pieces of its work, and :func:`sleep`
instead of ``time.sleep``. Outside of a job nothing is ever cancelled.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from novalike.objects import errors


class Cancelled(errors.Fenced):
    """A newer operation on the same server is waiting for this one to stop."""

    template = "Operation {operation_id} is broken off: a newer one has been taken up"


class Cancellation:
    """Whether a job is to stop. Safe to use from any thread.

    :param operation_id: what is named in :class:`Cancelled`.
    """

    def __init__(self, operation_id: str) -> None:
        self._operation_id = operation_id
        self._changed = threading.Condition()
        self._cancelled = False
        self._pauses_end = False
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether the job is to stop."""
        return self._cancelled

    def cancel(self) -> None:
        """Have the job stop at its next wait, or at once when it waits."""
        with self._changed:
            self._cancelled = True
            listeners = list(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            listener()

    def end_pauses(self) -> None:
        """Have all pauses end at once, now and later: the daemon stops. Nothing is cancelled."""
        with self._changed:
            self._pauses_end = True
            self._changed.notify_all()

    def check(self) -> None:
        """
        :raises Cancelled: the job is to stop.
        """
        if self._cancelled:
            raise Cancelled(operation_id=self._operation_id)

    def sleep(self, seconds: float) -> None:
        """Sleep.

        :raises Cancelled: the job is to stop.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled, timeout=seconds)
        self.check()

    def pause(self, seconds: float) -> bool:
        """Sleep before something is tried again. Gives whether it should be: not if the daemon stops.

        :raises Cancelled: the job is to stop.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled or self._pauses_end, timeout=seconds)
        self.check()
        return not self._pauses_end

    @contextlib.contextmanager
    def calling(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call a function, in whatever thread cancels, if the job is cancelled inside. Look at :attr:`is_cancelled`
        afterwards: it may be already.
        """
        with self._changed:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._changed:
                self._listeners.remove(listener)


_NEVER = Cancellation("none")
_current: ContextVar[Cancellation] = ContextVar("cancellation", default=_NEVER)


@contextlib.contextmanager
def listening(cancellation: Cancellation) -> Iterator[None]:
    """Have what this thread does inside listen to a job's cancellation."""
    token = _current.set(cancellation)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Cancellation:
    """The cancellation that this thread listens to."""
    return _current.get()


def check() -> None:
    """
    :raises Cancelled: what this thread works for is to stop.
    """
    current().check()


def sleep(seconds: float) -> None:
    """Sleep.

    :raises Cancelled: what this thread works for is to stop.
    """
    current().sleep(seconds)
