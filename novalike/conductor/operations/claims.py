"""Claims of servers that move: while a migration is not over, it has what its server had before.

Both ways are one write of Placement for both consumers, guarded by what they had: who was given up and doesn't know it
yet changes nothing.
"""

from collections.abc import Callable

from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import Allocation, Choice, Claim, ClaimConflict
from novalike.objects import errors


class MovedClaims:
    """Hands claims from a server to its migration and back."""

    def __init__(self, placement: PlacementClient) -> None:
        self._placement = placement

    def hand_to_migration(self, server: str, migration: str, is_ours: Callable[[], bool]) -> None:
        """Make a server's claim its migration's, unless that was done before.

        :param is_ours: whether the operation is still the caller's; asked after the claims were read.
        :raises Unavailable: it can't be done now; nothing was written.
        """
        kept = self._placement.get_allocations(migration)
        if kept.allocations:
            return
        claimed = self._placement.get_allocations(server)
        if not claimed.allocations or not is_ours():
            return
        self._write(
            _claim(server, claimed, claimed.consumer_generation, Choice({})),
            _claim(migration, claimed, None, Choice(claimed.allocations), "MIGRATION"),
        )

    def hand_back(self, server: str, migration: str, is_ours: Callable[[], bool]) -> None:
        """Make a migration's claim its server's, instead of the one which that has, unless that was done before.

        :param is_ours: as in :meth:`hand_to_migration`.
        :raises Unavailable: it can't be done now; nothing was written.
        """
        kept = self._placement.get_allocations(migration)
        if not kept.allocations:
            return
        claimed = self._placement.get_allocations(server)
        if not is_ours():
            return
        self._write(
            _claim(migration, kept, kept.consumer_generation, Choice({}), "MIGRATION"),
            _claim(server, kept, claimed.consumer_generation, Choice(kept.allocations)),
        )

    def give_up(self, consumer: str) -> None:
        """Give up what a server or a migration has, if it has anything.

        :raises Unavailable: Placement can't be reached.
        """
        self._placement.delete_allocations(consumer)

    def _write(self, *claims: Claim) -> None:
        try:
            self._placement.claim(claims)
        except ClaimConflict as conflict:
            # Somebody was faster, or it was written before and the answer was lost: look again.
            raise errors.Unavailable(reason=f"Placement did not move a claim: {conflict}") from conflict


def _claim(
    consumer: str, owner: Allocation, generation: int | None, choice: Choice, consumer_type: str = "INSTANCE"
) -> Claim:
    return Claim(
        consumer=consumer,
        choice=choice,
        project_id=owner.project_id or "",
        user_id=owner.user_id or "",
        generation=generation,
        consumer_type=consumer_type,
    )
