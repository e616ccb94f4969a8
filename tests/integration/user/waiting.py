"""Waiting for what takes time."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str, seconds: float, pause: float = 0.5) -> Found:
    """What ``look`` finds as soon as it is true. Fails the test after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"after {seconds:.0f} s still not: {what} (last seen: {found!r})")
        time.sleep(pause)
