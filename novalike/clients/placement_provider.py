"""Compute nodes and their parts as resource providers: which inventories and traits each ought to have. No I/O."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from novalike.objects.host import ChildProvider, NodeReport, ResourceInventory

Json = dict[str, Any]

DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"
CUSTOM_PREFIX = "CUSTOM_"
MANAGED_CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")
"""What drivers report of nodes themselves: it goes when it isn't reported any more. All else may be the operator's."""
MANAGED_TRAITS = ("COMPUTE_", "HW_")
"""Traits with these prefixes are what the hypervisor's driver says; all others are the operator's."""


def node_inventories(report: NodeReport, existing: Mapping[str, Json]) -> dict[str, Json]:
    """Return the inventories of a node's provider: those of the report, and what others have added."""
    ours = {*MANAGED_CLASSES, *report.inventories}
    kept = {name: inventory for name, inventory in existing.items() if name not in ours}
    return kept | inventories(report.inventories)


def inventories(reported: Mapping[str, ResourceInventory]) -> dict[str, Json]:
    """Return inventories as Placement wants them. It knows none of which there is nothing."""
    return {
        name: {
            "total": inventory.total,
            "reserved": min(inventory.reserved, inventory.total),
            "min_unit": inventory.min_unit,
            "max_unit": inventory.total if inventory.max_unit is None else inventory.max_unit,
            "step_size": inventory.step_size,
            "allocation_ratio": inventory.allocation_ratio,
        }
        for name, inventory in reported.items()
        if inventory.total > 0
    }


def closed(existing: Mapping[str, Json]) -> dict[str, Json]:
    """Return inventories of which nobody can have any more than he has."""
    return {name: inventory | {"reserved": inventory["total"]} for name, inventory in existing.items()}


def wanted_traits(reported: Iterable[str], existing: frozenset[str], disabled: bool | None) -> frozenset[str]:
    """Return the traits of a provider.

    :param disabled: whether the host takes no new servers; None leaves that as it is.
    """
    if disabled is None:
        disabled = DISABLED_TRAIT in existing
    kept = {trait for trait in existing if not trait.startswith(MANAGED_TRAITS)}
    wanted = kept.union(reported)
    return frozenset(wanted | {DISABLED_TRAIT} if disabled else wanted - {DISABLED_TRAIT})


def child_uuid(node_uuid: str, name: str) -> str:
    """Return the uuid of the provider of a node's part. It stays when the node is renamed."""
    return str(uuid.uuid5(uuid.UUID(node_uuid), name))


def child_name(report: NodeReport, child: ChildProvider) -> str:
    """Return the name of the provider of a node's part: names are unique among all providers."""
    return f"{report.hypervisor_hostname}_{child.name}"


def lost_children(report: NodeReport, tree: Mapping[str, str]) -> list[str]:
    """Return the uuids of those providers in a tree that were made for parts that the node does not report any more.

    :param tree: names by uuid. Other agents have providers in it as well.
    """
    reported = {child_uuid(report.uuid, child.name) for child in report.children}
    return [found for found in own_children(report.uuid, tree) if found not in reported]


def own_children(node_uuid: str, tree: Mapping[str, str]) -> list[str]:
    """Return the uuids of those providers in a tree that were made for parts of a node, whatever it was called then."""
    return [
        found
        for found, name in tree.items()
        if any(child_uuid(node_uuid, name[n + 1 :]) == found for n, char in enumerate(name) if char == "_")
    ]


def fingerprint(report: NodeReport, disabled: bool | None) -> tuple[Any, ...]:
    """Return all that Placement is told of a node: when it is the same as last time, nothing need be told."""
    return report.hypervisor_hostname, frozenset(report.traits), disabled, report.inventories, report.children
