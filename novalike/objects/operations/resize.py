"""Moving a server to another host, or to another flavor, while it is off; to be confirmed or reverted afterwards."""

from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import KEEP, Action, Leg, Seat, WhenDown
from novalike.objects.record import Record


class ResizeParams(Record, frozen=True):
    """What a resize or a cold migration has to go by.

    :param flavor: the new one; None is a migration, which keeps the old one.
    :param host: where an administrator wants the server.
    :param excluded_hosts: hosts on which it has failed.
    """

    flavor: Flavor | None = None
    host: str | None = None
    excluded_hosts: tuple[str, ...] = ()


class MovedGuest(Record, frozen=True):
    """What the source says of the guest that it has stopped.

    :param address: of the source's hypervisor, from which the destination copies the disks.
    """

    address: str


# The old claim goes to the migration; the new one is the server's.
PLACE = Leg(name="place", seat=Seat.CONDUCTOR, starts=TaskState.RESIZE_PREP, turns_back=True)
# Can the destination have it? Nothing of the server is changed yet.
PREPARE = Leg(name="prepare", seat=Seat.DESTINATION, when_down=WhenDown.ELSEWHERE, turns_back=True)
# The guest is stopped; guest and disks stay, to be gone back to.
DEPART = Leg(
    name="depart",
    seat=Seat.SOURCE,
    starts=TaskState.RESIZE_MIGRATING,
    passes=(TaskState.RESIZE_MIGRATED,),
    turns_back=True,
)
# Disks are fetched, interfaces bound and plugged, the guest is started.
ARRIVE = Leg(name="arrive", seat=Seat.DESTINATION, starts=TaskState.RESIZE_FINISH, turns_back=True)


def _move(name: str, verb: str) -> Action:
    return Action(
        name=name,
        vm_states=(VmState.ACTIVE, VmState.STOPPED),
        task_states=(None,),
        legs=(PLACE, PREPARE, DEPART, ARRIVE),
        ends=(VmState.RESIZED,),
        fails=KEEP,
        params=ResizeParams,
        verb=verb,
    )


RESIZE = _move("resize", "resize")
MIGRATE = _move("migrate", "migrate")

CONFIRM = Action(
    name="resize_confirm",
    vm_states=(VmState.RESIZED,),
    task_states=(None,),
    legs=(
        # What the source has kept goes, and its claim.
        Leg(name="clean", seat=Seat.SOURCE, when_down=WhenDown.SKIP),
        # Its claim goes all the same; what it has it removes when it comes back.
        Leg(name="release", seat=Seat.CONDUCTOR, for_skipped=True),
    ),
    ends=(VmState.ACTIVE, VmState.STOPPED),
    fails=VmState.ERROR,
    verb="confirm resize",
)
REVERT = Action(
    name="resize_revert",
    vm_states=(VmState.RESIZED,),
    task_states=(None,),
    legs=(
        Leg(name="leave", seat=Seat.DESTINATION, starts=TaskState.RESIZE_REVERTING),
        # The claims are changed back, and the server is the source's again.
        Leg(name="return", seat=Seat.CONDUCTOR),
        Leg(name="resume", seat=Seat.SOURCE),
    ),
    ends=(VmState.ACTIVE, VmState.STOPPED),
    fails=VmState.ERROR,
    verb="revert resize",
)
