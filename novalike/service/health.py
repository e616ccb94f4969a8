"""Each process says on a unix socket how it fares.

Whoever connects is told one JSON object and nothing else::

    {"daemon": "novalike-conductor", "host": "a", "pid": 7, "state": "serving", "checks": {"bus": true}}

The sockets are in ``[DEFAULT] health_dir``, one per process; ``novalike-status health`` reads them all.
"""

import json
import logging
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)

Checks = Callable[[], dict[str, bool]]

CHECK_TIMEOUT = 5.0
_TICK = 1.0


class HealthServer:
    """Answers who asks how this process fares.

    It keeps ticking while the process can start threads: the watchdog looks at :meth:`silence`.

    :param folder: where the socket goes; made when it isn't there.
    :param about: what is told besides the checks.
    :param checks: name → function that gives named results.
    """

    def __init__(
        self, folder: str, daemon: str, about: Callable[[], dict[str, Any]], checks: dict[str, Checks]
    ) -> None:
        self.path = Path(folder) / f"{daemon}.{os.getpid()}.sock"
        self._about = about
        self._checks = checks
        self._stopping = threading.Event()
        self._ticked_at = time.monotonic()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="health", daemon=True)

    def start(self) -> None:
        """Listen. A folder that can't be written to costs the answers, not the daemon."""
        try:
            self._socket = _listen(self.path)
        except OSError as error:
            LOG.warning("[DEFAULT] health_dir: nobody can ask for this daemon's health: %s", error)
        self._thread.start()

    def stop(self) -> None:
        """Remove the socket."""
        self._stopping.set()
        if self._socket is not None:
            self.path.unlink(missing_ok=True)

    def silence(self) -> float:
        """Seconds since this thread last ran."""
        return time.monotonic() - self._ticked_at

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._ticked_at = time.monotonic()
            if self._socket is None:
                self._stopping.wait(_TICK)
                continue
            readable, _, _ = select.select([self._socket], [], [], _TICK)
            if readable:
                try:
                    connection, _ = self._socket.accept()
                except OSError:
                    continue
                # On a thread of its own: a check that hangs must not stop the next one from being asked.
                threading.Thread(target=self._tell, args=(connection,), name="health-answer", daemon=True).start()

    def _tell(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(CHECK_TIMEOUT)
            answer = {**self._about(), "checks": self.results()}
            try:
                connection.sendall(json.dumps(answer).encode())
            except OSError:
                LOG.debug("who asked for our health has gone")

    def results(self) -> dict[str, bool]:
        """What all checks say; one that does not answer within :data:`CHECK_TIMEOUT` seconds has failed."""
        answers: queue.Queue[tuple[str, dict[str, bool]]] = queue.Queue()

        def ask(name: str, check: Checks) -> None:
            try:
                answers.put((name, check()))
            except Exception as error:
                LOG.warning("the health of %s could not be found out: %s: %s", name, type(error).__name__, error)
                answers.put((name, {name: False}))

        for name, check in self._checks.items():
            threading.Thread(target=ask, args=(name, check), name=f"check-{name}", daemon=True).start()
        missing = set(self._checks)
        found: dict[str, bool] = {}
        deadline = time.monotonic() + CHECK_TIMEOUT
        while missing:
            try:
                name, result = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            missing.discard(name)
            for key, value in result.items():
                found[key] = found.get(key, True) and value
        return found | dict.fromkeys(missing, False)


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_the_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        os.chmod(path, 0o600)
        listener.listen(16)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _forget_the_dead(path: Path) -> None:
    """Remove our own socket from an earlier life, and those of killed processes of this daemon."""
    daemon = path.name.split(".", 1)[0]
    for other in path.parent.glob(f"{daemon}.*.sock"):
        if other == path or not _is_alive(other):
            other.unlink(missing_ok=True)


def _is_alive(path: Path) -> bool:
    """Whether the process that made this socket is there, or one that has got its number."""
    number = path.name.split(".")[-2]
    if not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def ask(path: Path, timeout: float = CHECK_TIMEOUT + 2.0) -> dict[str, Any] | None:
    """What the process at this socket says, or None when nobody is there.

    :raises OSError: somebody is there, but says nothing.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    try:
        told: dict[str, Any] = json.loads(b"".join(parts))
    except ValueError as error:
        raise ConnectionError("the answer ended early") from error
    return told
