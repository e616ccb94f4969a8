"""RabbitMQ: the transport of real daemons.

Nothing in here waits for longer than it was told to, whatever the broker does.
"""

import os
import time
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from novalike.bus.interface import Interface, methods
from novalike.bus.oslo_rpc import OsloTransport, unreachable
from novalike.bus.rabbit import options
from novalike.bus.rabbit.brokers import TROUBLE, Brokers
from novalike.bus.rabbit.client import Asker, Nobody, Unanswered
from novalike.bus.rabbit.questions import encode, queue
from novalike.bus.rabbit.server import Answerer
from novalike.bus.transport import NoAnswer, Offer, Server, Transport
from novalike.objects import errors
from novalike.objects.context import RequestContext

# Seconds that sending may take, and for which the broker keeps a hint.
_SEND_SECONDS = 8.0
_HINT_SECONDS = 30.0
# Seconds between two looks whether the broker is there, and whether somebody serves what is asked for.
_NOBODY_PAUSE = 0.25
# Seconds after which a question is asked again when the broker has several nodes. One that goes takes its queues with
# it, and for a moment the others still send questions there, which are lost and never come back.
_NODE_SECONDS = 2.0


class RabbitTransport(Transport):
    """RabbitMQ at ``[DEFAULT] transport_url``.

    :ivar patience: seconds for which a broker that can't be reached is waited for: long enough for its restart.
    :raises SystemExit: the URL, or an option that goes with it, can't be used.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        options.set_defaults(conf)
        self._brokers = Brokers(conf)
        self._response_timeout: float = conf.rpc_response_timeout
        self.patience = self.try_timeout = conf.rpc_try_timeout
        if self._brokers.are_several:
            self.try_timeout = min(self.try_timeout, _NODE_SECONDS)
        self.read_timeout = conf.rpc_read_timeout
        self._name = f"{conf.prog} {conf.host} {os.getpid()}"
        self._asker = Asker(self._brokers, self._name)
        self._earlier = OsloTransport(conf)

    def call(
        self,
        interface: type[Interface],
        endpoint: str | None,
        method: str,
        ctx: RequestContext,
        payload: str,
        timeout: float | None,
    ) -> dict[str, Any]:
        if timeout is None:
            timeout = self.read_timeout if methods(interface)[method].repeatable else self._response_timeout
        return self._ask(interface.topic, encode(interface, method, ctx, payload), endpoint, timeout)

    def _ask(self, topic: str, question: bytes, endpoint: str | None, seconds: float) -> dict[str, Any]:
        """What is answered. It outlasts a short absence of the broker, and a longer one of whoever answers."""
        deadline = time.monotonic() + seconds
        patience = time.monotonic() + (seconds if seconds < self.try_timeout else self.patience)
        while True:
            soon = time.monotonic() + _NOBODY_PAUSE
            try:
                answer = self._asker.ask(question, queue(topic, endpoint), max(deadline - time.monotonic(), 0.1))
                return {"r": answer.r} if answer.e is None else {"e": answer.e}
            except Unanswered as error:
                raise NoAnswer(reason=f"no answer from {topic} in time") from error
            except Nobody as error:
                if soon > deadline:
                    raise errors.Unavailable(reason=f"nobody serves {topic}") from error
            except TROUBLE as error:
                if soon > patience:
                    raise unreachable() from error
            time.sleep(_NOBODY_PAUSE)

    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        hint = encode(interface, method, ctx, payload)
        try:
            self._asker.tell(hint, queue(interface.topic, endpoint), _SEND_SECONDS, _HINT_SECONDS)
        except TROUBLE as error:
            raise unreachable() from error

    def serve(self, offers: Sequence[Offer], endpoint: str, pool_size: int) -> Server:
        answerer = Answerer(self._brokers, self._name, offers, endpoint, pool_size)
        # Daemons of the release before this one send through oslo.messaging what must not be repeated, and on native
        # threads with TLS everything. The next release need not serve that.
        all_repeatable = all(method.repeatable for interface, _ in offers for method in methods(interface).values())
        if all_repeatable and not self._brokers.options.ssl:
            return answerer
        return _Servers((answerer, self._earlier.serve(offers, endpoint, pool_size)))

    def ping(self) -> bool:
        return self._asker.ping(_SEND_SECONDS)

    def close(self) -> None:
        self._asker.close()
        self._earlier.close()


class _Servers(Server):
    """Several that are one."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def wait(self) -> None:
        for server in self._servers:
            server.wait()
