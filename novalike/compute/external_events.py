"""Who waits for news from Neutron (later Cinder), and how the news reaches them."""

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

from novalike.bus.compute import ExternalEvent
from novalike.virt import cancellation

# (event name, tag)
Key = tuple[str, str | None]


class Expectation:
    """That some events will come for one server. Made before what causes them; a context manager.

    Events that arrive before anybody waits are kept. :meth:`settle` says by another road that one has happened.
    """

    def __init__(self, registry: "ExternalEvents", instance_uuid: str, keys: Iterable[Key]) -> None:
        self._registry = registry
        self.instance_uuid = instance_uuid
        self._open = set(keys)
        self._failed: set[Key] = set()
        self._changed = threading.Condition()

    def __enter__(self) -> "Expectation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Expect nothing more."""
        self._registry.forget(self)

    def wants(self, key: Key) -> bool:
        """Whether this event is expected and has not come yet."""
        with self._changed:
            return key in self._open

    def settle(self, key: Key, *, failed: bool = False) -> None:
        """The event has come."""
        with self._changed:
            if key in self._open:
                self._open.discard(key)
                if failed:
                    self._failed.add(key)
                self._changed.notify_all()

    @property
    def open(self) -> frozenset[Key]:
        """The events that have not come yet."""
        with self._changed:
            return frozenset(self._open)

    @property
    def failed(self) -> frozenset[Key]:
        """The events that have come and said that it went wrong."""
        with self._changed:
            return frozenset(self._failed)

    def wait(
        self,
        timeout: float,
        *,
        look: Callable[["Expectation"], None] | None = None,
        first: float = 1.0,
        every: float = 5.0,
    ) -> bool:
        """Wait until all events have come, or one has come that says "failed", or time is up.

        :param timeout: seconds.
        :param look: called now and then, to find out by itself what events may have been lost.
        :param first: seconds before the first call of ``look``.
        :param every: seconds between two calls of ``look``.
        :return: whether all have come, and none has failed.
        :raises Cancelled: the job that waits is to stop.
        """
        job = cancellation.current()
        with job.calling(self._wake):
            return self._wait(job, timeout, look, first, every)

    def _wait(
        self,
        job: cancellation.Cancellation,
        timeout: float,
        look: Callable[["Expectation"], None] | None,
        pause: float,
        every: float,
    ) -> bool:
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: not self._open or self._failed or job.is_cancelled,
                    timeout=max(0.0, min(pause if look else timeout, deadline - time.monotonic())),
                )
                job.check()
                if self._failed:
                    return False
                if not self._open:
                    return True
            if time.monotonic() >= deadline:
                return False
            if look is not None:
                look(self)
                pause = every

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class ExternalEvents:
    """All expectations of a process. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expectations: dict[str, list[Expectation]] = {}

    def expect(self, instance_uuid: str, keys: Iterable[Key]) -> Expectation:
        """From now on these events are waited for."""
        expectation = Expectation(self, instance_uuid, keys)
        with self._lock:
            self._expectations.setdefault(instance_uuid, []).append(expectation)
        return expectation

    def forget(self, expectation: Expectation) -> None:
        """The opposite of :meth:`expect`; harmless when repeated."""
        with self._lock:
            waiting = self._expectations.get(expectation.instance_uuid, [])
            if expectation in waiting:
                waiting.remove(expectation)
            if not waiting:
                self._expectations.pop(expectation.instance_uuid, None)

    def notify(self, event: ExternalEvent) -> bool:
        """An event has arrived. Gives whether anybody waits for it."""
        key = (event.name, event.tag)
        with self._lock:
            waiting = [e for e in self._expectations.get(event.instance_uuid, ()) if e.wants(key)]
        for expectation in waiting:
            expectation.settle(key, failed=event.status == "failed")
        return bool(waiting)
