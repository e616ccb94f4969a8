"""One keystoneauth session per service that we talk to, made from that service's section of the configuration.

Nothing is loaded or asked before the first request. What goes wrong on the way to a service (no connection,
no token, no endpoint, 502/503/504) is always :class:`~novalike.objects.errors.Unavailable`, and its reason
names the service and the section, never credentials.
"""

import threading
import weakref
from collections.abc import Mapping
from typing import Any

import requests
from keystoneauth1 import exceptions, loading
from keystoneauth1 import session as keystone_session
from oslo_config import cfg

from novalike.objects import errors

CONNECT_RETRIES = 2
DEFAULT_TIMEOUT = 60.0
POOL_SIZE = 64
GATEWAY_TROUBLE = frozenset({502, 503, 504})

# Sections with the same credentials share a token: to make one takes Keystone a tenth of a second, on purpose.
_credentials: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _shared(auth: Any) -> Any:
    """The plugin that was made before of the same credentials, if there is one."""
    key = auth.get_cache_id()
    if key is None:
        return auth
    with _lock:
        return _credentials.setdefault(key, auth)


class ServiceSession:
    """Requests to one service.

    :param conf: the configuration; the section must have been registered with ``SESSION = True``.
    :param section: for example ``placement``.
    """

    def __init__(self, conf: cfg.ConfigOpts, section: str) -> None:
        self._conf = conf
        self.section = section
        self._adapter: Any = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load session and credentials now, without asking anybody.

        :raises SystemExit: the section is incomplete or wrong; the message names it.
        """
        try:
            self._load()
        except errors.Unavailable as error:
            raise SystemExit(f"configuration: {error.fields.get('reason', error)}") from error

    def _load(self) -> Any:
        with self._lock:
            if self._adapter is None:
                self._adapter = self._new_adapter()
            return self._adapter

    def _new_adapter(self) -> Any:
        try:
            auth = loading.load_auth_from_conf_options(self._conf, self.section)
            if auth is None:
                raise errors.Unavailable(reason=f"[{self.section}] auth_type is not set")
            session = loading.load_session_from_conf_options(
                self._conf, self.section, auth=_shared(auth), session=_pooled(), split_loggers=True
            )
            adapter = loading.load_adapter_from_conf_options(self._conf, self.section, session=session)
        except (exceptions.ClientException, cfg.Error) as error:
            raise errors.Unavailable(reason=f"[{self.section}]: {error}") from error
        session.timeout = session.timeout or DEFAULT_TIMEOUT
        if adapter.connect_retries is None:
            adapter.connect_retries = CONNECT_RETRIES
        return adapter

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        **options: Any,
    ) -> requests.Response:
        """Ask the service. Any answer that the service itself gave is returned, also a 4xx.

        :param path: below the service's endpoint, with a leading slash.
        :param token: ask as the user whose token this is, not as ourselves.
        :param options: passed to keystoneauth as they are (``stream``, ``data``, ``timeout`` …).
        :raises Unavailable: the service can't be reached or is overloaded.
        """
        adapter = self._load()
        sent = dict(headers or {})
        if json is not None:
            options["json"] = json
        if params is not None:
            options["params"] = params
        try:
            if token is not None:
                sent["X-Auth-Token"] = token
                options["authenticated"] = False
                options["endpoint_override"] = self.endpoint()
            response = adapter.request(path, method, headers=sent, raise_exc=False, **options)
        except exceptions.ClientException as error:
            raise self._unavailable(error) from error
        if response.status_code in GATEWAY_TROUBLE:
            raise errors.Unavailable(reason=f"{self.section} answered {response.status_code}")
        return response

    def endpoint(self) -> str:
        """The URL that the service is asked at, from ``endpoint_override`` or Keystone's catalog.

        :raises Unavailable: there is none, or Keystone can't be asked.
        """
        try:
            url = self._load().get_endpoint()
        except exceptions.ClientException as error:
            raise self._unavailable(error) from error
        if not url:
            raise errors.Unavailable(reason=f"{self.section} has no endpoint in Keystone's catalog")
        return url

    def _unavailable(self, error: Exception) -> errors.Unavailable:
        if isinstance(error, exceptions.Unauthorized):
            return errors.Unavailable(reason=f"Keystone refuses the credentials in [{self.section}]")
        return errors.Unavailable(reason=f"{self.section} can't be reached ({type(error).__name__})")


def _pooled() -> requests.Session:
    """A requests session that keeps as many connections as we have requests at a time."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, keystone_session.TCPKeepAliveAdapter(pool_connections=4, pool_maxsize=POOL_SIZE))
    return session
