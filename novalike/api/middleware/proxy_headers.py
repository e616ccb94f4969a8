"""What a proxy before us says of a request: how, where and from whom it was received."""

from collections.abc import Callable, Iterable
from typing import Any

import falcon
from oslo_config import cfg

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_SCHEMES = ("http", "https")


def behind_proxy(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """The application, for requests as a proxy received them, if the configuration has us believe what it says."""
    return ProxyHeaders(app) if conf.oslo_middleware.enable_proxy_headers_parsing else app


class ProxyHeaders:
    """WSGI middleware: scheme, host, caller's address and path prefix are those of ``Forwarded``, or else of the
    ``X-Forwarded-`` headers.

    Of several hops the first one counts for scheme and host. As the caller's address all are named: only when there is
    one hop is it an address, and can't have been put before the real one by the caller.
    """

    def __init__(self, app: WSGI) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told = falcon.Request(environ)
        route = environ.get("HTTP_X_FORWARDED_FOR", "")
        if told.forwarded:
            route = ", ".join(hop.src for hop in told.forwarded if hop.src)
        scheme, host = told.forwarded_scheme.lower(), told.forwarded_host
        if scheme in _SCHEMES:
            environ["wsgi.url_scheme"] = scheme
        environ["HTTP_HOST"] = host
        if route:
            environ["REMOTE_ADDR"] = route
        prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "").strip("/")
        if prefix:
            environ["SCRIPT_NAME"] = f"/{prefix}{environ.get('SCRIPT_NAME', '')}"
        return self._app(environ, start_response)
