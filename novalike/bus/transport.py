"""Transports: how a message gets from one daemon to another.

:class:`novalike.bus.rabbit.transport.RabbitTransport` is the real one. Tests bring their own, which drops, doubles and
delays messages; it has the same four methods.

A message, or the answer to it, may be lost with the process that took it. So what may be asked twice is asked again
after a short while, and another process answers. What may not is sent once.
"""

import abc
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from novalike.bus import wire
from novalike.bus.interface import Interface, Method, methods
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)

Offer = tuple[type[Interface], object]


class NoAnswer(errors.Unavailable):
    """It was sent, and nobody has answered: whether it was done is not known."""


class Server(abc.ABC):
    """A running server of one interface."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Take no more messages."""

    @abc.abstractmethod
    def wait(self) -> None:
        """Wait until the messages that were taken have been dealt with."""


class Transport(abc.ABC):
    """A way to send messages.

    :ivar try_timeout: seconds after which a question that may be repeated is asked again.
    :ivar read_timeout: seconds that such a question may take in all, when its declaration doesn't say.
    """

    try_timeout = 5.0
    read_timeout = 20.0

    @abc.abstractmethod
    def call(
        self,
        interface: type[Interface],
        endpoint: str | None,
        method: str,
        ctx: RequestContext,
        payload: str,
        timeout: float | None,
    ) -> dict[str, Any]:
        """Ask one server of the interface (the one at ``endpoint``, if given) and wait for its answer.

        :param timeout: seconds; None is the transport's default.
        :raises NoAnswer: no answer in time.
        :raises Unavailable: it could not be sent, or there is nobody to send it to: nothing was done.
        """

    @abc.abstractmethod
    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        """Send, and don't wait.

        :raises Unavailable: it could not be sent.
        """

    @abc.abstractmethod
    def serve(self, offers: Sequence[Offer], endpoint: str, pool_size: int) -> Server:
        """Start to serve interfaces that share a topic.

        :param offers: (interface, object with its methods).
        :param pool_size: messages dealt with at a time.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close all connections."""

    def ping(self) -> bool:
        """Whether a message can be sent now."""
        return True

    def client(self, interface: type[Interface], endpoint: str | None = None) -> Any:
        """An object with the interface's methods, each of which sends a message.

        Typed as Any: give the variable that holds it the interface as its type.
        """
        return _client_class(interface)(self, endpoint)


class _Client:
    def __init__(self, transport: Transport, endpoint: str | None) -> None:
        self._transport = transport
        self._endpoint = endpoint


_client_classes: dict[type[Interface], type[_Client]] = {}


def _client_class(interface: type[Interface]) -> type[_Client]:
    if interface not in _client_classes:
        body: dict[str, Any] = {m.name: _sender(interface, m.name) for m in methods(interface).values()}
        _client_classes[interface] = type(f"{interface.__name__}Client", (_Client,), body)
    return _client_classes[interface]


def _sender(interface: type[Interface], name: str) -> Callable[..., Any]:
    method = methods(interface)[name]

    def send(self: _Client, ctx: RequestContext, **arguments: Any) -> Any:
        payload = wire.ask(method, arguments)
        if method.is_cast:
            self._transport.cast(interface, self._endpoint, name, ctx, payload)
            return None
        return wire.read(method, _ask(self._transport, interface, self._endpoint, method, ctx, payload))

    send.__name__ = name
    send.__doc__ = getattr(interface, name).__doc__
    return send


def _ask(
    transport: Transport,
    interface: type[Interface],
    endpoint: str | None,
    method: Method,
    ctx: RequestContext,
    payload: str,
) -> dict[str, Any]:
    """Ask, and ask again if that is allowed.

    :raises Unavailable: no answer to the last try.
    """
    if not method.repeatable:
        try:
            return transport.call(interface, endpoint, method.name, ctx, payload, method.timeout)
        except NoAnswer as error:
            raise NoAnswer(
                reason=f"no answer from {interface.topic} in time; it is not known whether the request was carried "
                "out, so look before you repeat it"
            ) from error
    total = method.timeout or transport.read_timeout
    trouble: errors.Unavailable | None = None
    for timeout in try_timeouts(transport.try_timeout, total):
        try:
            return transport.call(interface, endpoint, method.name, ctx, payload, timeout)
        except NoAnswer as error:
            trouble = error
            LOG.info("%s of %s was not answered within %.0f s", method.name, interface.topic, timeout)
    assert trouble is not None
    raise trouble


def try_timeouts(first: float, total: float) -> Iterator[float]:
    """How long to wait for each try, in seconds: twice the same, since the first one may just have met a process that
    died, then longer and longer, so that whoever is merely slow isn't asked more and more. Together about ``total``,
    and less when tries end early.
    """
    deadline = time.monotonic() + total
    timeout = first
    number = 0
    while (left := deadline - time.monotonic()) > 0.05 or number == 0:
        number += 1
        if number > 2:
            timeout *= 2
        # A rest that is shorter than a first try is added to this one.
        yield left if left - timeout < first else timeout
