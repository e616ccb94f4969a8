"""Whoever waits for a job hears that it is to stop."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from novalike.objects.image import Image
from novalike.virt import cancellation
from novalike.virt.cancellation import Cancellation, Cancelled
from novalike.virt.images import download
from novalike.virt.images.locks import ImageLocks
from novalike.virt.libvirt import power


def cancelled_soon(wait: Callable[[Cancellation], object]) -> float:
    """Wait in a job that is cancelled meanwhile. Gives the seconds that it took.

    :raises Cancelled: as it should.
    """
    job = Cancellation("op")
    timer = threading.Timer(0.05, job.cancel)
    timer.start()
    began = time.monotonic()
    try:
        with cancellation.listening(job):
            wait(job)
    finally:
        timer.join()
        assert time.monotonic() - began < 5
    return time.monotonic() - began


def test_sleep_is_cut_off() -> None:
    with pytest.raises(Cancelled, match="op"):
        cancelled_soon(lambda job: cancellation.sleep(30))


def test_a_pause_is_cut_off() -> None:
    with pytest.raises(Cancelled):
        cancelled_soon(lambda job: job.pause(30))


def test_what_is_cancelled_already_does_not_begin_to_wait() -> None:
    job = Cancellation("op")
    job.cancel()
    with cancellation.listening(job):
        for wait in (lambda: cancellation.sleep(30), lambda: job.pause(30), cancellation.check):
            with pytest.raises(Cancelled):
                wait()


def test_a_daemon_that_stops_ends_pauses_and_nothing_else() -> None:
    job = Cancellation("op")
    assert job.pause(0.01)
    threading.Timer(0.05, job.end_pauses).start()
    began = time.monotonic()
    assert not job.pause(30)
    assert not job.pause(30)
    assert time.monotonic() - began < 5
    began = time.monotonic()
    job.sleep(0.1)
    assert time.monotonic() - began >= 0.09
    job.check()


def test_threads_without_a_job_are_never_cancelled() -> None:
    job = Cancellation("op")
    job.cancel()
    seen: list[bool] = []
    with cancellation.listening(job):
        other = threading.Thread(target=lambda: seen.append(cancellation.current().is_cancelled))
        other.start()
        other.join()
    cancellation.check()
    cancellation.sleep(0)
    assert seen == [False]


def test_a_download_stops_between_two_pieces() -> None:
    job, taken = Cancellation("op"), []

    class Source:
        def chunks(self, image_id: str) -> Iterator[bytes]:
            for _ in range(9):
                yield b"x"

    def take() -> None:
        for piece in download.verified(Source(), Image(id="i", name="i", size=9)):
            taken.append(piece)
            if len(taken) == 3:
                job.cancel()

    with cancellation.listening(job), pytest.raises(Cancelled):
        take()
    assert len(taken) == 3


def test_a_guest_that_does_not_shut_down_is_not_waited_for_any_more() -> None:
    class Connection:
        def call(self, function: object, *_args: object) -> bool:
            return True

    with pytest.raises(Cancelled):
        cancelled_soon(lambda job: power.power_off(Connection(), "uuid", 60))  # type: ignore[arg-type]


def test_waiting_for_another_guests_download_of_an_image(tmp_path: Path) -> None:
    locks = ImageLocks(tmp_path)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locks.held("image"):
            holding.set()
            done.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(10)

    def wait(_job: Cancellation) -> None:
        with locks.held("image"):
            raise AssertionError("two have the lock")

    with pytest.raises(Cancelled):
        cancelled_soon(wait)
    done.set()
    holder.join()
    with locks.held("image", blocking=False):
        pass
