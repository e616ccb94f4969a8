"""The contract between the compute daemon and a hypervisor.

A driver implements :class:`Driver`, and as many of the optional :mod:`abilities <novalike.virt.abilities>` as its
hypervisor has.

What is done to a server takes a :class:`~novalike.virt.guest.Guest`; what is asked of a host takes its name.

Every method may be called again after it was interrupted anywhere, by another process: it looks at what is
there before it makes or removes anything. Nothing half-made is ever taken for whole.

Whatever waits inside a driver for longer than a moment (a download, a guest that is to shut down) listens to
:mod:`novalike.virt.cancellation`, and lets ``Cancelled`` through: a newer operation wants the server.

Drivers raise the errors listed here and nothing else on purpose. Every method that looks at a host or changes
something on it also raises ``Unavailable`` when the hypervisor can't be reached: what it was about to do may
or may not have been done.
"""

import abc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from oslo_config import cfg

from novalike.objects import errors
from novalike.objects.host import NodeReport
from novalike.objects.record import Record
from novalike.virt.guest import Guest


class GuestNotFound(errors.NotFound):
    template = "The hypervisor has no guest for instance {instance_id}"


class GuestFailed(errors.NovalikeError):
    """The hypervisor refused or failed; another host might not."""

    template = "{reason}"


class OtherDisks(GuestFailed):
    """A host has disks of a guest in use, besides those that it has set aside."""

    template = "This host has other disks of instance {instance_id} besides, which are in use"


class ImageRejected(errors.BuildAborted):
    """The image is not what it says it is, or is dangerous. No other host would take it."""

    template = "Image {image_id} is unacceptable: {reason}"


class GuestInfo(Record, frozen=True):
    """A guest as the hypervisor sees it. ``power_state`` in Nova's numbers (``lifecycle.PowerState``)."""

    instance_uuid: str
    instance_name: str
    power_state: int
    memory_mb: int = 0
    vcpus: int = 0


class ConsoleLocation(Record, frozen=True):
    """Where a console listens, as seen from the proxies."""

    host: str
    port: int


class ConfigDrive(Record, frozen=True):
    """The files of a config drive: path → content."""

    files: dict[str, bytes]


class ImageSource(Protocol):
    """Where a driver gets an image's bytes from (the compute daemon gives it Glance)."""

    def chunks(self, image_id: str) -> Iterator[bytes]:
        """The image's data, in pieces.

        :raises ImageNotFound: it is gone.
        :raises Unavailable: Glance can't be reached, or the stream broke.
        """


PowerListener = Callable[[str, int], None]


