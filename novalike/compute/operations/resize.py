"""Resize and cold migration on the hosts: ``prepare`` and ``arrive`` on the destination, ``depart`` on the source; then
``clean`` on the source, when a move is confirmed, or ``leave`` on the destination and ``resume`` on the source, when it
is reverted.

The source sets the guest aside, the destination fetches its disks from there. Until the move is confirmed the source
can go back to what it has set aside.
"""

import contextlib

import msgspec

from novalike.compute.job import Job
from novalike.compute.workflow import Step, Workflow
from novalike.objects import errors
from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operations.resize import MoveParams, SetAside, SettleMoveParams
from novalike.virt.abilities import MovesGuests
from novalike.virt.driver import GuestNotFound


def mover(job: Job) -> MovesGuests:
    """Return the driver of a host that can move guests.

    :raises NotSupported: it can't.
    """
    if not isinstance(job.driver, MovesGuests):
        raise errors.NotSupported(reason=f"the hypervisor of host {job.host} can't move servers")
    return job.driver


def _move(job: Job) -> MoveParams:
    return msgspec.convert(job.operation.params, MoveParams)


def prepare(job: Job) -> None:
    """Make sure that the guest can be had here."""
    server = msgspec.structs.replace(job.spec.server, flavor=_move(job).new_flavor)
    spec = msgspec.structs.replace(job.spec, server=server)
    mover(job).prepare_move(msgspec.structs.replace(job.guest, spec=spec))


def judge_prepare(error: Exception) -> tuple[int, bool]:
    """Another host may help."""
    return 500, not isinstance(error, errors.BuildAborted)


def stop(job: Job) -> None:
    """Shut the guest down, unless it is set aside already."""
    mover(job)
    with contextlib.suppress(GuestNotFound):
        job.driver.power_off(job.guest, float(job.conf.shutdown_timeout))


def unplug(job: Job) -> None:
    """Remove the host's side of the interfaces."""
    job.driver.unplug(job.guest)


def set_aside(job: Job) -> None:
    """Set the guest aside, and say where its disks are."""
    found = SetAside(source=mover(job).set_aside(job.guest))
    job.found = msgspec.to_builtins(found)


def bring_back(job: Job) -> None:
    """Make the guest again what it was before the move."""
    if not isinstance(job.driver, MovesGuests):
        return  # the leg has failed for that, and nothing was done
    job.driver.take_back(job.guest)
    bind_networks(job)
    start(job, job.spec.server.vm_state)


def fetch_disks(job: Job) -> None:
    """Copy the disks from the source, in the size of the new flavor."""
    left = msgspec.convert((job.operation.found or {})["depart"], SetAside)
    source = None if _move(job).source_host == job.host else left.source
    job.root_device_name = mover(job).fetch_disks(job.guest, source, job.tell_percent)


def bind_networks(job: Job) -> None:
    """Bind the ports to this host."""
    job.vifs = job.networking.bind(job.spec, job.host, epoch=job.operation.epoch)


def remove_guest(job: Job) -> None:
    """Remove the guest that was made here, its disks and the host's side of its interfaces; nothing that is set aside.
    """
    job.driver.remove_guest(job.guest)
    job.driver.remove_disks(job.guest)
    job.driver.unplug(job.guest)


def start(job: Job, vm_state: str) -> None:
    """Plug the interfaces, and start the guest of a server that is to be active; the hypervisor knows any other."""
    with job.networking.expect_plugged(job.uuid, job.vifs) as expected:
        job.driver.plug(job.guest)
        if vm_state == VmState.ACTIVE:
            job.driver.power_on(job.guest)
            job.networking.wait_plugged(job.ctx, expected)
        else:
            mover(job).define(job.guest)


def start_as_before(job: Job) -> None:
    """Start the guest, if it ran before the move."""
    start(job, job.spec.server.vm_state)


def discard(job: Job) -> None:
    """Remove what is set aside."""
    mover(job).discard_aside(job.guest)


def take_back(job: Job) -> None:
    """Put back what was set aside."""
    mover(job).take_back(job.guest)


def start_as_before_the_move(job: Job) -> None:
    """Start the guest, if it ran when it was moved."""
    start(job, msgspec.convert(job.operation.params, SettleMoveParams).move.old_vm_state)


PREPARE = Workflow(steps=(Step("compute_prepare_move", prepare),), judge=judge_prepare)
DEPART = Workflow(
    steps=(
        # Whatever of it was done is taken back at once.
        Step("compute_power_off", stop, bring_back, TaskState.RESIZE_MIGRATING),
        Step("compute_unplug", unplug),
        Step("compute_set_aside", set_aside),
    ),
)
ARRIVE = Workflow(
    steps=(
        Step("compute_fetch_disks", fetch_disks, remove_guest),
        Step("compute_bind_networks", bind_networks),
        Step("compute_start", start_as_before),
    ),
)
CLEAN = Workflow(steps=(Step("compute_discard_aside", discard),), persistent=True)
LEAVE = Workflow(steps=(Step("compute_remove_guest", remove_guest),), persistent=True)
RESUME = Workflow(
    steps=(
        Step("compute_take_back", take_back),
        Step("compute_bind_networks", bind_networks),
        Step("compute_start", start_as_before_the_move),
    ),
    persistent=True,
)
