"""What not every hypervisor can do: a Protocol for each ability, and the table of them.

A driver has an ability when it has the methods of the Protocol. Who needs one asks with ``isinstance``; Placement, and
so the scheduler, hears of it by the traits in the table, which drivers report through :func:`capability_traits`. A new
ability begins with its row here; the conformance suite wants tests for each.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from novalike.virt.driver import ConsoleLocation, Driver
from novalike.virt.guest import Guest, GuestRef


@runtime_checkable
class KeepsConsoleLog(Protocol):
    """The hypervisor keeps what a guest writes to its serial console."""

    def console_output(self, guest: GuestRef) -> bytes:
        """Return all of the log that is kept.

        :raises GuestNotFound: there is no guest.
        """


@runtime_checkable
class HasVnc(Protocol):
    """Guests have a VNC console."""

    def vnc_console(self, guest: GuestRef) -> ConsoleLocation:
        """Return where it listens.

        :raises GuestNotFound: there is no guest.
        :raises ConsoleTypeUnavailable: the guest was made without.
        """


@runtime_checkable
class CachesImages(Protocol):
    """Base images are kept on the host and can be thrown away when nothing uses them."""

    def prune_image_cache(self, min_age: float | None) -> tuple[str, ...]:
        """Remove what interrupted downloads left, and cached images that no disk uses and that were last used
        ``min_age`` seconds ago or earlier.

        What is in use is seen from the disks, not from records of servers: those of stopped guests and of builds under
        way count, and those of other hosts that share the cache. A build that begins at the same time, here or there,
        keeps its image or fetches it again.

        :param min_age: None keeps all images.
        :returns: names of what was removed.
        :raises GuestFailed: the cache can't be read, or it can't be told what is in use; then no image is removed.
        """


@runtime_checkable
class MovesGuests(Protocol):
    """Guests that are off can be moved to other hosts, and be given another flavor.

    What the source has of a guest is *set aside* meanwhile: the hypervisor doesn't know it any more, and its disks and
    other files are kept where no other method finds them. A host on which a guest is resized has both for a while:
    what it has set aside, and a new guest with disks of its own. ``residents`` names what is only set aside as well.
    """

    def prepare_move(self, guest: Guest) -> None:
        """Make sure that this host can have a guest which is still elsewhere, and fetch what its disks are laid over.

        Nothing is made that belongs to the guest.

        :param guest: with the flavor that it is to get.
        :raises GuestFailed: this host can't have it.
        :raises ImageRejected, Unavailable: as ``prepare_disks``.
        """

    def set_aside(self, guest: Guest) -> str:
        """Have the hypervisor forget a guest that is off, and set its disks and other files aside.

        Interfaces stay as they are. Nothing happens when that was done before.

        :returns: what :meth:`fetch_disks` of another host needs to get the files: where this hypervisor is reached.
        :raises GuestNotFound: nothing of it is here, and nothing is set aside.
        :raises GuestFailed: the guest runs.
        """

    def fetch_disks(self, guest: Guest, source: str | None, progress: Callable[[int], None]) -> str:
        """Make a guest's disks from what its source has set aside, and bring its other files along.

        They grow to the size of the guest's flavor, which is never smaller; swap and ephemeral disks follow it as well.
        What is there afterwards is complete; what an interrupted call has left is made anew.

        :param guest: with the flavor that it gets.
        :param source: what the source's :meth:`set_aside` has returned; None: this host is the source.
        :param progress: called with the percent that has been copied, now and then.
        :returns: the device name of the root disk.
        :raises GuestFailed: no space, or nothing of the guest is set aside there.
        :raises Unavailable: the source can't be reached.
        """

    def define(self, guest: Guest) -> None:
        """Have the hypervisor know a guest whose disks are there and whose interfaces are plugged, without starting it.

        Nothing happens when it knows it.

        :raises GuestFailed: something that it needs isn't there.
        """

    def take_back(self, guest: Guest) -> None:
        """Put back what was set aside, so that the guest can be defined or started again.

        Nothing happens when nothing is set aside.

        :raises OtherDisks: the host has disks of it in use, which must be removed before.
        :raises GuestFailed: it can't be put back.
        """

    def discard_aside(self, guest: Guest) -> None:
        """Remove what was set aside, as far as it is there, and nothing else. Of the spec only the uuid is needed.

        :raises GuestFailed: something can't be removed.
        """

    def aside(self, host: str) -> frozenset[str]:
        """Return the uuids of the instances of which something is set aside on a host. It should cost no more than a
        listing.

        :raises GuestFailed: it can't be listed.
        """


class Ability(NamedTuple):
    """A row of the table.

    :param protocol: what a driver with the ability implements.
    :param traits: os-traits names that nodes with it have.
    """

    protocol: type[Any]
    traits: tuple[str, ...] = ()


ABILITIES = (
    Ability(KeepsConsoleLog),
    Ability(HasVnc, ("COMPUTE_GRAPHICS_MODEL_VGA",)),
    Ability(CachesImages),
    Ability(MovesGuests),
)


def capability_traits(driver: Driver) -> tuple[str, ...]:
    """Return the os-traits names that follow from a driver's abilities."""
    return tuple(trait for ability in ABILITIES if isinstance(driver, ability.protocol) for trait in ability.traits)
