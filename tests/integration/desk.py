"""An interface and who serves it, for tests of the bus over a real broker."""

import os
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from oslo_config import cfg
from oslo_messaging.conffixture import ConfFixture

from novalike import conf as configuration
from novalike.bus.interface import Interface, call, cast
from novalike.bus.rabbit import options as rabbit_options
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from tests.integration.user.stack import read_stack

_STACK = read_stack() if "OS_AUTH_URL" not in os.environ else None
# The stack's broker, unless the environment names another one.
URL = os.environ.get("NOVALIKE_TEST_BROKER") or (_STACK.transport_url if _STACK is not None else "")


class Desk(Interface):
    topic = f"desk-{uuid.uuid4().hex[:8]}"

    @call(timeout=20, repeatable=True)
    def double(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def echo(self, ctx: RequestContext, *, text: str) -> str:
        raise NotImplementedError

    @call()
    def once(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @cast
    def hint(self, ctx: RequestContext, *, number: int) -> None:
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def refuse(self, ctx: RequestContext, *, name: str) -> None:
        raise NotImplementedError


class NewerDesk(Interface):
    """The same, of a later release: what was there before is still served."""

    topic = Desk.topic
    double = Desk.double

    @call(timeout=20, repeatable=True, since="1.3")
    def triple(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @cast(since="1.3")
    def new_hint(self, ctx: RequestContext, *, number: int) -> None:
        raise NotImplementedError


NewerDesk.__name__ = "Desk"


class Clerk:
    """Answers at once, or when ``go`` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.began: list[int] = []

    def double(self, ctx: RequestContext, *, number: int) -> int:
        self.began.append(number)
        self.go.wait(30)
        return 2 * number

    def echo(self, ctx: RequestContext, *, text: str) -> str:
        return text

    def once(self, ctx: RequestContext, *, number: int) -> int:
        self.began.append(number)
        self.go.wait(30)
        return number + 1

    def hint(self, ctx: RequestContext, *, number: int) -> None:
        self.began.append(number)
        self.go.wait(30)
        if number < 0:
            raise errors.Invalid("not that one")

    def refuse(self, ctx: RequestContext, *, name: str) -> None:
        raise errors.KeypairNotFound(name=name, user_id=ctx.user_id or "nobody")


def configured(*, over: int | None = None, **options: Any) -> cfg.ConfigOpts:
    """For the broker, or for a relay's port."""
    conf = cfg.ConfigOpts()
    configuration.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    parts = urlsplit(URL)
    netloc = parts.netloc if over is None else f"{parts.netloc.rsplit(':', 1)[0]}:{over}"
    # Registers what oslo.messaging registers with the process's own configuration only.
    ConfFixture(conf, urlunsplit(parts._replace(netloc=netloc)))
    rabbit_options.set_defaults(conf)
    for name, value in options.items():
        conf.set_override(name, value, group="oslo_messaging_rabbit")
    return conf


def until(true: Callable[[], Any], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


def ask(transport: RabbitTransport, number: int) -> int:
    answer: int = transport.client(Desk).double(admin_context(), number=number)
    return answer
