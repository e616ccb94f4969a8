"""Runs small programs that use the runner, and listens to what they tell systemd."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path


class Systemd:
    """The socket that NOTIFY_SOCKET names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.heard: list[str] = []

    def wait_for(self, line: str, seconds: float = 20.0) -> None:
        """Wait until a line was heard; it is forgotten then."""
        deadline = time.monotonic() + seconds
        while line not in self.heard:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.heard += self._socket.recv(4096).decode().split("\n")
            except TimeoutError:
                raise AssertionError(f"{line} was not heard; heard {self.heard}") from None
        self.heard.remove(line)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


class Program:
    """A running program."""

    def __init__(self, process: subprocess.Popen[str], systemd: Systemd) -> None:
        self.process = process
        self.systemd = systemd

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def children(self) -> list[int]:
        """Its worker processes."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def end(self, seconds: float = 15.0) -> tuple[int, str]:
        """Wait for its end. Gives its status and what it has written."""
        text, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, text


@contextlib.contextmanager
def running(code: str, folder: Path, *arguments: str, **environment: str) -> Iterator[Program]:
    """Run a Python program."""
    systemd = Systemd(folder / "notify")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env={**os.environ, "NOTIFY_SOCKET": str(systemd.path), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Program(process, systemd)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        systemd.close()
