"""Starting and stopping a server."""

from novalike.compute.job import Job
from novalike.compute.workflow import Step, Workflow


def power_on(job: Job) -> None:
    """Start the guest; its interfaces are plugged anew if they are gone."""
    job.driver.plug(job.guest)
    job.driver.power_on(job.guest)


def power_off(job: Job) -> None:
    """Shut the guest down."""
    job.driver.power_off(job.guest, float(job.conf.shutdown_timeout))


START = Workflow(steps=(Step("compute_start", power_on),))
STOP = Workflow(steps=(Step("compute_stop", power_off),))
