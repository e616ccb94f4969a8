"""ServerGroupAffinityFilter and ServerGroupAntiAffinityFilter: members of a group together, or apart."""

from collections import Counter

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed


def member_hosts(request: SchedulingRequest) -> Counter[str]:
    """How many members of the request's group are on each host, without the servers of the request itself."""
    members = set(request.group.members) - set(request.instance_uuids) if request.group else set()
    return Counter(host for uuid, host in request.instance_hosts.items() if uuid in members)


class ServerGroupAffinityFilter(Filter):
    """Once a member of the group has a host, all others must go there."""

    follows_placement = True

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        if request.group is None or request.group.policy != "affinity":
            return None
        occupied = member_hosts(request)
        name = request.group.uuid

        def check(host: Candidate) -> str | None:
            if (occupied or placed) and host.state.host not in occupied and host.state.host not in placed:
                return f"servers of group {name} are on another host"
            return None

        return check


class ServerGroupAntiAffinityFilter(Filter):
    """No more than ``max_server_per_host`` members of the group on a host."""

    follows_placement = True

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        group = request.group
        if group is None or group.policy != "anti-affinity":
            return None
        occupied, allowed, name = member_hosts(request), group.max_server_per_host, group.uuid

        def check(host: Candidate) -> str | None:
            name_of_host = host.state.host
            if occupied.get(name_of_host, 0) + placed.get(name_of_host, 0) >= allowed:
                return f"{allowed} server(s) of group {name} are on the host"
            return None

        return check
