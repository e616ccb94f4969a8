"""Placement: inventories of the hosts, and claims of the servers on them.

Microversion 1.39 throughout. Every write that Placement guards by a generation is read, changed, written,
and begun again when somebody else was faster.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import requests
from oslo_config import cfg

from novalike.clients import placement_provider
from novalike.clients.placement_types import Allocation, CandidateQuery, Candidates, Claim, ClaimConflict, QueryRefused
from novalike.clients.session import ServiceSession
from novalike.objects import errors
from novalike.objects.host import ChildProvider, NodeReport

LOG = logging.getLogger(__name__)

HEADERS = {"OpenStack-API-Version": "placement 1.39", "Accept": "application/json"}
ATTEMPTS = 5
REFRESH_SECONDS = 300.0
CONCURRENT_UPDATE = "placement.concurrent_update"
HAS_CHILDREN = "placement.resource_provider.cannot_delete_parent"

Json = dict[str, Any]

_decode_candidates = msgspec.json.Decoder(Candidates).decode
_decode_allocation = msgspec.json.Decoder(Allocation).decode


class PlacementError(errors.Unavailable):
    """An answer that we don't know what to do with."""

    template = "Placement answered {status} to {request}: {detail}"


class _Moved(Exception):
    """A generation has changed under us."""


