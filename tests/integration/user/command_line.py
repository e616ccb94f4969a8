"""The ``openstack`` and ``nova`` commands, as a user calls them."""

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tests.integration.user.stack import Stack

WARM = Path(__file__).with_name("warm_clients.py")


class CommandFailed(AssertionError):
    """A command ended with something else than 0."""

    def __init__(self, command: tuple[str, ...], status: int, output: str, errors: str) -> None:
        super().__init__(f"{' '.join(command)} ended {status}:\n{errors[-3000:]}{output[-2000:]}")
        self.status = status
        self.errors = errors


class CommandLine:
    """The clients of a stack, for one user.

    Most of a command's time is spent on importing: the commands are forked off a process that has done that. With
    ``cold`` they are what a user's shell starts.
    """

    def __init__(self, stack: Stack, user: str) -> None:
        self.user = user
        self._stack = stack
        self._environment = stack.environment(user)
        self._server: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def openstack(self, *words: str, cold: bool = False) -> str:
        """What a command prints. :raises CommandFailed: it failed."""
        return self._run(("openstack", *words), cold)

    def json(self, *words: str, cold: bool = False) -> Any:
        """What a command that shows something prints as JSON."""
        return json.loads(self.openstack(*words, "-f", "json", cold=cold))

    def nova(self, *words: str) -> str:
        """python-novaclient. :raises CommandFailed: it failed."""
        return self._run(("nova", *words), False)

    def close(self) -> None:
        """End the warm process."""
        if self._server is not None and self._server.stdin is not None:
            self._server.stdin.close()
            self._server.wait(10)

    def _run(self, command: tuple[str, ...], cold: bool) -> str:
        status, output, errors = self._run_cold(command) if cold else self._run_warm(command)
        sys.stdout.write(f"$ {' '.join(command)}\n{output}{errors}")  # shown when the test fails
        if status:
            raise CommandFailed(command, status, output, errors)
        return output

    def _run_cold(self, command: tuple[str, ...]) -> tuple[int, str, str]:
        program = f"{self._stack.bin}/{command[0]}"
        ran = subprocess.run(
            [program, *command[1:]], env=self._environment, capture_output=True, text=True, timeout=400
        )
        return ran.returncode, ran.stdout, ran.stderr

    def _run_warm(self, command: tuple[str, ...]) -> tuple[int, str, str]:
        with self._lock, tempfile.TemporaryDirectory() as folder:
            if self._server is None:
                self._server = subprocess.Popen(
                    [f"{self._stack.bin}/python", str(WARM)], env=self._environment, text=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )  # fmt: skip
            assert self._server.stdin is not None
            assert self._server.stdout is not None
            self._server.stdin.write(json.dumps({"command": command, "folder": folder}) + "\n")
            self._server.stdin.flush()
            status = int(self._server.stdout.readline())
            return status, Path(folder, "out").read_text(), Path(folder, "err").read_text()
