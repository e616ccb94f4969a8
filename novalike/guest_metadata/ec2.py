"""The EC2 metadata: a tree of values, read one path at a time."""

from typing import Any

from novalike.guest_metadata.guest import Guest
from novalike.objects.server import Server

Tree = dict[str, Any]

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04",
)  # fmt: skip

# A tree's own line in its parent's listing, when it isn't its name and a slash. Not a part of the tree.
LABEL = "_name"

# Before a root device is known, guests are told of Amazon's first disks.
_DEFAULT_DEVICES = {"ami": "sda1", "ephemeral0": "sda2", "root": "/dev/sda1", "swap": "sda3"}


def tree(guest: Guest, version: str) -> Tree:
    """All that there is in one version.

    :raises KeyError: no such version.
    """
    number = len(VERSIONS) - 1 if version == "latest" else _number(version)
    server = guest.server
    data: Tree = {
        "ami-id": _short_id("ami", server.image_ref),
        "ami-launch-index": server.launch_index,
        "ami-manifest-path": "FIXME",
        "instance-id": f"i-{server.id:08x}",
        "hostname": guest.hostname,
        "local-ipv4": _address(guest) or guest.address,
        "reservation-id": server.reservation_id,
        "security-groups": guest.security_groups,
    }
    if guest.spec.keypair is not None:
        key = guest.spec.keypair
        data["public-keys"] = {"0": {LABEL: f"0={key.name}", "openssh-key": key.public_key}}
    if number >= _number("2007-01-19"):
        data["local-hostname"] = guest.hostname
        data["public-hostname"] = guest.hostname
        data["public-ipv4"] = _floating_address(guest)
    if number >= _number("2007-08-29"):
        data["instance-type"] = server.flavor.name
    if number >= _number("2007-12-15"):
        data["block-device-mapping"] = _devices(guest)
        if server.kernel_id:
            data["kernel-id"] = _short_id("aki", server.kernel_id)
        if server.ramdisk_id:
            data["ramdisk-id"] = _short_id("ari", server.ramdisk_id)
    if number >= _number("2008-02-01"):
        data["placement"] = {"availability-zone": server.availability_zone}
    if number >= _number("2008-09-01"):
        data["instance-action"] = "none"
    found: Tree = {"meta-data": data}
    if guest.user_data is not None:
        found["user-data"] = guest.user_data
    return found


def listing(found: Any) -> str | bytes:
    """What is answered for a tree or a value."""
    if isinstance(found, dict):
        return "\n".join(_line(name, found[name]) for name in sorted(found) if name != LABEL)
    if isinstance(found, (list, tuple)):
        return "\n".join(found)
    return found if isinstance(found, (bytes, str)) else str(found)


def _line(name: str, child: Any) -> str:
    if not isinstance(child, dict):
        return name
    return str(child[LABEL]) if LABEL in child else f"{name}/"


def _number(version: str) -> int:
    if version not in VERSIONS:
        raise KeyError(version)
    return VERSIONS.index(version)


def _short_id(kind: str, uuid: str | None) -> str:
    """Eight hexadecimal digits instead of a UUID: EC2's ids are no longer. The same for the same image."""
    return f"{kind}-{(uuid or '').replace('-', '')[:8]:0>8}"


def _address(guest: Guest) -> str | None:
    return next((ip.address for vif in guest.vifs for ip in vif.fixed_ips if ip.version == 4), None)


def _floating_address(guest: Guest) -> str:
    addresses = (a for vif in guest.vifs for ip in vif.fixed_ips for a in ip.floating_ips)
    return next(addresses, "")


def _devices(guest: Guest) -> dict[str, str | None]:
    server: Server = guest.server
    root = server.root_device_name
    if root is None:
        return dict(_DEFAULT_DEVICES)
    devices: dict[str, str | None] = {"ami": root.removeprefix("/dev/"), "root": root}
    disks = guest.spec.block_devices or server.block_devices
    volumes = sorted((d.device_name for d in disks if d.destination_type == "volume"), key=lambda n: (n is not None, n))
    devices |= {f"ebs{number}": name for number, name in enumerate(volumes)}
    blank = [d for d in disks if d.destination_type != "volume" and d.source_type == "blank"]
    swap = [d.device_name for d in blank if d.guest_format == "swap"]
    if swap:
        devices["swap"] = swap[-1]
    plain = [d.device_name for d in blank if d.guest_format != "swap"]
    devices |= {f"ephemeral{number}": name for number, name in enumerate(plain)}
    return devices
