"""Neutron in memory, with the interface of ``novalike.clients.neutron.NeutronClient``.

Ports that get a host become ACTIVE at once (``plugs = "at once"``), or when :meth:`FakeNeutron.plug` is called
(``plugs = "later"``), or fail to bind (``plugs = "never"``). ``fail`` is called before, and ``lose`` after each
operation with its name and arguments, and may raise: the request did not arrive, or its answer was lost.
"""

import copy
import ipaddress
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from novalike.objects import errors, network_errors
from novalike.objects.context import RequestContext

Json = dict[str, Any]
Hook = Callable[..., None]


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    pass


class FakeNeutron:
    def __init__(self) -> None:
        self.plugs = "at once"
        self.fail: Hook = _nothing
        self.lose: Hook = _nothing
        self.on_plugged: Callable[[Json], None] = _nothing
        self.quotas: dict[str, int] = {}
        self.aliases = {"router", "quota_details", "revision-if-match", "auto-allocated-topology"}
        self.auto_network: Json | None = None
        self.calls: list[tuple[str, Any]] = []
        self._networks: dict[str, Json] = {}
        self._subnets: dict[str, Json] = {}
        self._ports: dict[str, Json] = {}
        self._groups: dict[str, Json] = {}
        self._floating: dict[str, Json] = {}
        self._counter = 0
        self._lock = threading.RLock()

    # -- furnishing

    def add_network(
        self,
        name: str,
        project_id: str = "",
        *,
        cidr: str | None = "10.0.0.0/16",
        shared: bool = False,
        external: bool = False,
        mtu: int = 1450,
        **more: Any,
    ) -> Json:
        """A network with a subnet (none when ``cidr`` is None)."""
        network: Json = {
            "id": str(uuid.uuid4()), "name": name, "tenant_id": project_id, "project_id": project_id,
            "shared": shared, "router:external": external, "mtu": mtu, "admin_state_up": True,
            "port_security_enabled": True, "subnets": [], "status": "ACTIVE", **more,
        }  # fmt: skip
        self._networks[network["id"]] = network
        if cidr is not None:
            self.add_subnet(network, cidr)
        return network

    def add_subnet(self, network: Json, cidr: str, **more: Any) -> Json:
        net = ipaddress.ip_network(cidr)
        subnet: Json = {
            "id": str(uuid.uuid4()), "network_id": network["id"], "cidr": cidr, "gateway_ip": str(net[1]),
            "enable_dhcp": True, "dns_nameservers": [], "host_routes": [], "ip_version": net.version,
            "ipv6_address_mode": None, "next": 10, **more,
        }  # fmt: skip
        self._subnets[subnet["id"]] = subnet
        network["subnets"].append(subnet["id"])
        return subnet

    def add_security_group(self, name: str, project_id: str) -> Json:
        group = {"id": str(uuid.uuid4()), "name": name, "tenant_id": project_id, "shared": False}
        self._groups[group["id"]] = group
        return group

    def add_port(self, network: Json, project_id: str, **more: Any) -> Json:
        """A port of a user's own."""
        body = {"network_id": network["id"], "tenant_id": project_id, **more}
        with self._lock:
            return copy.deepcopy(self._make_port(body))

    def add_floating_ip(self, address: str, port: Json) -> Json:
        fixed = port["fixed_ips"][0]["ip_address"]
        floating = {
            "id": str(uuid.uuid4()), "floating_ip_address": address, "port_id": port["id"], "fixed_ip_address": fixed,
        }  # fmt: skip
        self._floating[floating["id"]] = floating
        return floating

    def plug(self, port_id: str) -> None:
        """The agent has seen the interface: the port is ACTIVE, and ``on_plugged`` is called with it."""
        with self._lock:
            port = self._ports[port_id]
            port["status"] = "ACTIVE"
        self.on_plugged(copy.deepcopy(port))

    # -- what NeutronClient has

    def networks(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("networks", self._networks, user, filters, visible=self._sees_network)

    def subnets(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("subnets", self._subnets, None, filters)

    def ports(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("ports", self._ports, user, filters)

    def security_groups(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("security_groups", self._groups, user, filters)

    def floating_ips(self, user: RequestContext | None = None, **filters: Any) -> list[Json]:
        return self._list("floating_ips", self._floating, None, filters)

    def port(self, port_id: str, user: RequestContext | None = None) -> Json:
        found = self.ports(user, id=port_id)
        if not found:
            raise errors.PortNotFound(port_id=port_id)
        return found[0]

    def extensions(self) -> frozenset[str]:
        return frozenset(self.aliases)

    def port_quota(self, project_id: str) -> tuple[int, int]:
        self._call("port_quota", project_id)
        used = sum(port["tenant_id"] == project_id for port in self._ports.values())
        return self.quotas.get(project_id, -1), used

    def can_auto_allocate(self, user: RequestContext, project_id: str) -> bool:
        self._call("can_auto_allocate", project_id)
        return self.auto_network is not None

    def auto_allocate(self, user: RequestContext, project_id: str) -> Json:
        self._call("auto_allocate", project_id)
        if self.auto_network is None:
            raise network_errors.AutoAllocationFailed(project_id=project_id)
        return copy.deepcopy(self.auto_network)

    def create_ports(self, ports: Sequence[Json], user: RequestContext | None = None) -> list[Json]:
        self._call("create_ports", list(ports))
        made: list[Json] = []
        with self._lock:
            try:
                for body in ports:
                    made.append(self._make_port(body))
            except errors.NovalikeError:
                for port in made:
                    del self._ports[port["id"]]
                raise
            made = copy.deepcopy(made)
        self.lose("create_ports", list(ports))
        return made

    def update_port(self, port_id: str, changes: Json, *, revision: int | None = None) -> Json:
        self._call("update_port", port_id, changes)
        with self._lock:
            port = self._ports.get(port_id)
            if port is None:
                raise errors.PortNotFound(port_id=port_id)
            if revision is not None and revision != port["revision_number"]:
                raise errors.PortInUse(port_id=port_id)
            port.update(copy.deepcopy(changes))
            port["revision_number"] += 1
            self._bind(port)
            found = copy.deepcopy(port)
        self.lose("update_port", port_id, changes)
        return found

    def delete_port(self, port_id: str) -> None:
        self._call("delete_port", port_id)
        with self._lock:
            self._ports.pop(port_id, None)
        self.lose("delete_port", port_id)

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return [function() for function in calls]

    # -- inside

    def _call(self, name: str, *args: Any) -> None:
        self.calls.append((name, args))
        self.fail(name, *args)

    def _sees_network(self, network: Json, user: RequestContext) -> bool:
        return network["shared"] or network["router:external"] or network["tenant_id"] == user.project_id

    def _list(
        self,
        name: str,
        things: dict[str, Json],
        user: RequestContext | None,
        filters: Json,
        visible: Callable[[Json, RequestContext], bool] | None = None,
    ) -> list[Json]:
        self._call(name, filters)
        filters = {key: value for key, value in filters.items() if key != "fields"}
        address = str(filters.pop("fixed_ips", "")).removeprefix("ip_address=")
        with self._lock:
            found = []
            for thing in things.values():
                if user is not None and not user.is_admin:
                    seen = visible(thing, user) if visible else thing["tenant_id"] == user.project_id
                    if not seen:
                        continue
                if address and address not in [ip["ip_address"] for ip in thing["fixed_ips"]]:
                    continue
                if all(_matches(thing.get(key), value) for key, value in filters.items()):
                    found.append(copy.deepcopy(thing))
        return found

    def _make_port(self, body: Json) -> Json:
        network = self._networks.get(body["network_id"])
        if network is None:
            raise errors.NetworkNotFound(network_id=body["network_id"])
        limit, used = self.quotas.get(body["tenant_id"], -1), len(self._ports)
        if 0 <= limit <= used:
            raise network_errors.PortLimitExceeded()
        asked = [ip["ip_address"] for ip in body.get("fixed_ips", ())]
        self._counter += 1
        port: Json = {
            "id": str(uuid.uuid4()), "name": "", "status": "DOWN", "admin_state_up": True, "device_id": "",
            "device_owner": "", "binding:host_id": "", "binding:profile": {}, "binding:vif_type": "unbound",
            "binding:vif_details": {}, "binding:vnic_type": "normal", "revision_number": 1,
            "security_groups": self._default_groups(network, body["tenant_id"]),
            "created_at": f"{self._counter:08d}", "ip_allocation": "immediate",
            "mac_address": "fa:16:3e:" + (self._counter % 2**24).to_bytes(3).hex(":"),
            **copy.deepcopy(body),
        }  # fmt: skip
        port["fixed_ips"] = [self._address(network, s, asked) for s in network["subnets"]]
        port["project_id"] = port["tenant_id"]
        self._ports[port["id"]] = port
        self._bind(port)
        return port

    def _default_groups(self, network: Json, project_id: str) -> list[str]:
        if not network["port_security_enabled"]:
            return []
        groups = self._groups.values()
        return [g["id"] for g in groups if g["tenant_id"] == project_id and g["name"] == "default"]

    def _address(self, network: Json, subnet_id: str, asked: list[str]) -> Json:
        subnet = self._subnets[subnet_id]
        net = ipaddress.ip_network(subnet["cidr"])
        ips = [ip for port in self._ports.values() for ip in port["fixed_ips"] if ip["subnet_id"] == subnet_id]
        taken = {ip["ip_address"] for ip in ips}
        for address in asked:
            if ipaddress.ip_address(address) not in net:
                raise network_errors.FixedIpInvalid(address=address, network_id=network["id"])
            if address in taken:
                raise network_errors.FixedIpInUse(f"Fixed IP {address} is already in use.", address=address)
            return {"subnet_id": subnet_id, "ip_address": address}
        for number in range(subnet["next"], net.num_addresses - 1):
            if str(net[number]) not in taken:
                return {"subnet_id": subnet_id, "ip_address": str(net[number])}
        raise network_errors.NoMoreFixedIps(network_id=network["id"])

    def _bind(self, port: Json) -> None:
        if not port.get("binding:host_id"):
            port.update({"binding:vif_type": "unbound", "status": "DOWN"})
        elif self.plugs == "never":
            port.update({"binding:vif_type": "binding_failed", "status": "DOWN"})
        else:
            port.update({"binding:vif_type": "ovs", "binding:vif_details": {"bridge_name": "br-int"}})
            if self.plugs == "at once":
                port["status"] = "ACTIVE"


def _matches(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, (list, tuple, set, frozenset)) else value == wanted
