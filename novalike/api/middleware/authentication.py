"""Tokens: keystonemiddleware, with what happens while Keystone is away made explicit.

* A token that was checked during the last ``[keystone_authtoken] token_cache_time`` seconds needs no Keystone. It is
  remembered in memcached (``memcached_servers``), for all processes, or else in each process for itself.
* Any other token can't be judged: the answer is 503, after some seconds at most when Keystone hangs.
* What keystonemiddleware found out about a token is used again for a second: looking at a token takes it as long as all
  the rest of a small answer.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

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


_TOKEN = "HTTP_X_AUTH_TOKEN"  # noqa: S105
_SERVICE_TOKEN = "HTTP_X_SERVICE_TOKEN"  # noqa: S105
# What keystonemiddleware tells the application begins in one of these ways; of what a client sends that begins like
# that only the second ones are let through.
_TOLD = ("HTTP_X_", "HTTP_OPENSTACK_SYSTEM_SCOPE", "keystone.")
_SENT = (_TOKEN, "HTTP_X_OPENSTACK_")
# Seconds for which a token that was found valid is not looked at again, and how many such there may be.
_KNOWN_SECONDS = 1.0
_KNOWN_MAX = 1000


class _Known(NamedTuple):
    until: float
    told: dict[str, Any]


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
        self._checked = auth_token.AuthProtocol(self._remember, {"oslo_config_config": conf})
        self._remembers = conf[GROUP].token_cache_time > 0
        self._known: dict[str, _Known] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # The list of versions is for everybody.
        first, _, _ = environ.get("PATH_INFO", "").strip("/").partition("/")
        if first not in ("v2.1", "v2"):
            return self._app(environ, start_response)
        token = environ.get(_TOKEN)
        if token and _SERVICE_TOKEN not in environ:
            for name in [name for name in environ if name.startswith(_TOLD) and not name.startswith(_SENT)]:
                del environ[name]
            known = self._known.get(token)
            if known is not None and known.until > time.monotonic():
                environ.update(known.told)
                return self._app(environ, start_response)
        try:
            answer: Iterable[bytes] = self._checked(environ, start_response)
            return answer
        except _AWAY as error:
            # The application answers its own errors: this one is of the check.
            LOG.error("a token can't be checked: %s: %s", type(error).__name__, error)
            return faults.answer(start_response, 503, "The identity service can't be reached now.")

    def _remember(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """What keystonemiddleware calls with a token that is valid."""
        if self._remembers and _SERVICE_TOKEN not in environ and environ.get(_TOKEN):
            if len(self._known) >= _KNOWN_MAX:
                self._known = {}
            told = {k: v for k, v in environ.items() if k.startswith(_TOLD) and not k.startswith(_SENT)}
            self._known[environ[_TOKEN]] = _Known(time.monotonic() + _KNOWN_SECONDS, told)
        return self._app(environ, start_response)
