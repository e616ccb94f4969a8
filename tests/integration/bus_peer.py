"""A process on the bus: ``python -m tests.integration.bus_peer serves|asks|tells URL``. It writes a line of JSON for
whatever happens, until it is ended."""

# ruff: noqa: E402, I001
from novalike import concurrency

concurrency.prepare()

import json
import sys
import time
from typing import Any

from oslo_config import cfg

from novalike import conf as configuration
from novalike.bus.interface import Interface, call, cast
from novalike.bus.rabbit import options
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context

PAUSE = 0.05


class Desk(Interface):
    topic = "desk"

    @call(repeatable=True)
    def double(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @call()
    def once(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @cast
    def hint(self, ctx: RequestContext, *, number: int) -> None:
        raise NotImplementedError


def say(**what: Any) -> None:
    """One line, whole: text and end are two writes of print's, and another thread's may come between them."""
    sys.stdout.write(json.dumps({"at": time.monotonic(), **what}) + "\n")
    sys.stdout.flush()


class Clerk:
    """Serves."""

    def double(self, ctx: RequestContext, *, number: int) -> int:
        return 2 * number

    def once(self, ctx: RequestContext, *, number: int) -> int:
        return number + 1

    def hint(self, ctx: RequestContext, *, number: int) -> None:
        say(told=number)


def port(connection: Any) -> int | None:
    """Of the broker, as long as there is a connection to one."""
    try:
        found: int = connection._socket.getpeername()[1]
        return found
    except OSError:
        return None


def serve(transport: RabbitTransport) -> None:
    """Answer, and say which node is in use when that changes."""
    server: Any = transport.serve([(Desk, Clerk())], "here", 4)
    answerer, said = server._servers[0], None
    while True:
        found = port(answerer._connection)
        if found is not None and found != said:
            said = found
            say(port=found)
        time.sleep(PAUSE)


def ask(transport: RabbitTransport, ways: list[str]) -> None:
    """Ask, or tell, one after the other."""
    desk = transport.client(Desk)
    number = 0
    while True:
        for way in ways:
            number += 1
            began, error = time.monotonic(), None
            try:
                answer = getattr(desk, way)(admin_context(), number=number)
                assert answer == {"double": 2 * number, "once": number + 1, "hint": None}[way]
            except errors.NovalikeError as trouble:
                error = str(trouble)
            connection: Any = transport._asker._connection
            say(way=way, number=number, took=time.monotonic() - began, error=error,
                port=port(connection._connection) if connection else None)  # fmt: skip
            time.sleep(PAUSE)


def main() -> None:
    """Run."""
    role, url = sys.argv[1:]
    conf = cfg.CONF
    configuration.load("novalike-peer", ["--config-file", "/dev/null"], conf)
    options.set_defaults(conf)
    conf.set_override("transport_url", url)
    conf.set_override("rpc_response_timeout", 5)
    transport = RabbitTransport(conf)
    if role == "serves":
        serve(transport)
    else:
        ask(transport, ["double", "once"] if role == "asks" else ["hint"])


if __name__ == "__main__":
    main()
