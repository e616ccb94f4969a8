"""Networks, from Neutron.

Reads take the credentials of a user (``user=ctx``: Neutron decides what is visible) or our own (unset).
Ports are made and bound with our own, which need the ``service`` role: only that may write a port's binding.
"""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
from oslo_config import cfg

from novalike.clients.retrying import Retrying
from novalike.clients.session import ServiceSession
from novalike.objects import errors, network_errors
from novalike.objects.context import RequestContext

T = TypeVar("T")
Json = dict[str, Any]

# Ids in one URL: more would make it longer than servers accept.
_IDS_PER_REQUEST = 100


class NeutronClient:
    """What we ask of Neutron. Resources are what Neutron's JSON says.

    :param session: how Neutron is reached; unset, as ``[neutron]`` says.
    """

    def __init__(self, conf: cfg.ConfigOpts, session: ServiceSession | None = None) -> None:
        self._rest = Retrying(session or ServiceSession(conf, "neutron"), retries=conf.neutron.http_retries)
        self._extensions: frozenset[str] | None = None
        # Projects that had no limit when it was looked at last.
        self._unlimited: set[str] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    # -- reading

    def networks(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("networks", user, filters)

    def subnets(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("subnets", user, filters)

    def ports(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("ports", user, filters)

    def security_groups(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("security-groups", user, filters, key="security_groups")

    def floating_ips(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        """Floating addresses; none when Neutron has no router extension."""
        if "router" not in self.extensions():
            return []
        return self._list("floatingips", user, filters)

    def port(self, port_id: str, user: RequestContext | None = None) -> Json:
        """:raises PortNotFound: there is none, or not for this user."""
        response = self._rest.request("GET", f"/v2.0/ports/{_segment(port_id)}", user=user)
        if response.status_code == 404:
            raise errors.PortNotFound(port_id=port_id)
        return self._body(response)["port"]

    def extensions(self) -> frozenset[str]:
        """The aliases of Neutron's extensions; asked once in the life of the process."""
        if self._extensions is None:
            self._extensions = frozenset(e["alias"] for e in self._list("extensions", None, {}))
        return self._extensions

    def port_quota(self, project_id: str) -> tuple[int, int]:
        """How many ports a project may have (-1: any number), and how many it has."""
        project = _segment(project_id)
        detailed = "quota_details" in self.extensions()
        # Counting what is used costs Neutron four times as much as saying what the limit is.
        if not detailed or project in self._unlimited:
            limit = self._body(self._rest.request("GET", f"/v2.0/quotas/{project}"))["quota"].get("port", -1)
            if limit < 0:
                return limit, 0
            self._unlimited.discard(project)
            if not detailed:
                return limit, len(self.ports(tenant_id=project_id, fields=["id"]))
        quota = self._body(self._rest.request("GET", f"/v2.0/quotas/{project}/details.json"))["quota"]["port"]
        if quota["limit"] < 0:
            self._unlimited.add(project)
        return quota["limit"], quota["used"] + quota["reserved"]

    # -- the network that Neutron makes for a project that has none

    def can_auto_allocate(self, user: RequestContext, project_id: str) -> bool:
        """Whether :meth:`auto_allocate` would work."""
        path = f"/v2.0/auto-allocated-topology/{_segment(project_id)}"
        response = self._rest.request("GET", path, user=user, params={"fields": "dry-run"})
        return response.status_code == 200

    def auto_allocate(self, user: RequestContext, project_id: str) -> Json:
        """The project's automatic network, made if it isn't there.

        :raises AutoAllocationFailed: Neutron isn't set up for that.
        """
        response = self._rest.request("GET", f"/v2.0/auto-allocated-topology/{_segment(project_id)}", user=user)
        if response.status_code in (404, 409):
            raise network_errors.AutoAllocationFailed(project_id=project_id)
        found = self.networks(user, id=self._body(response)["auto_allocated_topology"]["id"])
        if not found:
            raise network_errors.AutoAllocationFailed(project_id=project_id)
        return found[0]

    # -- ports

    def create_ports(self, ports: Sequence[Json], user: RequestContext | None = None) -> list[Json]:
        """Make ports, all or none, in one request. Not repeated: when it fails look before you try again.

        :raises FixedIpInUse, FixedIpInvalid, NoMoreFixedIps, PortLimitExceeded, NetworkNotFound: as they say.
        :raises NeutronRefused: any other refusal.
        :raises Unavailable: no answer; the ports may have been made.
        """
        if len(ports) == 1:
            response = self._rest.request("POST", "/v2.0/ports", user=user, json={"port": ports[0]})
            return [self._body(response, ports[0])["port"]]
        response = self._rest.request("POST", "/v2.0/ports", user=user, json={"ports": list(ports)})
        return self._body(response, ports[0])["ports"]

    def update_port(self, port_id: str, changes: Json, *, revision: int | None = None) -> Json:
        """Change a port.

        :param revision: change it only if it is still the one that was read.
        :raises PortNotFound: it is gone.
        :raises PortInUse: it is another revision now.
        """
        headers = {}
        if revision is not None and "revision-if-match" in self.extensions():
            headers["If-Match"] = f"revision_number={revision}"
        path = f"/v2.0/ports/{_segment(port_id)}"
        response = self._rest.request("PUT", path, json={"port": changes}, headers=headers)
        if response.status_code == 404:
            raise errors.PortNotFound(port_id=port_id)
        if response.status_code == 412:
            raise errors.PortInUse(port_id=port_id)
        return self._body(response, changes)["port"]

    def delete_port(self, port_id: str) -> None:
        """Delete a port, if it is there."""
        response = self._rest.request("DELETE", f"/v2.0/ports/{_segment(port_id)}")
        if response.status_code not in (204, 404):
            self._refuse(response, {})

    # -- several at a time

    def together(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of some calls, made at the same time when there are several.

        The first error is raised, after all have ended.
        """
        if len(calls) < 2:
            return [function() for function in calls]
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="neutron")
        futures = [self._pool.submit(function) for function in calls[1:]]
        first: list[T] = []
        trouble: BaseException | None = None
        try:
            first.append(calls[0]())
        except Exception as error:
            trouble = error
        for future in futures:
            failure = future.exception()
            trouble = trouble or failure
        if trouble is not None:
            raise trouble
        return first + [future.result() for future in futures]

    # -- how it is asked

    def _list(self, path: str, user: RequestContext | None, filters: Json, *, key: str = "") -> list[Json]:
        key = key or path
        ids = filters.get("id")
        if isinstance(ids, (list, tuple, set, frozenset)):
            wanted = list(dict.fromkeys(ids))
            found: list[Json] = []
            for start in range(0, len(wanted), _IDS_PER_REQUEST):
                found += self._pages(path, key, user, {**filters, "id": wanted[start : start + _IDS_PER_REQUEST]})
            return found
        return self._pages(path, key, user, filters)

    def _pages(self, path: str, key: str, user: RequestContext | None, filters: Json) -> list[Json]:
        found: list[Json] = []
        params = _pairs(filters)
        while True:
            body = self._body(self._rest.request("GET", f"/v2.0/{path}", user=user, params=params))
            found += body[key]
            following = next((link["href"] for link in body.get(f"{key}_links", ()) if link["rel"] == "next"), None)
            if following is None or not body[key]:
                return found
            params = parse_qsl(urlsplit(following).query)

    def _body(self, response: requests.Response, asked: Json | None = None) -> Json:
        if response.status_code >= 300:
            self._refuse(response, asked or {})
        return response.json()

    def _refuse(self, response: requests.Response, asked: Json) -> NoReturn:
        try:
            said = response.json()["NeutronError"]
            kind, message = said["type"], said["message"]
        except (ValueError, KeyError, TypeError):
            kind, message = "Unknown", response.reason or ""
        address = next((ip["ip_address"] for ip in asked.get("fixed_ips") or () if "ip_address" in ip), "")
        network_id = asked.get("network_id", "")
        if kind in ("IpAddressInUse", "IpAddressAlreadyAllocated"):
            raise network_errors.FixedIpInUse(f"Fixed IP {address} is already in use.", address=address)
        if kind == "InvalidIpForNetwork":
            raise network_errors.FixedIpInvalid(address=address, network_id=network_id)
        if kind == "IpAddressGenerationFailure":
            raise network_errors.NoMoreFixedIps(network_id=network_id)
        if kind == "OverQuota":
            raise network_errors.PortLimitExceeded()
        if kind == "NetworkNotFound":
            raise errors.NetworkNotFound(network_id=network_id)
        raise network_errors.NeutronRefused(status=response.status_code, kind=kind, reason=message)


def _segment(identifier: str) -> str:
    """An id as one segment of a path: it comes from a user, and must not lead elsewhere.

    :raises Invalid: it is no id.
    """
    if not re.fullmatch(r"[\w-]{1,255}", identifier):
        raise errors.Invalid("An identifier has characters that no identifier has.")
    return identifier


def _pairs(filters: Json) -> list[tuple[str, str]]:
    """Filters as query parameters; a sequence is "any of these"."""
    pairs: list[tuple[str, str]] = []
    for name, value in filters.items():
        name = name.replace("__", ":")
        values: Iterable[Any] = value if isinstance(value, (list, tuple, set, frozenset)) else (value,)
        pairs += [(name, str(v)) for v in values]
    return pairs
