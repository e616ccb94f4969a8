"""Deleting a server: each host that has something of it removes that, its own host at last; a conductor settles what
no living host does."""

from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import ANY, Action, Leg, Seat, WhenDown
from novalike.objects.record import Record


class DeleteParams(Record, frozen=True):
    """What a delete has to go by.

    :param migrations: uuids of those of the server that are not over: consumers of claims beside its own.
    """

    migrations: tuple[str, ...] = ()


CLEAN = Leg(name="clean", seat=Seat.OTHERS, starts=TaskState.DELETING, when_down=WhenDown.SKIP)
REMOVE = Leg(name="remove", seat=Seat.HOME, starts=TaskState.DELETING, when_down=WhenDown.SKIP)
SETTLE = Leg(name="settle", seat=Seat.CONDUCTOR, starts=TaskState.DELETING, for_skipped=True)

DELETE = Action(
    name="delete",
    vm_states=(ANY,),
    task_states=(ANY,),
    legs=(CLEAN, REMOVE, SETTLE),
    ends=(VmState.DELETED,),
    fails=VmState.ERROR,
    params=DeleteParams,
    needs_host=False,
    settles=True,
)
