"""What the scheduler is asked, and what it answers."""

from typing import Any

from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.record import Record


class ServerGroup(Record, frozen=True):
    """A server group as far as scheduling goes.

    :param policy: ``affinity``, ``anti-affinity``, ``soft-affinity`` or ``soft-anti-affinity``.
    :param members: server uuids; where they are is in the request's ``instance_hosts``.
    :param max_server_per_host: of ``anti-affinity``.
    """

    uuid: str
    policy: str
    members: tuple[str, ...] = ()
    max_server_per_host: int = 1


class EarlierClaim(Record, frozen=True):
    """What an earlier try to place a server has claimed for it.

    :param resources: provider → resource class → amount.
    :param generation: of the consumer. Who writes with it overwrites this claim, or nothing.
    """

    resources: dict[str, dict[str, int]]
    generation: int | None


class SchedulingRequest(Record, frozen=True):
    """Hosts wanted for some servers that are all alike.

    :param instance_uuids: the servers, each a consumer in Placement.
    :param excluded_hosts: where a previous try failed.
    :param instance_hosts: server uuid → host, for the servers that hints and groups name.
    :param root_gb: GiB of local root disk; None is the flavor's, 0 is for servers that boot from a volume.
    :param group: the server group that the servers are to be members of.
    :param earlier: server uuid → what is kept if it will still do, and overwritten if not. Servers that are not in
        here have no claim.
    """

    project_id: str
    user_id: str
    instance_uuids: tuple[str, ...]
    flavor: Flavor
    image: Image | None = None
    availability_zone: str | None = None
    host: str | None = None
    node: str | None = None
    force_host: bool = False
    hints: dict[str, Any] = {}
    excluded_hosts: tuple[str, ...] = ()
    instance_hosts: dict[str, str] = {}
    root_gb: int | None = None
    group: ServerGroup | None = None
    earlier: dict[str, EarlierClaim] = {}


class Selection(Record, frozen=True):
    """A host, claimed in Placement for one server."""

    instance_uuid: str
    host: str
    node: str
    node_uuid: str
    endpoint: str
    cell: str
    zone: str


class Rejection(Record, frozen=True):
    """Why hosts were not taken. ``stage`` is a filter's name, or ``placement``, or ``claim``."""

    stage: str
    reason: str
    hosts: tuple[str, ...] = ()


class Selections(Record, frozen=True):
    """The answer: a host for each server of the request, or for none, and why.

    :param on_old_candidates: some were chosen by what Placement had said before the request came in, or by an earlier
        try.
    """

    selections: tuple[Selection, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    on_old_candidates: bool = False

    def explain(self) -> str:
        """The rejections in one sentence, for the server's fault and the operation's journal."""
        if not self.rejections:
            return "There are not enough hosts available."
        parts = [
            f"{r.stage} rejected {len(r.hosts)} host(s): {r.reason}" if r.hosts else f"{r.stage}: {r.reason}"
            for r in self.rejections
        ]
        return "There are not enough hosts available. " + "; ".join(parts)
