"""``delete``, leg ``remove``: guest, disks, interfaces, ports, and at last its claim."""

from novalike.compute.workflow import Job, Step, Workflow


def remove_guest(job: Job) -> None:
    """Remove guest, disks and the host's side of the interfaces."""
    job.driver.remove_guest(job.guest)
    job.driver.remove_disks(job.guest)
    job.driver.unplug(job.guest)


def free_networks(job: Job) -> None:
    """Give the ports back."""
    job.networking.deallocate(job.ctx, job.spec)
    job.vifs = ()


def release_claim(job: Job) -> None:
    """Last, so that the host isn't given away before it is free."""
    job.placement.delete_allocations(job.uuid)


REMOVE = Workflow(
    steps=(
        Step("compute_remove_guest", remove_guest),
        Step("compute_free_networks", free_networks),
        Step("compute_release_claim", release_claim),
    ),
    persistent=True,
)
