"""Which ports a server has, lacks and has too many of. Pure: nothing is asked, nothing is changed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from novalike.clients.neutron_vifs import mark_of
from novalike.objects.network import RequestedNetwork

Json = dict[str, Any]


class Place(NamedTuple):
    """One of the server's interfaces: its number from 0, and what was asked for it."""

    number: int
    request: RequestedNetwork


class PortPlan(NamedTuple):
    """What to do so that a server has the ports that were asked for.

    :param keep: ports that are the server's already.
    :param take: places of ports that the user made and that aren't the server's yet.
    :param create: places of ports that have to be made.
    :param excess: ports that we made and nobody needs: left by a request whose answer was lost.
    """

    keep: tuple[tuple[Place, Json], ...]
    take: tuple[Place, ...]
    create: tuple[Place, ...]
    excess: tuple[Json, ...]


def plan_ports(requests: Sequence[RequestedNetwork], present: Sequence[Json]) -> PortPlan:
    """Match what was asked for with the ports that carry the server's id.

    :param requests: each with a port or a network.
    :param present: the ports that Neutron has for the server.
    """
    places = [Place(number, request) for number, request in enumerate(requests)]
    free = {port["id"]: port for port in present}
    matched: dict[int, Json] = {}
    # The most particular wishes first, so that a general one doesn't take their port.
    for place in sorted(places, key=lambda p: (p.request.port_id is None, p.request.fixed_ip is None, p.number)):
        port = _best(place, list(free.values()))
        if port is not None:
            matched[place.number] = free.pop(port["id"])
    missing = [place for place in places if place.number not in matched]
    return PortPlan(
        keep=tuple((place, matched[place.number]) for place in places if place.number in matched),
        take=tuple(place for place in missing if place.request.port_id is not None),
        create=tuple(place for place in missing if place.request.port_id is None),
        excess=tuple(port for port in free.values() if (mark_of(port) or {}).get("created")),
    )


def _best(place: Place, ports: Sequence[Json]) -> Json | None:
    fitting = [port for port in ports if _fits(place.request, port)]
    return min(fitting, key=lambda port: (mark_of(port) or {}).get("index") != place.number, default=None)


def _fits(request: RequestedNetwork, port: Json) -> bool:
    if request.port_id is not None:
        return port["id"] == request.port_id
    if port["network_id"] != request.network_id:
        return False
    return request.fixed_ip is None or any(ip["ip_address"] == request.fixed_ip for ip in port["fixed_ips"])
