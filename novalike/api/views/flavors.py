"""Flavors as answers show them."""

from collections.abc import Callable, Sequence
from typing import Any

from novalike.api.microversion import Version
from novalike.api.request import ApiRequest
from novalike.objects.flavor import Flavor

V2_55 = Version(2, 55)
V2_61 = Version(2, 61)
V2_75 = Version(2, 75)
V2_102 = Version(2, 102)


def brief(req: ApiRequest, flavor: Flavor) -> dict[str, Any]:
    """A flavor of the short list."""
    shown: dict[str, Any] = {
        "id": flavor.flavor_id,
        "name": flavor.name,
        "links": req.links("flavors", flavor.flavor_id),
    }
    if req.version >= V2_55:
        shown["description"] = flavor.description
    return shown


def full(req: ApiRequest, flavor: Flavor, *, with_extra_specs: bool) -> dict[str, Any]:
    """A flavor with all that it has.

    :param with_extra_specs: from 2.61, when policy lets the caller see them.
    """
    shown: dict[str, Any] = {
        "id": flavor.flavor_id,
        "name": flavor.name,
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "swap": flavor.swap or (0 if req.version >= V2_75 else ""),
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "vcpus": flavor.vcpus,
        "os-flavor-access:is_public": flavor.is_public,
        "links": req.links("flavors", flavor.flavor_id),
    }
    if req.version < V2_102:
        shown["OS-FLV-DISABLED:disabled"] = flavor.disabled
        shown["rxtx_factor"] = flavor.rxtx_factor or ""
    if req.version >= V2_55:
        shown["description"] = flavor.description
    if with_extra_specs:
        shown["extra_specs"] = flavor.extra_specs
    return shown


def page(
    req: ApiRequest, flavors: Sequence[Flavor], show: Callable[[Flavor], dict[str, Any]], limit: int, *path: str
) -> dict[str, Any]:
    """A page of a list, with a link to the next one when it is full."""
    body: dict[str, Any] = {"flavors": [show(flavor) for flavor in flavors]}
    if flavors and len(flavors) == limit:
        body["flavors_links"] = req.next_link(flavors[-1].flavor_id, *path)
    return body


def access(flavor_id: str, projects: Sequence[str]) -> dict[str, Any]:
    """Who may use a private flavor."""
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]}
