"""What server requests may contain, by microversion."""

from typing import Any

from novalike.api.microversion import Since, parse
from novalike.api.schemas import types
from novalike.api.validation import Schema

# -- create

_USER_DATA: Schema = {"type": "string", "format": "base64", "maxLength": 65535}
_HOSTNAME: Schema = {
    "type": "string", "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$", "minLength": 2, "maxLength": 63,
}  # fmt: skip
_CERTIFICATES: Schema = {
    "type": ["array", "null"],
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
    "items": {"type": "string", "minLength": 1},
}

_BDM_V1: dict[str, Any] = {
    "virtual_name": {"type": "string", "maxLength": 255},
    "volume_id": types.UUID,
    "snapshot_id": types.UUID,
    "volume_size": {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": 2147483647},
    "device_name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._/-]*$"},
    "delete_on_termination": types.BOOLEAN,
    "no_device": {},
    "connection_info": {"type": "string", "maxLength": 16777215},
}
_BDM_V2: dict[str, Any] = {
    **_BDM_V1,
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$"},
    "image_id": types.UUID,
    "destination_type": {"type": "string", "enum": ["local", "volume"]},
    "guest_format": {"type": "string", "maxLength": 255},
    "device_type": {"type": "string", "maxLength": 255},
    "disk_bus": {"type": "string", "maxLength": 255},
    "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
}


def _list(properties: dict[str, Any]) -> Schema:
    return {
        "type": "array",
        "items": {"type": "object", "properties": properties, "additionalProperties": False},
    }


_UUID_OR_UUIDS: Schema = {"oneOf": [types.UUID, {"type": "array", "items": types.UUID}]}
HINTS: Schema = {
    "type": "object",
    "properties": {
        "group": {"oneOf": [{"type": "array", "items": types.UUID}, types.UUID]},
        "different_host": _UUID_OR_UUIDS,
        "same_host": {"type": ["string", "array"], "items": types.UUID},
        # JsonFilter evaluates it for each host.
        "query": {"type": ["string", "object"], "maxLength": 4096},
        "target_cell": types.NAME,
        "different_cell": {"type": ["string", "array"], "items": {"type": "string"}},
        "build_near_host_ip": types.FIXED_IP,
        "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
    },
    "additionalProperties": True,
}


def _network(**changes: Schema) -> dict[str, Any]:
    return {
        "fixed_ip": types.FIXED_IP,
        "port": {"type": ["string", "null"], "format": "uuid"},
        "uuid": {"type": "string"},
        **changes,
    }


_NETWORKS_2_1 = _list(_network())
_NETWORKS_2_32 = _list(_network(tag=types.TAG))
_NAMED_NETWORKS: Schema = {"type": "string", "enum": ["none", "auto"]}
_NETWORKS_2_37: Schema = {"oneOf": [_list(_network(uuid=types.UUID)), _NAMED_NETWORKS]}
_NETWORKS_2_42: Schema = {"oneOf": [_list(_network(uuid=types.UUID, tag=types.TAG)), _NAMED_NETWORKS]}
_BDM_2_32 = {**_BDM_V2, "tag": types.TAG}
_VOLUME_TYPE: Schema = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}

_CREATE: dict[str, Any] = {
    "name": types.NAME,
    "imageRef": {"oneOf": [types.UUID, {"type": "string", "maxLength": 0}]},
    "flavorRef": types.FLAVOR_REF,
    "adminPass": {"type": "string"},
    "metadata": types.METADATA,
    "networks": _NETWORKS_2_1,
    "OS-DCF:diskConfig": types.DISK_CONFIG,
    "accessIPv4": {"type": "string", "format": "ipv4"},
    "accessIPv6": {"type": "string", "format": "ipv6"},
    "personality": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "contents": {"type": "string", "format": "base64"}},
            "additionalProperties": False,
        },
    },
    "availability_zone": types.NAME,
    "block_device_mapping": _list(_BDM_V1),
    "block_device_mapping_v2": _list(_BDM_V2),
    "config_drive": types.BOOLEAN,
    "key_name": types.NAME,
    "min_count": types.POSITIVE,
    "max_count": types.POSITIVE,
    "return_reservation_id": types.BOOLEAN,
    "security_groups": _list({"name": types.NAME}),
    "user_data": _USER_DATA,
}

# What each microversion changes; None takes a property away.
_CREATE_CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("2.1", {}),
    ("2.19", {"description": types.DESCRIPTION}),
    ("2.32", {"networks": _NETWORKS_2_32, "block_device_mapping_v2": _list(_BDM_2_32)}),
    ("2.33", {"block_device_mapping_v2": _list(_BDM_V2)}),
    ("2.37", {"networks": _NETWORKS_2_37}),
    ("2.42", {"networks": _NETWORKS_2_42, "block_device_mapping_v2": _list(_BDM_2_32)}),
    ("2.52", {"tags": {"type": "array", "items": types.TAG, "maxItems": 50}}),
    ("2.57", {"personality": None}),
    ("2.63", {"trusted_image_certificates": _CERTIFICATES}),
    ("2.67", {"block_device_mapping_v2": _list({**_BDM_2_32, "volume_type": _VOLUME_TYPE})}),
    ("2.74", {"host": types.FQDN, "hypervisor_hostname": types.FQDN}),
    ("2.90", {"hostname": _HOSTNAME}),
    ("2.94", {"hostname": types.FQDN}),
]


