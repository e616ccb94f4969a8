"""How servers look in answers, by microversion."""

import hashlib
from typing import Any, NamedTuple

from novalike.api.policies import servers as policies
from novalike.api.request import ApiRequest, format_time, format_time_micro
from novalike.api.views import image_properties
from novalike.objects import lifecycle
from novalike.objects.network import Vif
from novalike.objects.server import Server

_WITH_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})
_WITH_FAULT = frozenset({"ERROR", "DELETED"})


class Sight(NamedTuple):
    """What a caller may see, decided once per request."""

    extended: bool
    host_status: bool
    host_status_unknown: bool
    extra_specs: bool

    @classmethod
    def of(cls, req: ApiRequest) -> "Sight":
        """What policy lets the caller of a request see."""
        with_status = req.since("2.16")
        return cls(
            extended=req.may(policies.EXTENDED),
            host_status=with_status and req.may(policies.HOST_STATUS),
            host_status_unknown=with_status and req.may(policies.HOST_STATUS_UNKNOWN),
            extra_specs=req.since("2.47") and req.may(policies.FLAVOR_EXTRA_SPECS),
        )


def short(req: ApiRequest, uuid: str, name: str) -> dict[str, Any]:
    """An entry of the short list."""
    return {"id": uuid, "name": name, "links": req.links("servers", uuid)}


def full(
    req: ApiRequest, server: Server, sight: Sight, *, extended: bool = True, in_list: bool = False
) -> dict[str, Any]:
    """A server in full.

    :param extended: False is what an update answered before 2.75.
    """
    status = lifecycle.status(server.vm_state, server.task_state)
    shown: dict[str, Any] = {
        "id": server.uuid,
        "name": server.name,
        "status": status,
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": server.metadata,
        "hostId": host_id(server),
        "image": _image(req, server),
        "flavor": _flavor(req, server, sight),
        "created": format_time(server.created_at),
        "updated": format_time(server.updated_at or server.created_at),
        "addresses": addresses(server.vifs, extended=extended),
        "accessIPv4": server.access_ip_v4 or "",
        "accessIPv6": server.access_ip_v6 or "",
        "links": req.links("servers", server.uuid),
        "OS-DCF:diskConfig": "AUTO" if server.auto_disk_config else "MANUAL",
    }
    if status in _WITH_PROGRESS:
        shown["progress"] = server.progress or 0
    if status in _WITH_FAULT and server.fault is not None:
        shown["fault"] = _fault(req, server)
    if extended:
        _add_extended(req, shown, server, sight)
    _add_later(req, shown, server, sight, extended=extended, in_list=in_list)
    return shown


def host_id(server: Server) -> str:
    """The host, made unrecognizable, and different for each project."""
    if not server.host:
        return ""
    return hashlib.sha224((server.project_id + server.host).encode()).hexdigest()


def _image(req: ApiRequest, server: Server) -> Any:
    if not server.image_ref:
        return ""
    shown: dict[str, Any] = {
        "id": server.image_ref,
        "links": [{"rel": "bookmark", "href": req.bookmark("images", server.image_ref)}],
    }
    if req.since("2.98"):
        shown["properties"] = {
            key.removeprefix("image_"): value
            for key, value in server.system_metadata.items()
            if key.startswith("image_") and key.removeprefix("image_") in image_properties.KNOWN
        }
    return shown


def _flavor(req: ApiRequest, server: Server, sight: Sight) -> dict[str, Any]:
    flavor = server.flavor
    if not req.since("2.47"):
        links = [{"rel": "bookmark", "href": req.bookmark("flavors", flavor.flavor_id)}]
        return {"id": flavor.flavor_id, "links": links}
    shown: dict[str, Any] = {
        "vcpus": flavor.vcpus,
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "ephemeral": flavor.ephemeral_gb,
        "swap": flavor.swap,
        "original_name": flavor.name,
    }
    if sight.extra_specs:
        shown["extra_specs"] = flavor.extra_specs
    return shown


