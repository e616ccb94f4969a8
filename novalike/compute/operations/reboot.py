"""Rebooting a server."""

from novalike.compute.job import Job
from novalike.compute.workflow import Step, Workflow
from novalike.objects.lifecycle import TaskState, VmState


def check(job: Job) -> None:
    """The guest's interfaces are plugged."""
    job.driver.plug(job.guest)


def restore_networks(job: Job) -> None:
    """The guest's interfaces are plugged, and bound to this host: a move that has failed may have left them elsewhere.
    """
    if job.spec.server.vm_state == VmState.ERROR:
        job.vifs = job.networking.bind(job.spec, job.host, epoch=job.operation.epoch)
    job.driver.plug(job.guest)


def soft(job: Job) -> None:
    """Ask the guest; one that does not follow is rebooted the hard way by the driver."""
    job.driver.reboot(job.guest, hard=False)


def hard(job: Job) -> None:
    """Pull the plug, put it back."""
    job.driver.reboot(job.guest, hard=True)


SOFT = Workflow(
    steps=(Step("compute_plug", check), Step("compute_reboot", soft, None, TaskState.REBOOT_STARTED)),
)
HARD = Workflow(
    steps=(
        Step("compute_plug", restore_networks),
        Step("compute_reboot", hard, None, TaskState.REBOOT_STARTED_HARD),
    ),
)
