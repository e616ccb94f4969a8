"""The proxy as a process of its own, with a conductor that knows one token:
``program <web> <target> <base URL> [<certificate> [behind_proxy]]``.

Run in the concurrency that the environment says, as the real one is.
"""

from novalike import concurrency

concurrency.prepare()

import datetime  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

from oslo_config import cfg  # noqa: E402

from novalike import conf as options  # noqa: E402
from novalike.bus.consoles import ConsoleGrant  # noqa: E402
from novalike.console.novncproxy import NovncProxy  # noqa: E402
from novalike.objects import errors  # noqa: E402
from novalike.service.listening import listen  # noqa: E402


class Conductor:
    def __init__(self, target: str, base: str) -> None:
        host, _, port = target.rpartition(":")
        self.grant = ConsoleGrant(
            instance_uuid="6a0ad2ca", console_type="novnc", host=host, port=int(port), access_url_base=base,
            expires=datetime.datetime(2030, 1, 1),
        )  # fmt: skip

    def client(self, interface, endpoint=None):
        return self

    def admit(self, ctx, *, token: str) -> ConsoleGrant:
        if token == "away":
            raise errors.Unavailable(reason="nobody answers")
        if token != "good":
            raise errors.ConsoleTokenInvalid()
        return self.grant


def main(web: str, target: str, base: str, cert: str = "", behind_proxy: str = "") -> None:
    conf = cfg.ConfigOpts()
    options.load("novalike-novncproxy", ["--config-file", os.devnull, "--debug"], conf)
    conf.set_override("web", web, "vnc")
    conf.set_override("allowed_origins", ["horizon.example.org"], "vnc")
    conf.set_override("cert", cert, "vnc")
    conf.set_override("enable_proxy_headers_parsing", bool(behind_proxy), "oslo_middleware")
    listener = listen("127.0.0.1", 0, 5, "vnc")
    proxy = NovncProxy(conf, Conductor(target, base), listener)  # type: ignore[arg-type]
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    proxy.start()
    print(listener.getsockname()[1], flush=True)
    while not told.wait(0.05):
        pass
    proxy.stop()
    proxy.wait()
    print("stopped", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
