"""How an endpoint is declared, and what happens to every request before and after it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from oslo_config import cfg

from novalike.api.microversion import Since, Version, parse
from novalike.api.validation import Schema
from novalike.bus.transport import Transport
from novalike.clients.glance import GlanceClient
from novalike.clients.keystone import KeystoneClient
from novalike.clients.neutron import NeutronClient

Handler = Callable[..., Any]


class Backends(NamedTuple):
    """What the handlers of endpoints ask: the configuration, the bus, and the neighbours."""

    conf: cfg.ConfigOpts
    transport: Transport
    glance: GlanceClient
    neutron: NeutronClient
    keystone: KeystoneClient


class Route(NamedTuple):
    """An endpoint.

    :param handler: called with the ApiRequest and the path's parameters by name. It gives the answer's body, an
        ``Answer``, or None for an empty one.
    :param policy: checked before the handler is called, for the caller's own project. None: the handler itself
        calls ``req.authorize`` once it knows the target; an answer without that call is refused.
    :param status: of a success.
    :param body: schema of the body by microversion; None takes no body.
    :param query: schema of the query by microversion; parameters are lists of strings.
    :param first, last: microversions between which the endpoint exists.
    """

    method: str
    path: str
    handler: Handler
    policy: str | None
    status: int = 200
    body: Since[Schema] | None = None
    query: Since[Schema] | None = None
    first: str = "2.1"
    last: str | None = None
    name: str | None = None

    def exists_at(self, version: Version) -> bool:
        """Whether the endpoint exists in a microversion."""
        return parse(self.first) <= version and (self.last is None or version <= parse(self.last))


class Action(NamedTuple):
    """An entry of an ``…/action`` endpoint: the one key of the body says which. See :class:`Route`."""

    key: str
    handler: Handler
    policy: str | None
    status: int = 202
    body: Since[Schema] | None = None
    first: str = "2.1"
    last: str | None = None
    name: str | None = None


def actions(path: str, entries: list[Action]) -> list[Route]:
    """The routes of an ``…/action`` endpoint."""
    return [
        Route(
            "POST", path, entry.handler, entry.policy, entry.status, body=entry.body, first=entry.first,
            last=entry.last, name=entry.key,
        )
        for entry in entries
    ]  # fmt: skip
