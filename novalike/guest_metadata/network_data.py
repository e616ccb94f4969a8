"""``network_data.json``: how the guest should set up its interfaces."""

import ipaddress
from typing import Any

from novalike.objects.network import FixedIp, Subnet, Vif

Json = dict[str, Any]

# Kinds of interface that guests were once told by name, and go on to be. All others are "physical".
_NAMED_KINDS = frozenset({"bridge", "dvs", "hw_veb", "hyperv", "ovs", "tap", "vhostuser", "vif"})
_ANYWHERE = {4: "0.0.0.0", 6: "::"}


def network_data(vifs: tuple[Vif, ...]) -> Json:
    """Links, networks and services. Of each interface the first subnet of either IP version counts."""
    if not vifs:
        return {}
    links: list[Json] = []
    networks: list[Json] = []
    services: list[Json] = []
    for vif in vifs:
        subnets = [s for s in (_first(vif, 4), _first(vif, 6)) if s is not None]
        if not subnets:
            continue
        link = _link(vif, len(links))
        links.append(link)
        for subnet in subnets:
            address = next((ip for ip in vif.fixed_ips if ip.subnet_id == subnet.id), None)
            if address is None:
                continue
            networks.append(_network(vif, subnet, address, f"network{len(networks)}", link["id"]))
            services += [service for service in _name_servers(subnet) if service not in services]
    return {"links": links, "networks": networks, "services": services}


def _first(vif: Vif, version: int) -> Subnet | None:
    return next((s for s in vif.subnets if ipaddress.ip_network(s.cidr).version == version), None)


def _link(vif: Vif, number: int) -> Json:
    return {
        "id": vif.devname or f"interface{number}",
        "vif_id": vif.port_id,
        "type": vif.vif_type if vif.vif_type in _NAMED_KINDS else "phy",
        "mtu": vif.mtu,
        "ethernet_mac_address": vif.mac,
    }


def _network(vif: Vif, subnet: Subnet, address: FixedIp, name: str, link: str) -> Json:
    block = ipaddress.ip_network(subnet.cidr)
    if subnet.ipv6_address_mode is None and subnet.enable_dhcp:
        return {"id": name, "type": f"ipv{block.version}_dhcp", "link": link, "network_id": vif.network_id}
    mode = f"_{subnet.ipv6_address_mode}" if subnet.ipv6_address_mode else ""
    routes = []
    if subnet.gateway_ip:
        anywhere = _ANYWHERE[block.version]
        routes.append({"network": anywhere, "netmask": anywhere, "gateway": subnet.gateway_ip})
    for destination, gateway in subnet.routes:
        target = ipaddress.ip_network(destination, strict=False)
        routes.append({"network": str(target.network_address), "netmask": str(target.netmask), "gateway": gateway})
    return {
        "id": name,
        "type": f"ipv{block.version}{mode}",
        "link": link,
        "ip_address": address.address,
        "netmask": str(block.netmask),
        "routes": routes,
        "network_id": vif.network_id,
        "services": _name_servers(subnet),
    }


def _name_servers(subnet: Subnet) -> list[Json]:
    return [{"type": "dns", "address": address} for address in subnet.dns_nameservers]
