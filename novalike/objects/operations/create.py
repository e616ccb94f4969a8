"""Creating a server: a conductor finds a host, the host builds it."""

from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import Action, Leg, Seat, WhenDown
from novalike.objects.record import Record


class CreateParams(Record, frozen=True):
    """What a build has to go by, beside the server's record.

    :param excluded_hosts: hosts on which it has failed.
    """

    excluded_hosts: tuple[str, ...] = ()


PLACE = Leg(name="place", seat=Seat.CONDUCTOR, starts=TaskState.SCHEDULING)
BUILD = Leg(
    name="build",
    seat=Seat.DESTINATION,
    starts=TaskState.NETWORKING,
    passes=(TaskState.BLOCK_DEVICE_MAPPING, TaskState.SPAWNING),
    when_down=WhenDown.ELSEWHERE,
)

CREATE = Action(
    name="create",
    vm_states=(VmState.BUILDING,),
    task_states=(
        TaskState.SCHEDULING, None, TaskState.NETWORKING, TaskState.BLOCK_DEVICE_MAPPING, TaskState.SPAWNING,
    ),
    legs=(PLACE, BUILD),
    ends=(VmState.ACTIVE,),
    fails=VmState.ERROR,
    params=CreateParams,
    needs_host=False,
    settles=True,
)  # fmt: skip
