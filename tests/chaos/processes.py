"""Processes of this machine: trees of them, signals to them."""

import os
import signal
import socket
from collections.abc import Iterable

import psutil


def tree(pid: int) -> list[int]:
    """A process and all that are below it; empty when there is none."""
    try:
        main = psutil.Process(pid)
        return [pid, *(each.pid for each in main.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def send(pids: Iterable[int], number: signal.Signals) -> list[int]:
    """Send a signal. Gives who got it: some may have ended meanwhile."""
    reached = []
    for pid in pids:
        try:
            os.kill(pid, number)
            reached.append(pid)
        except ProcessLookupError:
            continue
    return reached


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
