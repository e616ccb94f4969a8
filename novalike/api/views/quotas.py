"""Quotas and limits as answers show them."""

from collections.abc import Mapping
from typing import Any

from novalike.api.microversion import Version
from novalike.api.request import ApiRequest
from novalike.api.schemas.quotas import INJECTION, NETWORK
from novalike.objects.quota import RESOURCES, Quotas

V2_36 = Version(2, 36)
V2_39 = Version(2, 39)
V2_50 = Version(2, 50)
V2_57 = Version(2, 57)

_GROUPS = frozenset({"server_groups", "server_group_members"})
_MAXIMA = (
    ("cores", "maxTotalCores"),
    ("injected_files", "maxPersonality"),
    ("injected_file_content_bytes", "maxPersonalitySize"),
    ("instances", "maxTotalInstances"),
    ("key_pairs", "maxTotalKeypairs"),
    ("metadata_items", "maxServerMeta"),
    ("metadata_items", "maxImageMeta"),
    ("ram", "maxTotalRAMSize"),
    ("server_groups", "maxServerGroups"),
    ("server_group_members", "maxServerGroupMembers"),
    ("floating_ips", "maxTotalFloatingIps"),
    ("security_groups", "maxSecurityGroups"),
    ("security_group_rules", "maxSecurityGroupRules"),
)
_USED = (
    ("ram", "totalRAMUsed"),
    ("cores", "totalCoresUsed"),
    ("instances", "totalInstancesUsed"),
    ("floating_ips", "totalFloatingIpsUsed"),
    ("security_groups", "totalSecurityGroupsUsed"),
    ("server_groups", "totalServerGroupsUsed"),
)


def _hidden(version: Version, without_network: Version) -> frozenset[str]:
    """Resources that are gone from the API in a microversion."""
    if version >= V2_57:
        return NETWORK | INJECTION
    return NETWORK if version >= without_network else frozenset()


def _shown(of: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    return {resource: of[resource] for resource in RESOURCES if resource not in hidden}


def quota_set(req: ApiRequest, project_id: str | None, limits: Mapping[str, int]) -> dict[str, Any]:
    """A project's limits. An answer to a change has no id."""
    head = {} if project_id is None else {"id": project_id}
    return {"quota_set": {**head, **_shown(limits, _hidden(req.version, V2_36))}}


def quota_set_detail(req: ApiRequest, project_id: str, quotas: Quotas) -> dict[str, Any]:
    """A project's limits and what is used of them. Nothing is ever reserved."""
    details = {
        resource: {"limit": limit, "in_use": quotas.used.get(resource, 0), "reserved": 0}
        for resource, limit in quotas.limits.items()
    }
    return {"quota_set": {"id": project_id, **_shown(details, _hidden(req.version, V2_36))}}


def class_set(req: ApiRequest, name: str | None, limits: Mapping[str, int]) -> dict[str, Any]:
    """The limits of a quota class. An answer to a change has no id."""
    hidden = _hidden(req.version, V2_50)
    if req.version < V2_50:
        hidden |= _GROUPS
    head = {} if name is None else {"id": name}
    return {"quota_class_set": {**head, **_shown(limits, hidden)}}


def limits(req: ApiRequest, quotas: Quotas) -> dict[str, Any]:
    """A project's limits and what is used of them, in ``/limits``'s own words."""
    hidden = _hidden(req.version, V2_36)
    absolute = {name: quotas.limits[resource] for resource, name in _MAXIMA if resource not in hidden}
    if req.version >= V2_39:
        del absolute["maxImageMeta"]
    absolute |= {name: quotas.used.get(resource, 0) for resource, name in _USED if resource not in hidden}
    return {"limits": {"rate": [], "absolute": absolute}}
