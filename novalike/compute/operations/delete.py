"""``delete``: leg ``clean`` on hosts that a server was moved from or to, leg ``remove`` on its own: guest, disks,
interfaces, ports, and at last its claims."""

import msgspec

from novalike.compute.job import Job
from novalike.compute.workflow import Step, Workflow
from novalike.objects.operations.delete import DeleteParams
from novalike.virt.abilities import MovesGuests


def remove_guest(job: Job) -> None:
    """Remove guest, disks, also such as are set aside, and the host's side of the interfaces."""
    job.driver.remove_guest(job.guest)
    job.driver.remove_disks(job.guest)
    if isinstance(job.driver, MovesGuests):
        job.driver.discard_aside(job.guest)
    job.driver.unplug(job.guest)


def free_networks(job: Job) -> None:
    """Give the ports back."""
    job.networking.deallocate(job.ctx, job.spec)
    job.vifs = ()


def release_claims(job: Job) -> None:
    """Last, so that the host isn't given away before it is free."""
    for consumer in (*msgspec.convert(job.operation.params, DeleteParams).migrations, job.uuid):
        job.placement.delete_allocations(consumer)


CLEAN = Workflow(steps=(Step("compute_remove_guest", remove_guest),), persistent=True)
REMOVE = Workflow(
    steps=(
        Step("compute_remove_guest", remove_guest),
        Step("compute_free_networks", free_networks),
        Step("compute_release_claim", release_claims),
    ),
    persistent=True,
)
