"""Telling systemd how a daemon fares: sd_notify(3) without libsystemd.

Without ``NOTIFY_SOCKET`` in the environment nothing is sent and nothing fails.
"""

import os
import socket
import time


def send(*lines: str) -> None:
    """Send ``NAME=value`` lines. A systemd that doesn't listen is no reason to fail."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto("\n".join(lines).encode(), address)
    except OSError:
        pass


def ready() -> None:
    """The daemon serves (again)."""
    send("READY=1", "STATUS=serving")


def reloading() -> None:
    """Configuration is being read again; :func:`ready` ends it."""
    send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", "STATUS=reloading")


def stopping() -> None:
    """The daemon finishes what it has begun."""
    send("STOPPING=1", "STATUS=finishing what was begun")


def alive() -> None:
    """The watchdog need not bite."""
    send("WATCHDOG=1")


def status(text: str) -> None:
    """One line for ``systemctl status``."""
    send(f"STATUS={text}")


def watchdog_seconds() -> float | None:
    """Seconds of silence after which systemd kills this service; None is never."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant_for = os.environ.get("WATCHDOG_PID")
    if not microseconds.isdigit() or int(microseconds) == 0:
        return None
    if meant_for and meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000
