"""supervisord's interface: XML-RPC over a unix socket."""

import http.client
import socket
import xmlrpc.client
from typing import Any

# Fault codes of supervisord's interface.
_ALREADY_STARTED = 60
_NOT_RUNNING = 70


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> _Connection:
        # A new one for each call: several threads ask.
        return _Connection(self._path)


class Supervisor:
    """A running supervisord.

    :param path: of its socket.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def _call(self, method: str, *arguments: Any, tolerate: int = 0) -> Any:
        try:
            with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_Transport(self._path)) as server:
                return getattr(server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != tolerate:
                raise
            return None

    def names(self) -> list[str]:
        """All programs, running or not, in alphabetical order; one of several alike ones is ``program:process``."""
        found = self._call("getAllProcessInfo")
        return sorted(e["name"] if e["name"] == e["group"] else f"{e['group']}:{e['name']}" for e in found)

    def pid(self, name: str) -> int | None:
        """The program's main process; None while it doesn't run."""
        return self._call("getProcessInfo", name)["pid"] or None

    def stop(self, name: str) -> None:
        """End it, and don't start it again. Returns when it has ended."""
        self._call("stopProcess", name, tolerate=_NOT_RUNNING)

    def start(self, name: str) -> None:
        """Start it, unless it runs. Doesn't wait."""
        self._call("startProcess", name, False, tolerate=_ALREADY_STARTED)