def addresses(vifs: tuple[Vif, ...], *, extended: bool = True) -> dict[str, list[dict[str, Any]]]:
    """Addresses by network name."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for vif in vifs:
        entries = shown.setdefault(vif.network_name, [])
        for ip in vif.fixed_ips:
            found = [(ip.address, ip.version, "fixed")]
            found += [(address, 6 if ":" in address else 4, "floating") for address in ip.floating_ips]
            for address, version, kind in found:
                entry: dict[str, Any] = {"version": version, "addr": address}
                if extended:
                    entry["OS-EXT-IPS:type"] = kind
                    entry["OS-EXT-IPS-MAC:mac_addr"] = vif.mac
                entries.append(entry)
    return shown


def _fault(req: ApiRequest, server: Server) -> dict[str, Any]:
    fault = server.fault
    assert fault is not None
    shown: dict[str, Any] = {
        "code": fault.code,
        "created": format_time(fault.created_at),
        "message": fault.message,
    }
    if fault.details and (req.ctx.is_admin or fault.code != 500):
        shown["details"] = fault.details
    return shown


def _add_extended(req: ApiRequest, shown: dict[str, Any], server: Server, sight: Sight) -> None:
    shown["OS-EXT-AZ:availability_zone"] = server.availability_zone or ""
    shown["config_drive"] = server.config_drive
    shown["key_name"] = server.key_name
    shown["OS-SRV-USG:launched_at"] = format_time_micro(server.launched_at)
    shown["OS-SRV-USG:terminated_at"] = format_time_micro(server.terminated_at)
    groups = list(dict.fromkeys(name for vif in server.vifs for name in vif.security_groups))
    if groups:
        shown["security_groups"] = [{"name": name} for name in groups]
    if sight.extended:
        shown["OS-EXT-SRV-ATTR:host"] = server.host
        shown["OS-EXT-SRV-ATTR:instance_name"] = server.instance_name
        shown["OS-EXT-SRV-ATTR:hypervisor_hostname"] = server.node
        if req.since("2.3"):
            shown["OS-EXT-SRV-ATTR:hostname"] = server.hostname
            shown["OS-EXT-SRV-ATTR:kernel_id"] = server.kernel_id
            shown["OS-EXT-SRV-ATTR:launch_index"] = server.launch_index
            shown["OS-EXT-SRV-ATTR:ramdisk_id"] = server.ramdisk_id
            shown["OS-EXT-SRV-ATTR:reservation_id"] = server.reservation_id
            shown["OS-EXT-SRV-ATTR:root_device_name"] = server.root_device_name
            shown["OS-EXT-SRV-ATTR:user_data"] = server.user_data
    elif req.since("2.90"):
        shown["OS-EXT-SRV-ATTR:hostname"] = server.hostname
    shown["OS-EXT-STS:task_state"] = server.task_state
    shown["OS-EXT-STS:vm_state"] = server.vm_state
    shown["OS-EXT-STS:power_state"] = server.power_state
    volumes = [device for device in server.block_devices if device.volume_id]
    with_flag = req.since("2.3")
    shown["os-extended-volumes:volumes_attached"] = [
        {"id": v.volume_id, "delete_on_termination": v.delete_on_termination} if with_flag else {"id": v.volume_id}
        for v in volumes
    ]
    if sight.host_status or sight.host_status_unknown and server.host_status == "UNKNOWN":
        shown["host_status"] = server.host_status


def _add_later(
    req: ApiRequest, shown: dict[str, Any], server: Server, sight: Sight, *, extended: bool, in_list: bool
) -> None:
    """What microversions have added."""
    if req.since("2.9"):
        shown["locked"] = server.locked_by is not None
    if req.since("2.19"):
        shown["description"] = server.description
    if req.since("2.26"):
        shown["tags"] = list(server.tags)
    if req.since("2.63"):
        shown["trusted_image_certificates"] = list(server.trusted_certs) if server.trusted_certs else None
    if req.since("2.71") and not in_list:
        group = server.scheduler_hints.get("group")
        shown["server_groups"] = [group] if isinstance(group, str) else list(group or [])
    if req.since("2.73"):
        shown["locked_reason"] = server.locked_reason
    if req.since("2.96"):
        shown["pinned_availability_zone"] = server.pinned_availability_zone
    if req.since("2.100"):
        shown["scheduler_hints"] = server.scheduler_hints
