"""Tokens: keystonemiddleware, with what happens while Keystone is away made explicit.

* A token that was checked during the last ``[keystone_authtoken] token_cache_time`` seconds needs no Keystone. It is
  remembered in memcached (``memcached_servers``), for all processes, or else in each process for itself.
* Any other token can't be judged: the answer is 503, after some seconds at most when Keystone hangs.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from keystoneauth1 import exceptions as keystoneauth_errors
from keystonemiddleware import auth_token
from keystonemiddleware import exceptions as middleware_errors
from oslo_cache import exception as cache_errors
from oslo_config import cfg

from novalike.api import faults

LOG = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

GROUP = "keystone_authtoken"
# Without a timeout each request would hang for as long as Keystone does.
DEFAULTS = {"http_connect_timeout": 5, "http_request_max_retries": 1}

_AWAY = (
    keystoneauth_errors.ClientException,
    middleware_errors.KeystoneMiddlewareException,
    # All connections to memcached are in use.
    cache_errors.QueueEmpty,
    OSError,
)


class TokenCheck:
    """WSGI middleware.

    :raises SystemExit: an option can't be; the message names it.
    """

    def __init__(self, app: WSGI, conf: cfg.ConfigOpts) -> None:
        self._app = app
        for group, options in auth_token.list_opts():
            conf.register_opts(options, group=group)
        for name, value in DEFAULTS.items():
            conf.set_default(name, value, group=GROUP)
        if conf[GROUP].delay_auth_decision:
            raise SystemExit(
                f"[{GROUP}] delay_auth_decision must be false: nothing behind this would turn away who has no token"
            )
        self._checked = auth_token.AuthProtocol(app, {"oslo_config_config": conf})

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # The list of versions is for everybody.
        first, _, _ = environ.get("PATH_INFO", "").strip("/").partition("/")
        if first not in ("v2.1", "v2"):
            return self._app(environ, start_response)
        try:
            answer: Iterable[bytes] = self._checked(environ, start_response)
            return answer
        except _AWAY as error:
            # The application answers its own errors: this one is of the check.
            LOG.error("a token can't be checked: %s: %s", type(error).__name__, error)
            return faults.answer(start_response, 503, "The identity service can't be reached now.")
