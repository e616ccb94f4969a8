"""Starting and stopping a server."""

from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import Action, Leg, Seat

START = Action(
    name="start",
    vm_states=(VmState.STOPPED,),
    task_states=(None,),
    legs=(Leg(name="start", seat=Seat.HOME, starts=TaskState.POWERING_ON),),
    ends=(VmState.ACTIVE,),
)
STOP = Action(
    name="stop",
    vm_states=(VmState.ACTIVE, VmState.ERROR),
    task_states=(None,),
    legs=(Leg(name="stop", seat=Seat.HOME, starts=TaskState.POWERING_OFF),),
    ends=(VmState.STOPPED,),
)
