"""Moving a server to another flavor, or to another host, while it is off; to be confirmed or reverted afterwards.

Four actions: ``resize`` and ``migrate`` take a server to ``VERIFY_RESIZE``; then the source has still all that it had,
set aside. ``resize_confirm`` gives that up, ``resize_revert`` goes back to it.
"""

from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import KEEP, Action, Leg, Seat, WhenDown
from novalike.objects.record import Record


class MoveParams(Record, frozen=True):
    """What a resize or a cold migration has to go by.

    :param old_flavor, new_flavor: alike in a migration.
    :param old_vm_state: of the server when it begins.
    :param source_host, source_node, source_zone: where the server was.
    :param auto_disk_config: what the server is to have from now on; None is no.
    :param confirm_after: seconds after which it is confirmed by itself; 0 is never.
    :param host: where an administrator wants it.
    :param excluded_hosts: hosts on which it has failed.
    """

    old_flavor: Flavor
    new_flavor: Flavor
    old_vm_state: str
    source_host: str
    source_node: str
    source_zone: str | None = None
    auto_disk_config: bool | None = None
    confirm_after: int = 0
    host: str | None = None
    excluded_hosts: tuple[str, ...] = ()


class SettleMoveParams(Record, frozen=True):
    """What confirming or reverting has to go by.

    :param migration: uuid of the migration, and of the operation that has moved the server: the consumer of the
        source's claim.
    :param move: what that operation had to go by.
    """

    migration: str
    move: MoveParams


class PlacedMove(Record, frozen=True):
    """What leg ``place`` has found.

    :param zone: the availability zone of the destination.
    """

    zone: str


class SetAside(Record, frozen=True):
    """What leg ``depart`` has found.

    :param source: where the destination gets the disks, as the source's driver says it.
    """

    source: str


# The old claim goes to the migration; the new one is the server's.
PLACE = Leg(name="place", seat=Seat.CONDUCTOR, starts=TaskState.RESIZE_PREP, turns_back=True)
# Can the destination have it? Nothing of the server is changed yet.
PREPARE = Leg(name="prepare", seat=Seat.DESTINATION, when_down=WhenDown.ELSEWHERE)
# The guest is stopped, and set aside with its disks, to be gone back to. Should its host not manage that, the server is
# on it all the same, with its claim: a hard reboot tries again.
DEPART = Leg(
    name="depart",
    seat=Seat.SOURCE,
    starts=TaskState.RESIZE_MIGRATING,
    turns_back=True,
    back_when_down=WhenDown.FAIL,
    may_stick=True,
)
# Disks are fetched, interfaces bound and plugged, the guest is started.
ARRIVE = Leg(name="arrive", seat=Seat.DESTINATION, starts=TaskState.RESIZE_FINISH, turns_back=True)


def _move(name: str) -> Action:
    return Action(
        name=name,
        vm_states=(VmState.ACTIVE, VmState.STOPPED),
        task_states=(None,),
        legs=(PLACE, PREPARE, DEPART, ARRIVE),
        ends=(VmState.RESIZED,),
        fails=VmState.ERROR,
        params=MoveParams,
    )


RESIZE = _move("resize")
MIGRATE = _move("migrate")

CONFIRM = Action(
    name="resize_confirm",
    vm_states=(VmState.RESIZED,),
    task_states=(None,),
    legs=(
        # What the source has set aside goes; if it is down, when it comes back.
        Leg(name="clean", seat=Seat.SOURCE, when_down=WhenDown.SKIP),
        # Its claim goes all the same.
        Leg(name="release", seat=Seat.CONDUCTOR),
    ),
    ends=(VmState.ACTIVE, VmState.STOPPED),
    # It waits to be confirmed, again.
    fails=KEEP,
    params=SettleMoveParams,
    verb="confirmResize",
)
REVERT = Action(
    name="resize_revert",
    vm_states=(VmState.RESIZED,),
    task_states=(None,),
    legs=(
        # Should it fail, it can be reverted again.
        Leg(name="leave", seat=Seat.DESTINATION, starts=TaskState.RESIZE_REVERTING, fails=KEEP),
        # The source's claim is the server's again, and the source its host.
        Leg(name="return", seat=Seat.CONDUCTOR),
        Leg(name="resume", seat=Seat.SOURCE),
    ),
    ends=(VmState.ACTIVE, VmState.STOPPED),
    fails=VmState.ERROR,
    params=SettleMoveParams,
    verb="revertResize",
)
