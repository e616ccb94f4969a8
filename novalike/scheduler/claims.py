"""Plans become claims in Placement."""

import itertools
import logging
from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import Choice, Claim, ClaimConflict
from novalike.objects import errors
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.host_assignment import AssignedHost

LOG = logging.getLogger(__name__)

_host = attrgetter("state.uuid")


def commit(
    placement: PlacementClient, request: SchedulingRequest, assignments: Sequence[AssignedHost], by_host: bool
) -> list[AssignedHost]:
    """Claim what was assigned, in place of what was claimed earlier, and say which servers got their claim.

    :param by_host: in one write per host, so that a host that is full does not cost the others their claims;
        otherwise all in one write.
    :raises AlreadyClaimed: one of the servers has another claim than the request says.
    :raises Unavailable: Placement can't be reached; some claims may have been written.
    """
    batches: list[list[AssignedHost]] = [list(assignments)]
    if by_host:
        batches = [list(batch) for _, batch in itertools.groupby(sorted(assignments, key=_host), key=_host)]
    won: list[AssignedHost] = []
    for batch in batches:
        try:
            placement.claim([_claim(request, assignment) for assignment in batch])
            won += batch
        except ClaimConflict as conflict:
            LOG.debug("Lost a claim for %s server(s): %s", len(batch), conflict)
            if conflict.fields["kind"] == "consumer":
                release(placement, request, won)
                raise errors.AlreadyClaimed(instance_id=_claimed(placement, batch)) from None
    return won


def _claim(request: SchedulingRequest, assignment: AssignedHost) -> Claim:
    earlier = request.earlier.get(assignment.instance_uuid)
    generation = earlier.generation if earlier else None
    return Claim(assignment.instance_uuid, assignment.choice, request.project_id, request.user_id, generation)


def _claimed(placement: PlacementClient, batch: Sequence[AssignedHost]) -> str:
    """Which of these servers has a claim."""
    for assignment in batch[:-1]:
        if placement.get_allocations(assignment.instance_uuid).allocations:
            return assignment.instance_uuid
    return batch[-1].instance_uuid


def release(placement: PlacementClient, request: SchedulingRequest, won: Iterable[AssignedHost]) -> None:
    """Take away claims that :func:`commit` has written, as far as Placement can be reached and nobody has written
    since: who has been given up may come late, and the claim that he finds is not his.

    What stays is overwritten by the next try, or taken away when the server fails or is deleted.
    """
    for assignment in won:
        written = _claim(request, assignment)
        generation = 1 if written.generation is None else written.generation + 1
        nothing = msgspec.structs.replace(written, choice=Choice({}), generation=generation)
        try:
            placement.claim([nothing])
        except ClaimConflict:
            LOG.info("The claim of server %s is somebody else's by now", written.consumer)
        except errors.NovalikeError as error:
            LOG.warning("The claim of server %s could not be taken away: %s", written.consumer, error)
            if isinstance(error, errors.Unavailable):
                break
