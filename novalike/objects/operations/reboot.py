"""Rebooting a server, by asking the guest or the hard way."""

from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.action import Action, Leg, Seat

_HARD = (TaskState.REBOOTING_HARD, TaskState.REBOOT_STARTED_HARD)
_ANY_REBOOT = (TaskState.REBOOTING, TaskState.REBOOT_STARTED, *_HARD)

SOFT = Action(
    name="reboot_soft",
    vm_states=(VmState.ACTIVE,),
    task_states=(None,),
    legs=(
        Leg(name="reboot", seat=Seat.HOME, starts=TaskState.REBOOTING, passes=(TaskState.REBOOT_STARTED, *_HARD)),
    ),
    ends=(VmState.ACTIVE,),
    fails=VmState.ERROR,
    verb="reboot",
)  # fmt: skip
HARD = Action(
    name="reboot_hard",
    vm_states=(VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED, VmState.ERROR),
    task_states=(None, *_ANY_REBOOT),
    legs=(
        Leg(
            name="reboot",
            seat=Seat.HOME,
            starts=TaskState.REBOOTING_HARD,
            passes=(TaskState.REBOOT_STARTED_HARD,),
        ),
    ),
    # Resized, when it was in error because a move had stopped on its destination.
    ends=(VmState.ACTIVE, VmState.RESIZED),
    fails=VmState.ERROR,
    verb="reboot",
)
