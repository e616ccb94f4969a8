"""From Neutron's ports to a server's interfaces.

What we must know of a port beyond what Neutron says (did we make it, where in the server's order is it, how
has the user tagged it) is kept in the port's own binding profile. So it lives exactly as long as the port, and
a process that died between making the port and recording it has lost nothing.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any, Protocol

from novalike.clients.network_cache import NetworkCache, Source
from novalike.objects.network import FixedIp, Subnet, Vif

Json = dict[str, Any]

MARK = "novalike"
# The longest name of a network interface in Linux, without the final zero, less one as Neutron cuts it.
_NAME_LENGTH = 14


class Networks(Source, Protocol):
    """What is needed of :class:`novalike.clients.neutron.NeutronClient`."""

    def floating_ips(self, user: None = None, **filters: Any) -> list[Json]: ...
    def together(self, calls: Sequence[Any]) -> list[Any]: ...


def mark(*, created: bool, index: int, tag: str | None, epoch: int = 0) -> Json:
    """What we note in the binding profile of a port.

    :param epoch: of the operation, when the port was bound.
    """
    noted: Json = {"created": created, "index": index, "epoch": epoch}
    if tag:
        noted["tag"] = tag
    return noted


def mark_of(port: Json) -> Json | None:
    """What :func:`mark` noted, or None."""
    noted = (port.get("binding:profile") or {}).get(MARK)
    return noted if isinstance(noted, dict) else None


def epoch_of(port: Json) -> int:
    """The epoch at which a port was bound; 0 if we did not."""
    return int((mark_of(port) or {}).get("epoch") or 0)


def ordered(ports: Sequence[Json], known: Sequence[Vif] = ()) -> list[Json]:
    """Ports in the order of the server's interfaces; those that we know nothing of come last."""
    recorded = {vif.port_id: place for place, vif in enumerate(known)}
    last = len(recorded) + len(ports)

    def place(port: Json) -> tuple[int, str, str]:
        noted = mark_of(port) or {}
        index = recorded.get(port["id"])
        return noted.get("index", last) if index is None else index, port.get("created_at") or "", port["id"]

    return sorted(ports, key=place)


def was_created_here(port: Json, known: Sequence[Vif] = (), given: frozenset[str] | None = None) -> bool:
    """Whether we made a port, and so delete it with its server.

    Our mark on the port says so. A port without a mark (made by another release) is ours when it was recorded
    so; when it was never recorded, it is ours unless it was among those ``given``. Unknown is "not ours":
    better to leave a port behind than to delete a user's.
    """
    noted = mark_of(port)
    if noted is not None:
        return bool(noted.get("created"))
    for vif in known:
        if vif.port_id == port["id"]:
            return vif.created_here
    return given is not None and port["id"] not in given


def read_vifs(
    neutron: Networks,
    ports: Sequence[Json],
    *,
    ovs_bridge: str,
    known: Sequence[Vif] = (),
    given: frozenset[str] | None = None,
    facts: NetworkCache | None = None,
    fresh: bool = True,
    new: frozenset[str] = frozenset(),
) -> tuple[Vif, ...]:
    """The interfaces that some ports are, in order, with all that a guest and a user want to know of them.

    Asks for networks, subnets, floating addresses and security groups of all ports at once: at most four
    requests, at the same time.

    :param ovs_bridge: the bridge of ports that don't name one.
    :param known: what was recorded of these interfaces before.
    :param given: the ids of the ports that the user asked for.
    :param facts: where networks, subnets and groups are remembered.
    :param fresh: don't trust what is remembered.
    :param new: ports made just now: they can't have floating addresses yet.
    """
    if not ports:
        return ()
    facts = facts or NetworkCache(neutron, seconds=0)
    subnet_ids = {ip["subnet_id"] for port in ports for ip in port["fixed_ips"]}
    group_ids = {group for port in ports for group in port.get("security_groups") or ()}
    network_ids = {port["network_id"] for port in ports}
    old = [port["id"] for port in ports if port["id"] not in new]
    networks, subnets, groups, floating = neutron.together(
        [
            lambda: facts.networks(network_ids, fresh=fresh),
            lambda: facts.subnets(subnet_ids, fresh=fresh),
            lambda: facts.security_groups(group_ids, fresh=fresh),
            lambda: neutron.floating_ips(port_id=old) if old else [],
        ]
    )
    of_subnet = {one: _subnet(subnet) for one, subnet in subnets.items()}
    group_names = {one: group["name"] for one, group in groups.items()}
    tags = {vif.port_id: vif.tag for vif in known}
    return tuple(
        _vif(
            port,
            networks.get(port["network_id"], {}),
            of_subnet,
            [f for f in floating if f["port_id"] == port["id"]],
            tuple(group_names.get(g, g) for g in port.get("security_groups") or ()),
            ovs_bridge=ovs_bridge,
            tag=tags.get(port["id"]) or (mark_of(port) or {}).get("tag"),
            created_here=was_created_here(port, known, given),
        )
        for port in ordered(ports, known)
    )


def _vif(
    port: Json,
    network: Json,
    subnets: dict[str, Subnet],
    floating: list[Json],
    group_names: tuple[str, ...],
    *,
    ovs_bridge: str,
    tag: str | None,
    created_here: bool,
) -> Vif:
    details = port.get("binding:vif_details") or {}
    vif_type = port.get("binding:vif_type")
    bridge = details.get("bridge_name")
    if bridge is None and (vif_type == "ovs" or details.get("vhostuser_ovs_plug")):
        bridge = ovs_bridge
    return Vif(
        port_id=port["id"],
        network_id=port["network_id"],
        network_name=network.get("name") or "",
        mac=port["mac_address"],
        vif_type=vif_type,
        vnic_type=port.get("binding:vnic_type") or "normal",
        # A port that is administratively down never becomes ACTIVE, and nobody should wait for it.
        active=port.get("status") == "ACTIVE" or port.get("admin_state_up") is False,
        mtu=network.get("mtu"),
        bridge=bridge[:_NAME_LENGTH] if bridge else None,
        devname=f"tap{port['id']}"[:_NAME_LENGTH],
        created_here=created_here,
        tag=tag,
        fixed_ips=tuple(_fixed_ip(ip, floating) for ip in port["fixed_ips"]),
        subnets=tuple(
            subnets[i] for i in dict.fromkeys(ip["subnet_id"] for ip in port["fixed_ips"]) if i in subnets
        ),
        security_groups=group_names,
        details=details,
        profile={key: value for key, value in (port.get("binding:profile") or {}).items() if key != MARK},
    )


def _fixed_ip(ip: Json, floating: list[Json]) -> FixedIp:
    address = ip["ip_address"]
    return FixedIp(
        address=address,
        version=ipaddress.ip_address(address).version,
        subnet_id=ip["subnet_id"],
        floating_ips=tuple(f["floating_ip_address"] for f in floating if f["fixed_ip_address"] == address),
    )


def _subnet(subnet: Json) -> Subnet:
    return Subnet(
        id=subnet["id"],
        cidr=subnet["cidr"],
        gateway_ip=subnet.get("gateway_ip"),
        dns_nameservers=tuple(subnet.get("dns_nameservers") or ()),
        enable_dhcp=bool(subnet.get("enable_dhcp")),
        ipv6_address_mode=subnet.get("ipv6_address_mode"),
        routes=tuple((r["destination"], r["nexthop"]) for r in subnet.get("host_routes") or ()),
    )