def _accumulate(base: dict[str, Any], changes: list[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The properties at each version, from what each version changes."""
    found, current = {}, dict(base)
    for version, change in changes:
        current = {k: v for k, v in {**current, **change}.items() if v is not None}
        found[version] = current
    return found


CREATE: Since[Schema] = Since(
    {
        version: types.body(
            "server",
            properties,
            # From 2.37 on a user must say which networks, be it "auto" or "none".
            ["name", "flavorRef", "networks"] if parse(version) >= (2, 37) else ["name", "flavorRef"],
            **{"os:scheduler_hints": HINTS, "OS-SCH-HNT:scheduler_hints": HINTS},
        )
        for version, properties in _accumulate(_CREATE, _CREATE_CHANGES).items()
    }
)

# -- update

_ZONE_OR_NONE: Schema = {"oneOf": [{"type": "string", "minLength": 1, "maxLength": 255}, {"type": "null"}]}

_UPDATE: dict[str, Any] = {
    "name": types.NAME,
    "OS-DCF:diskConfig": types.DISK_CONFIG,
    "accessIPv4": {"type": "string", "format": "ipv4"},
    "accessIPv6": {"type": "string", "format": "ipv6"},
}
_UPDATE_CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("2.1", {}),
    ("2.19", {"description": types.DESCRIPTION}),
    ("2.90", {"hostname": _HOSTNAME}),
    ("2.94", {"hostname": types.FQDN}),
    ("2.104", {"pinned_availability_zone": _ZONE_OR_NONE}),
]
UPDATE: Since[Schema] = Since(
    {version: types.body("server", p) for version, p in _accumulate(_UPDATE, _UPDATE_CHANGES).items()}
)

# -- actions

START: Since[Schema] = Since({"2.1": types.only("os-start", {})})
STOP: Since[Schema] = Since({"2.1": types.only("os-stop", {})})
REBOOT: Since[Schema] = Since(
    {
        "2.1": types.body(
            "reboot", {"type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}}, ["type"]
        )
    }
)

# -- lists

SORT_KEYS = [
    "access_ip_v4", "access_ip_v6", "auto_disk_config", "availability_zone", "config_drive", "created_at",
    "display_description", "display_name", "host", "hostname", "image_ref", "instance_type_id", "kernel_id",
    "key_name", "launch_index", "launched_at", "locked_by", "node", "power_state", "progress", "project_id",
    "ramdisk_id", "root_device_name", "task_state", "terminated_at", "updated_at", "user_id", "uuid", "vm_state",
]  # fmt: skip
# Accepted, and without effect.
IGNORED_SORT_KEYS = [
    "architecture", "cell_name", "cleaned", "default_ephemeral_device", "default_swap_device", "deleted",
    "deleted_at", "disable_terminate", "ephemeral_gb", "ephemeral_key_uuid", "id", "key_data", "launched_on",
    "locked", "memory_mb", "os_type", "reservation_id", "root_gb", "shutdown_terminate", "user_data", "vcpus",
    "vm_mode",
]  # fmt: skip

_EXACT = ["user_id", "project_id", "tenant_id", "launch_index", "image_ref", "image", "vm_state", "task_state", "host",
          "uuid", "sort_dir", "all_tenants", "soft_deleted", "deleted", "status", "marker", "block_device_mapping",
          "services", "metadata", "system_metadata", "info_cache", "security_groups", "pci_devices"]  # fmt: skip
_PATTERNS = ["kernel_id", "ramdisk_id", "hostname", "key_name", "power_state", "node", "flavor", "reservation_id",
             "launched_at", "terminated_at", "availability_zone", "name", "display_name", "description",
             "display_description", "locked_by", "root_device_name", "config_drive", "access_ip_v4", "access_ip_v6",
             "auto_disk_config", "progress", "ip", "ip6", "created_at"]  # fmt: skip
# Nova joins these tables, and does not let users filter by them.
JOINED = frozenset(
    {"block_device_mapping", "services", "metadata", "system_metadata", "info_cache", "security_groups", "pci_devices"}
)

_LIST: dict[str, Any] = {
    **{name: types.strings() for name in _EXACT},
    **{name: types.strings("regex") for name in _PATTERNS},
    "limit": types.LIMIT,
    "sort_key": {"type": "array", "items": {"type": "string", "enum": SORT_KEYS + IGNORED_SORT_KEYS}},
    "changes-since": types.strings("date-time"),
}
_TAG_FILTER: Schema = types.strings("regex_syntax")
_LIST_CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("2.1", {}),
    (
        "2.26",
        {"tags": _TAG_FILTER, "tags-any": _TAG_FILTER, "not-tags": _TAG_FILTER, "not-tags-any": _TAG_FILTER},
    ),
    ("2.66", {"changes-before": types.strings("date-time")}),
    ("2.73", {"locked": types.strings()}),
    ("2.75", {"sort_key": {"type": "array", "items": {"type": "string", "enum": [*SORT_KEYS, "locked"]}}}),
]
LIST: Since[Schema] = Since(
    {
        version: {
            "type": "object",
            "properties": p,
            "additionalProperties": version != "2.75",
            # Kept, so that they can be refused: nobody looks at what is inside of servers.
            "patternProperties": {"^_": types.strings()},
        }
        for version, p in _accumulate(_LIST, _LIST_CHANGES).items()
    }
)
SHOW: Since[Schema] = Since({"2.1": types.ANY_QUERY, "2.102": types.NO_QUERY})
