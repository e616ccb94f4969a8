"""The workflows, by the row of the state table (``objects.lifecycle``) that they carry out."""

from collections.abc import Mapping

from novalike.compute.workflow import Job, Step, Workflow
from novalike.compute.workflows import build, delete, power, reboot
from novalike.objects import errors

WORKFLOWS: Mapping[str, Workflow] = {
    "create": build.WORKFLOW,
    "delete": delete.WORKFLOW,
    "start": power.START,
    "stop": power.STOP,
    "reboot_soft": reboot.SOFT,
    "reboot_hard": reboot.HARD,
}


def workflow_named(name: str) -> Workflow:
    """The workflow of a row; one that only fails when this release has none: a later one may have begun it."""
    return WORKFLOWS.get(name) or Workflow(steps=(Step(f"compute_{name}", _refuse),))


def _refuse(job: Job) -> None:
    raise errors.NotSupported(reason=f"host {job.host} knows no {job.operation.workflow}")
