"""Plans become claims in Placement."""

import itertools
import logging
from collections.abc import Iterable, Sequence
from operator import attrgetter

from novalike.clients.allocation import Claim, ClaimConflict
from novalike.clients.placement import PlacementClient
from novalike.objects import errors
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.spread import Assignment

LOG = logging.getLogger(__name__)

_host = attrgetter("state.uuid")


def commit(
    placement: PlacementClient, request: SchedulingRequest, assignments: Sequence[Assignment], by_host: bool
) -> list[Assignment]:
    """Claim what was assigned, and say which servers got their claim.

    :param by_host: in one write per host, so that a host that is full does not cost the others their claims;
        otherwise all in one write.
    :raises AlreadyClaimed: one of the servers has a claim.
    :raises Unavailable: Placement can't be reached; some claims may have been written.
    """
    batches: list[list[Assignment]] = [list(assignments)]
    if by_host:
        batches = [list(batch) for _, batch in itertools.groupby(sorted(assignments, key=_host), key=_host)]
    won: list[Assignment] = []
    for batch in batches:
        try:
            placement.claim([_claim(request, assignment) for assignment in batch])
            won += batch
        except ClaimConflict as conflict:
            LOG.debug("Lost a claim for %s server(s): %s", len(batch), conflict)
            if conflict.fields["kind"] == "consumer":
                release(placement, (assignment.instance_uuid for assignment in won))
                raise errors.AlreadyClaimed(instance_id=_claimed(placement, batch)) from None
    return won


def _claim(request: SchedulingRequest, assignment: Assignment) -> Claim:
    return Claim(assignment.instance_uuid, assignment.choice, request.project_id, request.user_id)


def _claimed(placement: PlacementClient, batch: Sequence[Assignment]) -> str:
    """Which of these servers has a claim."""
    for assignment in batch[:-1]:
        if placement.get_allocations(assignment.instance_uuid).allocations:
            return assignment.instance_uuid
    return batch[-1].instance_uuid


def release(placement: PlacementClient, servers: Iterable[str]) -> bool:
    """Take the claims of these servers away, as far as Placement can be reached. Says whether there were any.

    What stays is taken away by the next try, or when the server is deleted.
    """
    found = False
    for server in servers:
        try:
            found = placement.delete_allocations(server) or found
        except errors.NovalikeError as error:
            LOG.warning("The claim of server %s could not be taken away: %s", server, error)
            if isinstance(error, errors.Unavailable):
                break
    return found
