"""``novalike-novncproxy``."""

from novalike import concurrency

concurrency.prepare()

import socket
from collections.abc import Callable
from typing import NoReturn

from oslo_config import cfg

from novalike.service import daemon
from novalike.service.listening import listen
from novalike.console.novncproxy import NovncProxy

_BACKLOG = 128


def main() -> NoReturn:
    """Run the noVNC proxy until told to stop."""
    listening: list[socket.socket] = []

    def bind(conf: cfg.ConfigOpts) -> Callable[[], None]:
        names = "novncproxy_host, novncproxy_port"
        address, port = conf.vnc.novncproxy_host, conf.vnc.novncproxy_port
        listening.append(listen(address, port, _BACKLOG, "vnc", names))
        return listening[0].close

    daemon.run(
        "novalike-novncproxy",
        lambda conf, transport: NovncProxy(conf, transport, listening[0]),
        before_fork=bind,
    )
