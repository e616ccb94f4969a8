"""A program of the stack, started here instead of by supervisord: to the millisecond, and with a variable more."""

import configparser
import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

_VARIABLE = re.compile(r'(\w+)="([^"]*)"')


class Program:
    """What devstack has declared.

    :param folder: the stack's.
    :param name: of the program; of alike processes it is the name they share.
    """

    def __init__(self, folder: Path, name: str) -> None:
        declared = configparser.ConfigParser(interpolation=None)
        file = folder / "etc" / "programs" / f"{name}.conf"
        declared.read_string(file.read_text())
        (section,) = declared.sections()
        self._options = declared[section]
        self.command = shlex.split(self._options["command"])
        # What supervisord has of its own, and gives to all; by the first one the stack finds its processes.
        self.environment = {
            "DEVSTACK_DEST": str(folder),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder / "data"),
            **dict(_VARIABLE.findall(self._options["environment"])),
        }

    @contextlib.contextmanager
    def running(self, more: Mapping[str, str]) -> Iterator["list[subprocess.Popen[bytes]]"]:
        """As many processes as supervisord would have; they are killed at the end, with all that is below them.

        :param more: variables for their environment.
        """
        count, shared = int(self._options.get("numprocs", "1")), self._socket()
        started = [self._start(more, shared) for _ in range(count)]
        try:
            yield started
        finally:
            for process in started:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if shared is not None:
                shared.close()

    def _start(self, more: Mapping[str, str], shared: socket.socket | None) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command,
            cwd=self._options["directory"],
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL if shared is None else shared,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _socket(self) -> socket.socket | None:
        """What processes of an fcgi-program share, as descriptor 0."""
        if "socket" not in self._options:
            return None
        address = urlsplit(self._options["socket"])
        return socket.create_server((str(address.hostname), int(address.port or 0)), backlog=128)
