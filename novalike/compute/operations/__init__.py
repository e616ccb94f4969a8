"""What hosts do: the workflow of each leg of the state table (``novalike.objects.operations``) that is a host's."""

from collections.abc import Mapping

from novalike.compute.job import Job
from novalike.compute.operations import create, delete, power, reboot, resize
from novalike.compute.workflow import Step, Workflow, taken_back
from novalike.objects import errors
from novalike.objects.operation import Operation
from novalike.objects.operations import ACTIONS
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Direction

# By workflow and leg.
WORKFLOWS: Mapping[tuple[str, str], Workflow] = {
    ("create", "build"): create.BUILD,
    ("delete", "clean"): delete.CLEAN,
    ("delete", "remove"): delete.REMOVE,
    ("start", "start"): power.START,
    ("stop", "stop"): power.STOP,
    ("reboot_soft", "reboot"): reboot.SOFT,
    ("reboot_hard", "reboot"): reboot.HARD,
    ("resize", "prepare"): resize.PREPARE,
    ("resize", "depart"): resize.DEPART,
    ("resize", "arrive"): resize.ARRIVE,
    ("migrate", "prepare"): resize.PREPARE,
    ("migrate", "depart"): resize.DEPART,
    ("migrate", "arrive"): resize.ARRIVE,
    ("resize_confirm", "clean"): resize.CLEAN,
    ("resize_revert", "leave"): resize.LEAVE,
    ("resize_revert", "resume"): resize.RESUME,
}


def workflow_of(operation: Operation) -> Workflow:
    """Return the workflow of the leg that an operation is at; one that only fails when this release has none: a later
    one may have begun it."""
    if operation.workflow not in ACTIONS:
        return _refusing(operation.workflow)
    route, at = routes.current(operation)
    leg = route[at].leg
    found = WORKFLOWS.get((operation.workflow, leg))
    if found is None:
        return _refusing(f"{operation.workflow}_{leg}")
    return found if operation.direction == Direction.ON else taken_back(found)


def _refusing(name: str) -> Workflow:
    def refuse(job: Job) -> None:
        raise errors.NotSupported(reason=f"host {job.host} knows no {name}")

    return Workflow(steps=(Step(f"compute_{name}", refuse),))
