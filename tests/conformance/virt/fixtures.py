"""What tests of drivers need: what a driver's own tests give, and what is made of it."""

import random
import uuid
from collections.abc import Callable

import pytest

from novalike.objects.network import Vif
from novalike.objects.server import ServerSpec
from novalike.virt.driver import ConfigDrive, Driver
from novalike.virt.guest import Guest, Place

MakeSpec = Callable[[], ServerSpec]
MakeGuest = Callable[..., Guest]
DRIVE = ConfigDrive(files={"openstack/latest/meta_data.json": b"{}"})


def needs(protocol: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have a test run only on drivers with an ability."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        test.ability = protocol  # type: ignore[attr-defined]
        return test

    return mark


def destroy(driver: Driver, guest: Guest) -> None:
    """Remove the guest and all that it has but interfaces."""
    driver.remove_guest(guest)
    driver.remove_disks(guest)


def bare(guest: Guest) -> Guest:
    """A guest of which nothing is known but its server's record, and that without interfaces."""
    return Guest(place=guest.place, spec=ServerSpec(server=guest.spec.server))


class DriverFixtures:
    """``driver`` (started), ``restarted`` and ``make_spec`` are to be given, ``make_vif`` if need be; for a driver that
    moves guests also ``elsewhere`` and :meth:`content`.
    """

    @pytest.fixture(autouse=True)
    def _skip_what_the_hypervisor_does_not_have(self, request: pytest.FixtureRequest, driver: Driver) -> None:
        protocol = getattr(request.function, "ability", None)
        if protocol is not None and not isinstance(driver, protocol):
            pytest.skip(f"not {protocol.__name__}")

    @pytest.fixture
    def driver(self) -> Driver:
        raise NotImplementedError

    @pytest.fixture
    def restarted(self, driver: Driver) -> Callable[[], Driver]:
        """Gives another driver, started over what ``driver`` has left: as after a restart of the daemon."""
        raise NotImplementedError

    @pytest.fixture
    def make_spec(self, driver: Driver) -> MakeSpec:
        """Gives a server, another one each time, whose image the driver can get."""
        raise NotImplementedError

    @pytest.fixture
    def make_vif(self) -> Callable[[], Vif]:
        """Gives an interface that the driver can plug on this host, another one each time.

        This one, whose tap the hypervisor makes, has no side on the host before there is a guest.
        """
        return lambda: Vif(
            port_id=str(uuid.uuid4()),
            network_id=str(uuid.uuid4()),
            network_name="private",
            mac=f"fa:16:3e:{random.randrange(256):02x}:{random.randrange(256):02x}:{random.randrange(256):02x}",
            vif_type="tap",
        )

    @pytest.fixture
    def elsewhere(self, driver: Driver) -> Driver:
        """Another host's driver, in another process as far as possible, to which guests can be moved."""
        raise NotImplementedError

    def write(self, driver: Driver, guest: Guest) -> None:
        """Write something to the root disk of a guest that is off, so that it is like no other, if that is needed."""

    def content(self, driver: Driver, guest: Guest) -> object:
        """Return what is on a guest's root disk, or something that is the same if that is the same."""
        raise NotImplementedError

    def has_config_drive(self, driver: Driver, guest: Guest) -> bool:
        """Return whether a guest has a config drive."""
        raise NotImplementedError

    # Whether a driver can tell that nothing is set aside on another driver's host.
    sees_other_hosts = True

    def stop_from_outside(self, driver: Driver, guest: Guest) -> None:
        """Make a guest stop without the driver's doing."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, driver: Driver) -> Place:
        report = driver.node_reports()[0]
        return Place(host=report.host, node=report.hypervisor_hostname)

    @pytest.fixture
    def host(self, place: Place) -> str:
        return place.host

    @pytest.fixture
    def make_guest(self, place: Place, make_spec: MakeSpec) -> MakeGuest:
        """Gives another server each time, to be had here, with the interfaces that it is given."""
        return lambda *vifs: Guest(place=place, spec=make_spec(), vifs=vifs)

    @pytest.fixture
    def guest(self, driver: Driver, make_guest: MakeGuest):
        a_guest = make_guest()
        yield a_guest
        destroy(driver, a_guest)

    @pytest.fixture
    def running(self, driver: Driver, guest: Guest) -> Guest:
        driver.prepare_disks(guest)
        driver.plug(guest)
        driver.spawn(guest, None)
        return guest
