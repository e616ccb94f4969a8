"""A server's network interfaces, as asked for and as they are."""

from collections.abc import Sequence
from typing import Any

from novalike.objects.record import Record


class RequestedNetwork(Record, frozen=True):
    """One entry of ``networks`` in a create request. All None: "let Neutron choose" (``auto``)."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class FixedIp(Record, frozen=True):
    """An address of an interface, with the floating addresses that lead to it."""

    address: str
    version: int
    subnet_id: str = ""
    floating_ips: tuple[str, ...] = ()


class Subnet(Record, frozen=True):
    """A subnet as the guest must know it. ``routes`` are (destination, nexthop)."""

    id: str
    cidr: str
    gateway_ip: str | None = None
    dns_nameservers: tuple[str, ...] = ()
    enable_dhcp: bool = True
    ipv6_address_mode: str | None = None
    routes: tuple[tuple[str, str], ...] = ()


class Vif(Record, frozen=True):
    """A virtual interface: a Neutron port, bound to a host.

    :param vif_type: Neutron's ``binding:vif_type``, for example ``ovs``.
    :param details: Neutron's ``binding:vif_details``.
    :param created_here: whether we made the port, and so delete it with the server.
    :param devname: the tap device's name on the host.
    """

    port_id: str
    network_id: str
    network_name: str
    mac: str
    vif_type: str | None = None
    vnic_type: str = "normal"
    active: bool = False
    mtu: int | None = None
    bridge: str | None = None
    devname: str | None = None
    created_here: bool = False
    tag: str | None = None
    fixed_ips: tuple[FixedIp, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    security_groups: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    profile: dict[str, Any] = {}


class VersionedVifs(Record, frozen=True):
    """A server's interfaces as they are recorded.

    :param version: raised by every write of them.
    """

    vifs: tuple[Vif, ...] = ()
    version: int = 0


def reconcile(reported: Sequence[Vif], recorded: Sequence[Vif]) -> tuple[Vif, ...]:
    """What an operation reports that began before the record was changed: it says which interfaces the server has. Of
    those that are recorded, the record says how they are."""
    newer = {vif.port_id: vif for vif in recorded}
    return tuple(newer.get(vif.port_id, vif) for vif in reported)
