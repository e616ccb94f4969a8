"""An application as a WSGI server that isn't ours wants it."""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from oslo_config import cfg

from novalike import conf as configuration
from novalike.bus.connect import connect
from novalike.bus.transport import Transport

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Deployment:
    """An application that is made when a process gets its first request: servers load it before they fork, and
    a connection to the broker must not be shared.

    :param prog: the daemon whose configuration it has.
    :raises SystemExit: the configuration is wrong.
    """

    def __init__(self, prog: str, make: Callable[[cfg.ConfigOpts, Transport], WSGI]) -> None:
        files = [name for name in os.environ.get("NOVALIKE_CONFIG_FILES", "").split(";") if name]
        self._conf = configuration.load(prog, [part for name in files for part in ("--config-file", name)])
        self._make = make
        self._lock = threading.Lock()
        self._made: tuple[int, WSGI] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        pid = os.getpid()
        if self._made is None or self._made[0] != pid:
            with self._lock:
                if self._made is None or self._made[0] != pid:
                    self._made = (pid, self._make(self._conf, connect(self._conf)))
        return self._made[1](environ, start_response)
