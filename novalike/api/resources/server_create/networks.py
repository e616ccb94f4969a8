"""The networks of a create request: what the user means, and whether Neutron would let them have it."""

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from oslo_utils import uuidutils

from novalike.clients.neutron import NeutronClient
from novalike.objects import errors, network_errors
from novalike.objects.context import RequestContext
from novalike.objects.network import RequestedNetwork

Json = dict[str, Any]

_NETWORK_FIELDS = ["id", "name", "subnets", "shared", "router:external", "tenant_id", "admin_state_up"]


class CheckedNetworks(NamedTuple):
    """A request that Neutron would grant.

    :param networks: as asked for; the project's only network in place of "Neutron may choose".
    :param max_count: how many servers the port quota allows of those that were asked for.
    """

    networks: tuple[RequestedNetwork, ...] | None
    max_count: int


def read_networks(wanted: Any) -> tuple[RequestedNetwork, ...] | None:
    """``networks`` of a create request, after its schema: None is no network, empty is not said.

    :raises Invalid: it contradicts itself.
    """
    if wanted == "none":
        return None
    if wanted == "auto":
        return (RequestedNetwork(),)
    requests: list[RequestedNetwork] = []
    ports: set[str] = set()
    for entry in wanted or ():
        port, address = entry.get("port"), entry.get("fixed_ip")
        if port:
            if port in ports:
                raise errors.Invalid(
                    f"Port ID '{port}' was specified twice: you cannot attach a port multiple times."
                )
            if address is not None:
                raise errors.Invalid(
                    f"Specified Fixed IP '{address}' cannot be used with port '{port}': the two cannot be "
                    "specified together."
                )
            ports.add(port)
            requests.append(RequestedNetwork(port_id=port, tag=entry.get("tag")))
            continue
        if "uuid" not in entry:
            raise errors.Invalid("Bad network format: missing 'uuid'")
        network = entry["uuid"]
        if not uuidutils.is_uuid_like(network):
            raise errors.Invalid(f"Bad networks format: network uuid is not in proper format ({network})")
        requests.append(RequestedNetwork(network_id=network, fixed_ip=address, tag=entry.get("tag")))
    return tuple(requests)


def validate_networks(
    ctx: RequestContext,
    neutron: NeutronClient,
    networks: tuple[RequestedNetwork, ...] | None,
    *,
    min_count: int,
    max_count: int,
    may_attach_external: bool,
) -> CheckedNetworks:
    """Check a request with the user's token, so that what isn't visible isn't there.

    :param may_attach_external: whether policy lets the user have interfaces on external networks.
    :raises NetworkNotFound, PortNotFound: none such, or not visible.
    :raises PortInUse, FixedIpInUse: somebody has it already.
    :raises Invalid: many servers with one address or port; an address outside of the network's subnets …
    :raises NetworkAmbiguous: nothing was asked for, and there are several networks.
    :raises ExternalNetworkForbidden, Forbidden: the user may not have an interface, or choose an address, there.
    :raises PortLimitExceeded: the port quota isn't enough for ``min_count`` servers.
    :raises Unavailable: Neutron doesn't answer.
    """
    if networks is None:
        return CheckedNetworks(None, max_count)
    if max_count > 1:
        _check_can_be_many(networks)
    particular = bool(networks) and networks[0] != RequestedNetwork(tag=networks[0].tag)
    look = _look_particular if particular else _look_automatic
    calls: list[Callable[[], Any]] = [
        lambda: look(ctx, neutron, networks, may_attach_external),
        lambda: neutron.port_quota(ctx.project_id or ""),
    ]
    (found, needed), (limit, used) = neutron.together(calls)
    return CheckedNetworks(found, _allowed(limit, used, needed, min_count, max_count))


