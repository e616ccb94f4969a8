"""The Compute API as a client uses it: every exchange is written down, also those without an answer."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3
from urllib3.exceptions import NewConnectionError

from tests.chaos.targets import Access

# Seconds: to connect, and to wait for an answer. Nobody waits longer than a minute.
TIMEOUT = (5.0, 60.0)
MICROVERSION = "2.79"


@dataclass(frozen=True)
class Exchange:
    """A request and what came of it.

    :param at: seconds, on the clock of ``time.monotonic``, when it was sent.
    :param seconds: until it was answered, or given up.
    :param what: ``list``, ``create`` …
    :param status: None without an answer; ``why`` then says ``refused`` (nobody listened, so nobody heard it),
        ``cut off`` or ``timeout``.
    """

    at: float
    seconds: float
    what: str
    is_read: bool
    status: int | None
    why: str | None = None
    retry_after: str | None = None
    request_id: str | None = None
    message: str | None = None
    body: Any = None


class Token:
    """A user's token, renewed when it is refused, and the catalog that came with it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._auth = v3.Password(
            auth_url=access.auth_url,
            username=access.username,
            password=access.password,
            project_name=access.project,
            user_domain_id="default",
            project_domain_id="default",
        )
        self._session = keystone_session.Session(self._auth, timeout=30)
        self._lock = threading.Lock()
        self._value = str(self._session.get_token())

    def value(self) -> str:
        """The token."""
        return self._value

    def refused(self, value: str) -> None:
        """Get another one, unless somebody has already.

        :raises keystoneauth1.exceptions.ClientException: Keystone doesn't answer.
        """
        with self._lock:
            if value == self._value:
                self._auth.invalidate()
                self._value = str(self._session.get_token())

    def url(self, service: str) -> str:
        """Where a service (``compute``, ``placement``, ``network`` …) is, without a slash at the end."""
        endpoint = self._session.get_endpoint(service_type=service, region_name=self.access.region, interface="public")
        return str(endpoint).rstrip("/")


class Api:
    """The API for one thread.

    :param note: is handed every exchange.
    """

    def __init__(self, token: Token, url: str, note: Callable[[Exchange], None]) -> None:
        self._token = token
        self._url = url
        self._note = note
        self._session = requests.Session()

    def get(self, what: str, path: str) -> Exchange:
        """Read something."""
        return self._exchange(what, "GET", path, None, is_read=True)

    def post(self, what: str, path: str, body: Any) -> Exchange:
        """Ask for something."""
        return self._exchange(what, "POST", path, body, is_read=False)

    def delete(self, what: str, path: str) -> Exchange:
        """Ask for something to be removed."""
        return self._exchange(what, "DELETE", path, None, is_read=False)

    def _exchange(self, what: str, method: str, path: str, body: Any, *, is_read: bool) -> Exchange:
        at, token = time.monotonic(), self._token.value()
        headers = {"X-Auth-Token": token, "OpenStack-API-Version": f"compute {MICROVERSION}"}
        try:
            answer = self._session.request(method, self._url + path, json=body, headers=headers, timeout=TIMEOUT)
        except requests.RequestException as error:
            exchange = Exchange(at, time.monotonic() - at, what, is_read, None, why=_why(error))
        else:
            if answer.status_code == 401:
                self._token.refused(token)
            exchange = Exchange(
                at,
                time.monotonic() - at,
                what,
                is_read,
                answer.status_code,
                retry_after=answer.headers.get("Retry-After"),
                request_id=answer.headers.get("X-OpenStack-Request-Id"),
                message=answer.text[:300] if answer.status_code >= 400 else None,
                body=_json(answer) if answer.status_code < 300 else None,
            )
        self._note(exchange)
        return exchange


def _json(answer: requests.Response) -> Any:
    return answer.json() if answer.content else None


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "timeout"
    if error.args and isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
        return "refused"
    return "cut off"