class Driver(abc.ABC):
    """What every hypervisor can do.

    :param conf: the configuration.
    :param images: where images come from.
    """

    def __init__(self, conf: cfg.ConfigOpts, images: ImageSource) -> None:
        self.conf = conf
        self.images = images

    @abc.abstractmethod
    def start(self) -> None:
        """Connect to the hypervisor and check that it can be used.

        :raises SystemExit: it never will be, with a sentence that says what to change.
        :raises Unavailable: it isn't there now.
        """

    @abc.abstractmethod
    def stop(self) -> None:
        """Let go of the hypervisor; guests keep running. Also called when :meth:`start` has never succeeded."""

    @abc.abstractmethod
    def is_healthy(self) -> bool:
        """Whether the hypervisor answers now."""

    @abc.abstractmethod
    def hosts(self) -> tuple[str, ...]:
        """Return the names of the hosts that this process stands for.

        They need not be known before :meth:`start` has succeeded, and may change while the process runs: who goes over
        them again and again asks anew each time. The answer comes from memory.
        """

    @abc.abstractmethod
    def node_reports(self) -> tuple[NodeReport, ...]:
        """Return what the hosts have and are, one report per node.

        :func:`novalike.virt.node_inventory.complete` adds to a report what the operator has configured.

        :raises Unavailable: the hypervisor can't be reached.
        """

    @abc.abstractmethod
    def guests(self, host: str) -> tuple[GuestInfo, ...]:
        """Return all guests on a host that are ours to know about; none when it isn't this process's host any more."""

    @abc.abstractmethod
    def residents(self, host: str) -> frozenset[str]:
        """The uuids of all instances of which anything is on a host: a guest, disks or other files, plugged interfaces.

        Also what an interrupted build or removal has left. What belongs to another host that shares a hypervisor,
        a switch or a file system with this one isn't named. :meth:`remove_guest`, :meth:`remove_disks` and
        :meth:`unplug` remove all of it.
        Asked every minute or so: it should cost no more than a few listings.

        :raises GuestFailed: something can't be listed.
        """

    @abc.abstractmethod
    def find_guest(self, guest: Guest) -> GuestInfo:
        """Return what the hypervisor says of a guest.

        :raises GuestNotFound: there is none.
        """

    @abc.abstractmethod
    def prepare_disks(self, guest: Guest) -> str:
        """Fetch the image if it isn't cached, verify it and make the guest's disks.

        :returns: the device name of the root disk.
        :raises ImageRejected: checksum, format, backing file, size.
        :raises GuestFailed: no space, no template.
        :raises ImageNotFound: the image is gone.
        :raises Unavailable: it can't be fetched now.
        """

    @abc.abstractmethod
    def plug(self, guest: Guest) -> None:
        """Make the host's side of the guest's interfaces, of each one that isn't there.

        :raises GuestFailed: one can't be plugged.
        """

    @abc.abstractmethod
    def unplug(self, guest: Guest) -> None:
        """Remove the host's side of all interfaces of an instance, as far as they are there.

        All that are plugged for it go, also those that the guest does not name: its record may have lost them already.
        Of the spec only the uuid is needed.

        :raises GuestFailed: one can't be removed.
        """

    @abc.abstractmethod
    def spawn(self, guest: Guest, config_drive: ConfigDrive | None) -> None:
        """Define the guest and start it, unless it runs already. Disks are there, interfaces plugged.

        :raises GuestFailed: it doesn't start, or something that it needs isn't there.
        """

    @abc.abstractmethod
    def remove_guest(self, guest: Guest) -> None:
        """Stop the guest the hard way and have the hypervisor forget it, as far as it is there.

        Its disks and its other files stay: :meth:`power_on` and a hard reboot define it again from them. Interfaces
        stay plugged. Of the spec only the uuid is needed.

        :raises GuestFailed: it can't be stopped or forgotten.
        """

    @abc.abstractmethod
    def remove_disks(self, guest: Guest) -> None:
        """Remove the disks of an instance and its other files from this host, as far as they are there.

        Nothing is taken from under a guest: while the hypervisor knows it, running or not, this fails and removes
        nothing. What belongs to another host that shares the file system stays, and interfaces stay plugged. Of the
        spec only the uuid is needed.

        :raises GuestFailed: there still is a guest, or something can't be removed.
        """

    @abc.abstractmethod
    def power_on(self, guest: Guest) -> None:
        """Start a stopped guest; a running one is left alone. Interfaces that are gone are plugged again.

        :raises GuestNotFound: there is none and it can't be defined again.
        :raises GuestFailed: it doesn't start.
        """

    @abc.abstractmethod
    def power_off(self, guest: Guest, timeout: float) -> None:
        """Ask the guest to shut down and, ``timeout`` seconds later (0: at once), switch it off.

        :raises GuestNotFound: there is none.
        """

    @abc.abstractmethod
    def reboot(self, guest: Guest, *, hard: bool) -> None:
        """Restart the guest. A soft reboot that the guest does not follow becomes a hard one, which plugs interfaces
        that are gone.

        :raises GuestNotFound: there is none (soft); a hard reboot defines the guest again from its disks.
        :raises GuestFailed: it doesn't start.
        """

    @abc.abstractmethod
    def on_power_change(self, listener: PowerListener) -> None:
        """Call ``listener(instance uuid, power state)`` when a guest starts or stops by itself."""


def instance_directory(conf: cfg.ConfigOpts, uuid: str) -> Path:
    """Where a guest's files are."""
    return Path(conf.state_path) / "instances" / uuid
