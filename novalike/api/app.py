"""The composition root of the API: what it is made of."""

from collections.abc import Callable, Iterable
from typing import Any

import falcon
from oslo_config import cfg

from novalike.api import dispatch, routes
from novalike.api.middleware.context import Context
from novalike.api.middleware.proxy_headers import behind_proxy
from novalike.api.middleware.request_id import RequestId
from novalike.api.policy import Enforcer
from novalike.api.resources.versions import unversioned
from novalike.api.route import Backends, Route
from novalike.bus.transport import Transport
from novalike.clients.glance import GlanceClient
from novalike.clients.keystone import KeystoneClient
from novalike.clients.neutron import NeutronClient

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def make_app(
    conf: cfg.ConfigOpts,
    transport: Transport,
    *,
    glance: GlanceClient | None = None,
    neutron: NeutronClient | None = None,
    authenticate: Callable[[WSGI], WSGI] | None = None,
) -> WSGI:
    """The whole WSGI application.

    :param authenticate: wraps the application; keystonemiddleware, unless given or configured otherwise.
    """
    enforcer = Enforcer(conf)
    glance, neutron = glance or GlanceClient(conf), neutron or NeutronClient(conf)
    table = routes.table(Backends(conf, transport, glance, neutron, KeystoneClient(conf)))
    app = falcon.App(
        middleware=[Context(conf, enforcer.is_admin, _collections(table))],
        independent_middleware=True,
    )
    app.req_options.strip_url_path_trailing_slash = False
    for kind in (Exception, falcon.HTTPError):
        app.add_error_handler(kind, dispatch.handle_error)
    dispatcher = dispatch.Dispatcher(conf, enforcer.allowed)
    by_path: dict[str, list[Route]] = {}
    for route in table:
        by_path.setdefault(route.path, []).append(route)
    for path, found in by_path.items():
        app.add_route(path, dispatcher.resource(found))
    app.add_sink(unversioned, prefix="/")
    return behind_proxy(RequestId((authenticate or _authenticate(conf))(app)), conf)


def _collections(table: list[Route]) -> frozenset[str]:
    return frozenset(route.path.split("/")[1] for route in table)


def _authenticate(conf: cfg.ConfigOpts) -> Callable[[WSGI], WSGI]:
    if conf.api.auth_strategy == "noauth2":
        return _no_auth

    def keystone(app: WSGI) -> WSGI:
        from novalike.api.middleware.authentication import TokenCheck

        return TokenCheck(app, conf)

    return keystone


def _no_auth(app: WSGI) -> WSGI:
    """Believe the ``user:project`` that a token says it is, as an administrator."""

    def believe(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        user, _, project = environ.get("HTTP_X_AUTH_TOKEN", "admin:admin").partition(":")
        environ.update(
            HTTP_X_USER_ID=user,
            HTTP_X_PROJECT_ID=project or user,
            HTTP_X_ROLES=environ.get("HTTP_X_ROLES", "admin,member,reader"),
        )
        return app(environ, start_response)

    return believe