class PlacementClient:
    """All that the scheduler, the conductor and compute hosts ask of Placement. Safe for threads."""

    def __init__(self, conf: cfg.ConfigOpts, session: ServiceSession | None = None) -> None:
        self._session = session or ServiceSession(conf, "placement")
        self._told: dict[str, tuple[tuple[Any, ...], float]] = {}
        self._lock = threading.Lock()

    def load(self) -> None:
        """Check the configuration section.

        :raises SystemExit: it is incomplete or wrong.
        """
        self._session.load()

    def ping(self) -> None:
        """Whether Placement answers.

        :raises Unavailable: no.
        """
        self._ask("GET", "/")

    # -- candidates and claims

    def allocation_candidates(self, query: CandidateQuery) -> Candidates:
        """The ways in which a query can be satisfied now.

        :raises QueryRefused: Placement doesn't know a trait or a resource class of the query.
        :raises Unavailable: Placement can't be reached.
        """
        response = self._request("GET", f"/allocation_candidates?{query.to_url()}")
        if response.status_code == 400:
            raise QueryRefused(reason=_detail(response))
        return _decode_candidates(self._expect(response, 200).content)

    def claim(self, claims: Sequence[Claim]) -> None:
        """Write the claims: all or none of them. An empty one takes everything from its consumer.

        :raises ClaimConflict: none was written; ``kind`` says why.
        :raises Unavailable: Placement can't be reached; the claims may have been written or not.
        """
        try:
            self._claim(claims)
        except ClaimConflict as conflict:
            if conflict.fields["kind"] != "consumer" or not self._forget_orphans(claims):
                raise
            self._claim(claims)

    def _claim(self, claims: Sequence[Claim]) -> None:
        body = {claim.consumer: claim.to_wire() for claim in claims}
        response = self._request("POST", "/allocations", json=body)
        if response.status_code == 400:
            raise ClaimConflict(kind="provider", reason=_detail(response))
        if response.status_code == 409:
            detail = _detail(response)
            # Placement has one code for both generations; only the text says which.
            moved = _code(response) == CONCURRENT_UPDATE and "consumer generation" in detail
            raise ClaimConflict(kind="consumer" if moved else "capacity", reason=detail)
        self._expect(response, 204)

    def _forget_orphans(self, claims: Sequence[Claim]) -> bool:
        """Rid Placement of consumers that it made for a claim and then lost the claim itself, because it or its
        database died in between. They have nothing, can't be seen, and no claim is ever "new" to them. Says whether
        there were any.

        One way leads to them: to claim as the second one, from generation 0, and give that back.
        """
        found = False
        for claim in claims:
            if claim.generation is not None or not claim.choice.allocations:
                continue
            try:
                self._claim([msgspec.structs.replace(claim, generation=0)])
            except ClaimConflict:
                continue  # it isn't there, or somebody has claimed something for it
            found = self.delete_allocations(claim.consumer) or found
            LOG.info("Placement had a consumer %s without allocations", claim.consumer)
        return found

    def get_allocations(self, consumer: str) -> Allocation:
        """What a consumer has.

        :raises Unavailable: Placement can't be reached.
        """
        return _decode_allocation(self._ask("GET", f"/allocations/{consumer}").content)

    def delete_allocations(self, consumer: str) -> bool:
        """Take everything from a consumer. Says whether it had anything.

        :raises Unavailable: Placement can't be reached.
        """
        response = self._request("DELETE", f"/allocations/{consumer}")
        if response.status_code == 404:
            return False
        self._expect(response, 204)
        return True

    def provider_allocations(self, provider_uuid: str) -> dict[str, dict[str, int]]:
        """Amounts by consumer, then by resource class. Of no provider: nothing.

        :raises Unavailable: Placement can't be reached.
        """
        response = self._request("GET", f"/resource_providers/{provider_uuid}/allocations")
        if response.status_code == 404:
            return {}
        found = self._expect(response, 200).json()["allocations"]
        return {consumer: entry["resources"] for consumer, entry in found.items()}

    # -- providers

    def provider_roots(self) -> dict[str, str]:
        """The root of the tree that each provider is in, by uuid.

        :raises Unavailable: Placement can't be reached.
        """
        found = self._ask("GET", "/resource_providers").json()["resource_providers"]
        return {p["uuid"]: p["root_provider_uuid"] for p in found}

    def ensure_provider(self, report: NodeReport, disabled: bool | None = None) -> bool:
        """Make the providers of a node and of its parts what the report says. Return whether Placement was asked.

        What was told within the last five minutes is not told again. The node's inventories of other classes, and
        traits that are not about the hypervisor, are left as they are. Providers of parts that are not reported any
        more go; one that is in use stays for now and takes no new claims.

        :param disabled: whether the host takes no new servers; None leaves that as it is.
        :raises Conflict: another provider has the name, or an inventory that is gone is in use.
        :raises Unavailable: Placement can't be reached.
        """
        mark = placement_provider.fingerprint(report, disabled)
        told = self._told.get(report.uuid)
        if told and told[0] == mark and time.monotonic() - told[1] < REFRESH_SECONDS:
            return False
        tree = self._tree(report.uuid)
        self._ensure_exists(tree, report.uuid, report.hypervisor_hostname)
        self._repeat(
            lambda: self._write_inventories(
                report.uuid, lambda existing: placement_provider.node_inventories(report, existing)
            )
        )
        self._repeat(
            lambda: self._write_traits(
                report.uuid, lambda existing: placement_provider.wanted_traits(report.traits, existing, disabled)
            )
        )
        for child in report.children:
            self._ensure_child(tree, report, child)
        for lost in placement_provider.lost_children(report, tree):
            self._remove_child(lost)
        with self._lock:
            self._told[report.uuid] = (mark, time.monotonic())
        return True

    def set_disabled(self, provider_uuid: str, disabled: bool) -> None:
        """Say that a host takes new servers, or that it doesn't. Nothing happens when there is no such provider.

        :raises Unavailable: Placement can't be reached.
        """

        def change(existing: frozenset[str]) -> frozenset[str]:
            trait = {placement_provider.DISABLED_TRAIT}
            return existing | trait if disabled else existing - trait

        def write() -> None:
            if self._write_traits(provider_uuid, change):
                with self._lock:
                    self._told.pop(provider_uuid, None)

        self._repeat(write)

    def delete_provider(self, provider_uuid: str) -> bool:
        """Remove a node's provider with its inventory, and those of its parts. Return whether it was there.

        :raises Conflict: servers have claims on it, or others have providers below it.
        :raises Unavailable: Placement can't be reached.
        """
        with self._lock:
            self._told.pop(provider_uuid, None)
        path = f"/resource_providers/{provider_uuid}"
        response = self._request("DELETE", path)
        if response.status_code == 409 and _code(response) == HAS_CHILDREN:
            for child in placement_provider.own_children(provider_uuid, self._tree(provider_uuid)):
                self.delete_provider(child)
            response = self._request("DELETE", path)
        if response.status_code == 404:
            return False
        if response.status_code == 409:
            raise errors.Conflict(f"Resource provider {provider_uuid} is in use: {_detail(response)}")
        self._expect(response, 204)
        return True

    def _tree(self, provider_uuid: str) -> dict[str, str]:
        """The names of all providers in the tree of one, by uuid; empty when that one isn't there."""
        found = self._ask("GET", f"/resource_providers?in_tree={provider_uuid}").json()["resource_providers"]
        return {provider["uuid"]: provider["name"] for provider in found}

    def _ensure_exists(self, tree: Mapping[str, str], provider_uuid: str, name: str, **parent: str) -> None:
        if (known := tree.get(provider_uuid)) is not None:
            if known != name:
                self._ask("PUT", f"/resource_providers/{provider_uuid}", json={"name": name})
            return
        response = self._request("POST", "/resource_providers", json={"uuid": provider_uuid, "name": name, **parent})
        if response.status_code == 409:
            found = self._request("GET", f"/resource_providers/{provider_uuid}")
            if found.status_code == 200:
                return  # another process of ours made it meanwhile
            raise errors.Conflict(
                f"Placement has another resource provider named {name!r}: "
                f"{provider_uuid} can't be registered until that is deleted."
            )
        self._expect(response, 200)
        LOG.info("Made resource provider %s for %s", provider_uuid, name)

    def _ensure_child(self, tree: Mapping[str, str], report: NodeReport, child: ChildProvider) -> None:
        provider = placement_provider.child_uuid(report.uuid, child.name)
        name = placement_provider.child_name(report, child)
        self._ensure_exists(tree, provider, name, parent_provider_uuid=report.uuid)
        inventories = placement_provider.inventories(child.inventories)
        self._repeat(lambda: self._write_inventories(provider, lambda _existing: inventories))
        self._repeat(
            lambda: self._write_traits(
                provider, lambda existing: placement_provider.wanted_traits(child.traits, existing, None)
            )
        )

    def _remove_child(self, provider_uuid: str) -> None:
        try:
            self.delete_provider(provider_uuid)
            LOG.info("Removed resource provider %s: its node does not have that any more", provider_uuid)
        except errors.Conflict as conflict:
            LOG.warning("%s; its node does not have that any more", conflict)
            self._repeat(lambda: self._write_inventories(provider_uuid, placement_provider.closed))

    def _write_inventories(self, provider_uuid: str, change: Callable[[Json], Json]) -> None:
        path = f"/resource_providers/{provider_uuid}/inventories"
        found = self._ask("GET", path).json()
        existing = found["inventories"]
        wanted = change(existing)
        if wanted == existing:
            return
        for resource_class in sorted(wanted.keys() - existing.keys()):
            if resource_class.startswith(placement_provider.CUSTOM_PREFIX):
                self._expect(self._request("PUT", f"/resource_classes/{resource_class}"), 201, 204)
        body = {"inventories": wanted, "resource_provider_generation": found["resource_provider_generation"]}
        response = self._request("PUT", path, json=body)
        if response.status_code == 409 and _code(response) != CONCURRENT_UPDATE:
            raise errors.Conflict(f"The inventory of provider {provider_uuid} can't change: {_detail(response)}")
        self._guarded(response)

    def _write_traits(self, provider_uuid: str, change: Callable[[frozenset[str]], frozenset[str]]) -> bool:
        """Says whether there was something to change."""
        path = f"/resource_providers/{provider_uuid}/traits"
        response = self._request("GET", path)
        if response.status_code == 404:
            return False
        found = self._expect(response, 200).json()
        existing = frozenset(found["traits"])
        wanted = change(existing)
        if wanted == existing:
            return False
        for trait in sorted(wanted - existing):
            if trait.startswith(placement_provider.CUSTOM_PREFIX):
                self._expect(self._request("PUT", f"/traits/{trait}"), 201, 204)
        body = {"traits": sorted(wanted), "resource_provider_generation": found["resource_provider_generation"]}
        self._guarded(self._request("PUT", path, json=body))
        return True

    # -- how it is asked

    def _repeat(self, write: Callable[[], object]) -> None:
        for attempt in range(ATTEMPTS):
            try:
                write()
                return
            except _Moved:
                time.sleep(0.05 * attempt)
        raise errors.Unavailable(reason="others keep changing the resource provider")

    def _guarded(self, response: requests.Response) -> None:
        if response.status_code == 409:
            raise _Moved
        self._expect(response, 200)

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, path, headers=HEADERS, **options)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._expect(self._request(method, path, **options), 200)

    def _expect(self, response: requests.Response, *statuses: int) -> requests.Response:
        if response.status_code in statuses:
            return response
        if response.status_code == 404:
            raise errors.NotFound(_detail(response))
        asked = response.request
        request = f"{asked.method} {asked.path_url.partition('?')[0]}" if asked is not None else "a request"
        raise PlacementError(status=response.status_code, request=request, detail=_detail(response))


def _errors(response: requests.Response) -> list[dict[str, Any]]:
    try:
        return response.json().get("errors", [])
    except (ValueError, AttributeError):
        return []


def _detail(response: requests.Response) -> str:
    """Placement's explanation, on one line."""
    found = _errors(response)
    text = found[0].get("detail", "") if found else response.text[:200]
    return " ".join(text.split())


def _code(response: requests.Response) -> str:
    found = _errors(response)
    return found[0].get("code", "") if found else ""
