"""The Compute API as a client uses it that keeps its token and, where the server lets it, its connection."""

import contextlib
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.benchmarks.place import Place

MICROVERSION = "2.96"
_TIMEOUT = 180.0
# Seconds after which a token is thrown away. It would be good for twice as long.
_TOKEN_AGE = 1800.0


class Refused(Exception):
    """An answer that nobody wanted."""


class Keystone:
    """The administrator's login, and the catalog that it may change."""

    def __init__(self, place: Place) -> None:
        self._url, self._password = place.stack["auth_url"], place.stack["admin_password"]
        self._token, self._since = "", -_TOKEN_AGE
        self.catalog: dict[str, str] = {}

    def token(self) -> str:
        """A token of the administrator in the project ``admin`` that is good for at least half an hour."""
        if time.monotonic() - self._since >= _TOKEN_AGE:
            self._log_in()
        return self._token

    def _log_in(self) -> None:
        admin = {"name": "admin", "domain": {"id": "default"}}
        identity = {"methods": ["password"], "password": {"user": {**admin, "password": self._password}}}
        body = {"auth": {"identity": identity, "scope": {"project": admin}}}
        answer = requests.post(f"{self._url}/auth/tokens", json=body, timeout=30)
        answer.raise_for_status()
        self._token, self._since = answer.headers["X-Subject-Token"], time.monotonic()
        for service in answer.json()["token"]["catalog"]:
            for endpoint in service["endpoints"]:
                if endpoint["interface"] == "public":
                    self.catalog[service["type"]] = endpoint["url"].rstrip("/")

    def ask(self, method: str, url: str, body: Any = None) -> Any:
        """Ask any service.

        :raises requests.HTTPError: it refuses.
        """
        answer = requests.request(method, url, json=body, headers={"X-Auth-Token": self.token()}, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def move_compute(self, url: str) -> None:
        """Make this the compute service of the catalog."""
        (service,) = self.ask("GET", f"{self._url}/services?type=compute")["services"]
        for endpoint in self.ask("GET", f"{self._url}/endpoints?service_id={service['id']}")["endpoints"]:
            self.ask("PATCH", f"{self._url}/endpoints/{endpoint['id']}", {"endpoint": {"url": url}})


class Client:
    """One client of a Compute API: for one thread.

    :param url: of the API, with its version.
    """

    def __init__(self, url: str, keystone: Keystone) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._root = parts.hostname, parts.port, parts.path
        self.url, self._keystone = url, keystone
        self._connection: http.client.HTTPConnection | None = None

    def anew(self) -> "Client":
        """Another one, for another thread."""
        return Client(self.url, self._keystone)

    def headers(self) -> dict[str, str]:
        """What each request says."""
        return {
            "X-Auth-Token": self._keystone.token(),
            "OpenStack-API-Version": f"compute {MICROVERSION}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask; gives status and body."""
        status, data = self.raw(method, path, body)
        return status, json.loads(data) if data else None

    def raw(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Ask; gives status and body as it came."""
        data = None if body is None else json.dumps(body)
        if self._connection is not None:
            # A connection that was kept may be closed by now.
            with contextlib.suppress(http.client.HTTPException, ConnectionError):
                return self._ask(self._connection, method, path, data)
            self.close()
        self._connection = http.client.HTTPConnection(str(self._host), self._port, timeout=_TIMEOUT)
        return self._ask(self._connection, method, path, data)

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, data: str | None
    ) -> tuple[int, bytes]:
        connection.request(method, self._root + path, data, self.headers())
        answer = connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, content

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def wanted(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """Ask, and insist on a status.

        :raises Refused: it is another one.
        """
        got, answer = self(method, path, body)
        if got != status:
            raise Refused(f"{method} {path}: {got}, not {status}: {json.dumps(answer)[:500]}")
        return answer
