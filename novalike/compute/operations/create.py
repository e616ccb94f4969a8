"""``create``, leg ``build``: a server's ports, its disks, its guest.

The host has been claimed in Placement by the scheduler. When a step fails everything on the host is given back, and
the conductor gives up the claim and tries another host if that may help. The claim is not given up here: who dies
before he has said that the build failed begins again, and then needs it.
"""

from novalike.compute import config_drive
from novalike.compute.job import Job
from novalike.compute.workflow import Step, Workflow
from novalike.objects import errors
from novalike.objects.lifecycle import TaskState


def allocate_networks(job: Job) -> None:
    """Make or adopt the ports, bound to this host."""
    untouched, job.untouched = job.untouched, False
    job.vifs = job.networking.allocate(
        job.ctx, job.spec, job.host, epoch=job.operation.epoch, untouched=untouched
    )


def free_networks(job: Job) -> None:
    """Give the ports back: nothing of the server is on the host any more."""
    job.networking.deallocate(job.ctx, job.spec)
    job.vifs = ()


def prepare_disks(job: Job) -> None:
    """Fetch and verify the image, make the disks."""
    job.root_device_name = job.driver.prepare_disks(job.guest)


def spawn(job: Job) -> None:
    """Plug the interfaces, start the guest, wait until Neutron says that the interfaces work."""
    drive = config_drive.build(job.conf, job.spec, job.vifs)
    with job.networking.expect_plugged(job.uuid, job.vifs) as expected:
        job.driver.plug(job.guest)
        job.driver.spawn(job.guest, drive)
        job.networking.wait_plugged(job.ctx, expected)


def remove_guest(job: Job) -> None:
    """Remove guest, disks and the host's side of the interfaces."""
    job.driver.remove_guest(job.guest)
    job.driver.remove_disks(job.guest)
    job.driver.unplug(job.guest)


def judge(error: Exception) -> tuple[int, bool]:
    """Another host may help, unless the request itself is what is wrong."""
    hopeless = (errors.BuildAborted, errors.Invalid, errors.Forbidden, errors.Conflict, errors.NotFound)
    return 500, not isinstance(error, hopeless)


BUILD = Workflow(
    steps=(
        Step("compute_allocate_networks", allocate_networks, free_networks, TaskState.NETWORKING),
        # One state for both: each report costs the conductor a transaction, and only volumes are mapped.
        Step("compute_prepare_disks", prepare_disks, remove_guest, TaskState.SPAWNING),
        Step("compute_spawn", spawn),
    ),
    judge=judge,
)
