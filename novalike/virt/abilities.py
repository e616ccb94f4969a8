"""What not every hypervisor can do: a Protocol for each ability, and the table of them.

A driver has an ability when it has the methods of the Protocol. Who needs one asks with ``isinstance``; Placement, and
so the scheduler, hears of it by the traits in the table, which drivers report through :func:`capability_traits`. A new
ability begins with its row here; the conformance suite wants tests for each.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from novalike.virt.driver import ConsoleLocation, Driver
from novalike.virt.guest import GuestRef


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
)


def capability_traits(driver: Driver) -> tuple[str, ...]:
    """Return the os-traits names that follow from a driver's abilities."""
    return tuple(trait for ability in ABILITIES if isinstance(driver, ability.protocol) for trait in ability.traits)
