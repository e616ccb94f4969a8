"""Deleting a server: its host removes all of it, or, when that is down or there is none, a conductor settles it."""

from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import ANY, Action, Leg, Seat, WhenDown

REMOVE = Leg(name="remove", seat=Seat.HOME, starts=TaskState.DELETING, when_down=WhenDown.SKIP)
SETTLE = Leg(name="settle", seat=Seat.CONDUCTOR, starts=TaskState.DELETING, for_skipped=True)

DELETE = Action(
    name="delete",
    vm_states=(ANY,),
    task_states=(ANY,),
    legs=(REMOVE, SETTLE),
    ends=(VmState.DELETED,),
    fails=VmState.ERROR,
    needs_host=False,
    settles=True,
)