def validate_security_groups(ctx: RequestContext, neutron: NeutronClient, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of security groups given by name or id; ``default`` stays as it is.

    :raises SecurityGroupNotFound: none such in the project.
    :raises SecurityGroupAmbiguous: several have the name.
    """
    wanted = list(dict.fromkeys(names))
    if all(name == "default" for name in wanted):
        return tuple(wanted)
    fields = ["id", "name"]
    groups = neutron.security_groups(ctx, tenant_id=ctx.project_id, fields=fields)
    known = {group["id"] for group in groups}
    if any(name not in known and all(g["name"] != name for g in groups) for name in wanted):
        groups += [g for g in neutron.security_groups(ctx, shared=True, fields=fields) if g["id"] not in known]
    return tuple(name if name == "default" else _group_id(name, groups) for name in wanted)


def _group_id(name: str, groups: Sequence[Json]) -> str:
    if any(group["id"] == name for group in groups):
        return name
    found = [group["id"] for group in groups if group["name"] == name]
    if not found:
        message = f"Unable to find security_group with name or id '{name}'"
        raise network_errors.SecurityGroupNotFound(message, security_group=name)
    if len(found) > 1:
        raise network_errors.SecurityGroupAmbiguous(security_group=name)
    return found[0]


def _check_can_be_many(networks: Sequence[RequestedNetwork]) -> None:
    if any(request.network_id and request.fixed_ip for request in networks):
        raise errors.Invalid(
            "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified."
        )
    if any(request.port_id for request in networks):
        raise errors.Invalid(
            "Failed to launch instances: Unable to launch multiple instances with a single configured port ID. "
            "Please launch your instance one by one with different ports."
        )


def _allowed(limit: int, used: int, needed: int, min_count: int, max_count: int) -> int:
    """How many servers of ``needed`` new ports each the quota has room for."""
    if limit < 0 or needed == 0:
        return max_count
    if used > limit:
        raise network_errors.PortLimitExceeded(f"The number of defined ports: {used} is over the limit: {limit}")
    allowed = min(max_count, (limit - used) // needed)
    if allowed < min_count:
        raise network_errors.PortLimitExceeded()
    return allowed


Look = tuple[tuple[RequestedNetwork, ...], int]


def _look_automatic(
    ctx: RequestContext, neutron: NeutronClient, networks: tuple[RequestedNetwork, ...], may_attach_external: bool
) -> Look:
    """The project's only network, if it has one."""
    available = _available(ctx, neutron)
    if len(available) > 1:
        raise network_errors.NetworkAmbiguous()
    if not available:
        if networks and not neutron.can_auto_allocate(ctx, ctx.project_id or ""):
            raise network_errors.AutoAllocationFailed(project_id=ctx.project_id)
        return networks, 1
    _check_external(available, may_attach_external)
    tag = networks[0].tag if networks else None
    return (RequestedNetwork(network_id=available[0]["id"], tag=tag),), 1


def _available(ctx: RequestContext, neutron: NeutronClient) -> list[Json]:
    """The networks that are the project's own, or shared with it."""
    if ctx.is_admin:
        # An administrator sees all projects' networks: don't ask for all.
        own, shared = neutron.together(
            [
                lambda: neutron.networks(ctx, tenant_id=ctx.project_id, shared=False, fields=_NETWORK_FIELDS),
                lambda: neutron.networks(ctx, shared=True, fields=_NETWORK_FIELDS),
            ]
        )
        return own + shared
    visible = neutron.networks(ctx, fields=_NETWORK_FIELDS)
    return [n for n in visible if n["shared"] or n["tenant_id"] == ctx.project_id]


def _look_particular(
    ctx: RequestContext, neutron: NeutronClient, networks: tuple[RequestedNetwork, ...], may_attach_external: bool
) -> Look:
    """That the networks, ports and addresses asked for are there and free."""
    on_network = [request for request in networks if request.port_id is None]
    wanted = list(dict.fromkeys(request.network_id for request in on_network if request.network_id))
    addressed = [request for request in on_network if request.fixed_ip is not None]
    calls: list[Callable[[], Any]] = [
        lambda: neutron.networks(ctx, id=wanted, fields=_NETWORK_FIELDS) if wanted else [],
        lambda: neutron.subnets(ctx, network_id=sorted({str(r.network_id) for r in addressed})) if addressed else [],
    ]
    calls += [lambda r=r: _check_port(ctx, neutron, r.port_id) for r in networks if r.port_id]  # type: ignore[misc]
    calls += [lambda r=r: _check_free(ctx, neutron, r) for r in addressed]  # type: ignore[misc]
    found, subnets, *_ = neutron.together(calls)
    by_id = {network["id"]: network for network in found}
    for network in found:
        if not network.get("subnets"):
            raise network_errors.NetworkRequiresSubnet(network_id=network["id"])
    missing = [network_id for network_id in wanted if network_id not in by_id]
    if missing:
        raise errors.NetworkNotFound(network_id=", ".join(missing))
    _check_external(found, may_attach_external)
    for request in addressed:
        _check_address(ctx, request, by_id[request.network_id or ""], subnets)
    return networks, len(on_network)


def _check_external(networks: Sequence[Json], may_attach_external: bool) -> None:
    for network in networks:
        if network.get("router:external") and not network.get("shared") and not may_attach_external:
            raise network_errors.ExternalNetworkForbidden(network_id=network["id"])


def _check_port(ctx: RequestContext, neutron: NeutronClient, port_id: str) -> None:
    port = neutron.port(port_id, ctx)
    if port.get("device_id"):
        raise errors.PortInUse(port_id=port_id)
    if port["tenant_id"] != ctx.project_id:
        raise errors.Invalid(f"Port {port_id} not usable: it belongs to another project.")
    # An address may come with the binding, or not at all on purpose.
    if not port.get("fixed_ips") and port.get("ip_allocation") not in ("deferred", "none"):
        raise network_errors.PortRequiresFixedIp(port_id=port_id)


def _check_free(ctx: RequestContext, neutron: NeutronClient, request: RequestedNetwork) -> None:
    ports = neutron.ports(
        ctx, network_id=request.network_id, fixed_ips=f"ip_address={request.fixed_ip}", fields=["device_id"]
    )
    if ports:
        raise network_errors.FixedIpInUse(address=request.fixed_ip, holder=ports[0]["device_id"])


def _check_address(
    ctx: RequestContext, request: RequestedNetwork, network: Json, subnets: Sequence[Json]
) -> None:
    # The port is made with our own credentials, which may choose any address. Neutron's rule for users is that
    # the network must be their own.
    if network["tenant_id"] != ctx.project_id and not ctx.is_admin:
        raise errors.Forbidden(f"It is not allowed to choose an address on network {network['id']}")
    address = ipaddress.ip_address(request.fixed_ip or "")
    inside = [s for s in subnets if s["network_id"] == network["id"] and address in ipaddress.ip_network(s["cidr"])]
    if not inside:
        raise network_errors.FixedIpInvalid(address=request.fixed_ip, network_id=network["id"])
