"""What every hypervisor's driver must do.

Inherit from :class:`DriverConformance` in a ``Test…`` class and give it the fixtures. Out-of-tree drivers can do
the same.
"""

import random
import time
import uuid
from collections.abc import Callable

import msgspec
import os_resource_classes
import os_traits
import pytest

from novalike.objects.errors import ConsoleTypeUnavailable, ImageNotFound, Unavailable
from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.objects.server import ServerSpec
from novalike.virt.driver import (
    CachesImages,
    ConfigDrive,
    Driver,
    GuestFailed,
    GuestNotFound,
    HasVnc,
    ImageRejected,
    KeepsConsoleLog,
)
from novalike.virt.guest import Guest, Place
from novalike.virt.node_inventory import standard_inventories

MakeSpec = Callable[[], ServerSpec]
MakeGuest = Callable[..., Guest]
DRIVE = ConfigDrive(files={"openstack/latest/meta_data.json": b"{}"})


def with_image(guest: Guest, **changes: object) -> Guest:
    """The guest, made from an image that differs from its own in some fields."""
    assert guest.spec.image is not None
    image = msgspec.structs.replace(guest.spec.image, **changes)
    return msgspec.structs.replace(guest, spec=msgspec.structs.replace(guest.spec, image=image))


def destroy(driver: Driver, guest: Guest) -> None:
    """Remove the guest and all that it has but interfaces."""
    driver.remove_guest(guest)
    driver.remove_disks(guest)


class DriverConformance:
    """The tests. Fixtures to give: ``driver`` (started), ``restarted`` and ``make_spec``; ``make_vif`` if need be."""

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

    def test_the_hypervisor_answers(self, driver: Driver) -> None:
        assert driver.is_healthy()

    def test_a_started_driver_knows_its_hosts(self, driver: Driver, restarted: Callable[[], Driver]) -> None:
        assert driver.hosts()
        assert restarted().hosts() == driver.hosts()

    def test_there_is_a_report_of_every_host(self, driver: Driver) -> None:
        reports = driver.node_reports()
        assert {report.host for report in reports} == set(driver.hosts())
        for report in reports:
            uuid.UUID(report.uuid)
            assert report.vcpus > 0
            assert report.memory_mb > 0
            assert report.hypervisor_version > 0
            assert set(report.traits) <= set(os_traits.get_traits())
            assert "COMPUTE_NODE" in report.traits
            assert {"arch", "model", "vendor", "topology", "features"} <= set(report.cpu_info)

    def test_what_a_node_has_is_reported_by_resource_class(self, driver: Driver) -> None:
        for report in driver.node_reports():
            assert report.inventories
            for name, inventory in standard_inventories(report).items():
                assert report.inventories.get(name, inventory) == inventory, "the report contradicts itself"
            assert len({child.name for child in report.children}) == len(report.children)
            for part in (report, *report.children):
                classes = {name for name in part.inventories if not name.startswith("CUSTOM_")}
                assert classes <= set(os_resource_classes.STANDARDS)

    def test_a_node_keeps_its_identity(self, driver: Driver, restarted: Callable[[], Driver]) -> None:
        before = [(report.host, report.uuid) for report in driver.node_reports()]
        assert [(report.host, report.uuid) for report in restarted().node_reports()] == before

    def test_a_life(self, driver: Driver, host: str, guest: Guest) -> None:
        assert driver.prepare_disks(guest).startswith("/dev/")
        driver.plug(guest)
        driver.spawn(guest, DRIVE)
        found = driver.find_guest(guest)
        assert (found.instance_uuid, found.instance_name) == (guest.uuid, guest.name)
        flavor = guest.spec.server.flavor
        assert (found.memory_mb, found.vcpus) == (flavor.memory_mb, flavor.vcpus)
        assert found.power_state == PowerState.RUNNING
        assert guest.uuid in {info.instance_uuid for info in driver.guests(host)}
        driver.power_off(guest, 0)
        assert driver.find_guest(guest).power_state == PowerState.SHUTDOWN
        driver.power_on(guest)
        assert driver.find_guest(guest).power_state == PowerState.RUNNING
        driver.reboot(guest, hard=True)
        assert driver.find_guest(guest).power_state == PowerState.RUNNING
        destroy(driver, guest)
        driver.unplug(guest)
        assert guest.uuid not in {info.instance_uuid for info in driver.guests(host)}

    def test_every_step_can_be_done_again(self, driver: Driver, guest: Guest) -> None:
        assert driver.prepare_disks(guest) == driver.prepare_disks(guest)
        for _ in range(2):
            driver.plug(guest)
        for _ in range(2):
            driver.spawn(guest, DRIVE)
        for _ in range(2):
            driver.power_off(guest, 0)
        for _ in range(2):
            driver.power_on(guest)
        assert driver.find_guest(guest).power_state == PowerState.RUNNING
        for _ in range(2):
            destroy(driver, guest)
        for _ in range(2):
            driver.unplug(guest)

    def test_a_build_can_be_abandoned_at_any_step(self, driver: Driver, make_guest: MakeGuest) -> None:
        guest = make_guest()
        destroy(driver, guest)
        driver.prepare_disks(guest)
        destroy(driver, guest)
        driver.unplug(guest)
        with pytest.raises(GuestNotFound):
            driver.find_guest(guest)

    @pytest.mark.parametrize("again", ["power on", "hard reboot"])
    def test_a_guest_that_was_removed_is_defined_again_from_its_disks(
        self, driver: Driver, restarted: Callable[[], Driver], host: str, running: Guest, again: str
    ) -> None:
        for _ in range(2):
            driver.remove_guest(Guest(place=running.place, spec=ServerSpec(server=running.spec.server)))
            with pytest.raises(GuestNotFound):
                driver.find_guest(running)
        later = restarted()
        assert running.uuid not in {info.instance_uuid for info in later.guests(host)}
        assert running.uuid in later.residents(host)
        assert later.prepare_disks(running).startswith("/dev/")
        if again == "power on":
            later.power_on(running)
        else:
            later.reboot(running, hard=True)
        assert later.find_guest(running).power_state == PowerState.RUNNING

    def test_nothing_is_removed_from_under_a_guest(self, driver: Driver, running: Guest) -> None:
        with pytest.raises(GuestFailed):
            driver.remove_disks(running)
        assert driver.find_guest(running).power_state == PowerState.RUNNING
        driver.reboot(running, hard=True)
        driver.power_off(running, 0)
        with pytest.raises(GuestFailed):
            driver.remove_disks(running)
        driver.power_on(running)
        assert driver.find_guest(running).power_state == PowerState.RUNNING

    def test_without_its_disks_a_guest_is_gone_for_good(self, driver: Driver, running: Guest) -> None:
        driver.remove_guest(running)
        for _ in range(2):
            driver.remove_disks(Guest(place=running.place, spec=ServerSpec(server=running.spec.server)))
        for attempt in (driver.power_on, lambda guest: driver.reboot(guest, hard=True)):
            with pytest.raises(GuestNotFound):
                attempt(running)

    @pytest.mark.parametrize("unplugged_first", [False, True])
    def test_an_instance_is_resident_until_nothing_is_left_of_it(
        self, driver: Driver, host: str, make_guest: MakeGuest, make_vif: Callable[[], Vif], unplugged_first: bool
    ) -> None:
        before = driver.residents(host)
        guest = make_guest(make_vif())
        driver.prepare_disks(guest)
        driver.plug(guest)
        driver.spawn(guest, None)
        driver.remove_guest(guest)
        removals = [driver.remove_disks, driver.unplug]
        first, second = reversed(removals) if unplugged_first else removals
        first(guest)
        if unplugged_first:
            assert guest.uuid in driver.residents(host)
        assert driver.residents(host) - before <= {guest.uuid}
        second(guest)
        assert driver.residents(host) == before

    @pytest.mark.parametrize("steps", [0, 1, 2, 3])
    def test_what_an_interrupted_build_leaves_is_known_and_goes(
        self, driver: Driver, restarted, host: str, make_guest: MakeGuest, make_vif: Callable[[], Vif], steps: int
    ) -> None:
        """Its process died after so many steps, and its record has lost its interfaces."""
        before = driver.residents(host)
        guest = make_guest(make_vif(), make_vif())
        build: list[Callable[[], object]] = [
            lambda: driver.prepare_disks(guest),
            lambda: driver.plug(guest),
            lambda: driver.spawn(guest, DRIVE),
        ]
        for step in build[:steps]:
            step()
        later = restarted()
        assert later.residents(host) - before == ({guest.uuid} if steps else set())
        assert (guest.uuid in {info.instance_uuid for info in later.guests(host)}) == (steps == 3)
        bare = Guest(place=guest.place, spec=ServerSpec(server=guest.spec.server))
        for _ in range(2):
            destroy(later, bare)
            later.unplug(bare)
            assert later.residents(host) == before
        with pytest.raises(GuestNotFound):
            later.find_guest(guest)

    def test_what_an_interrupted_removal_leaves_is_known_and_goes(
        self, driver: Driver, restarted, host: str, make_guest: MakeGuest, make_vif: Callable[[], Vif]
    ) -> None:
        before = driver.residents(host)
        guest = make_guest(make_vif())
        driver.plug(guest)
        destroy(driver, guest)
        later = restarted()
        plugged = later.residents(host) - before  # not every kind of interface is anything before there is a guest
        assert plugged <= {guest.uuid}
        later.unplug(guest)
        assert later.residents(host) == before

    def test_a_guest_is_resident(self, driver: Driver, host: str, running: Guest) -> None:
        assert {info.instance_uuid for info in driver.guests(host)} <= driver.residents(host)
        driver.power_off(running, 0)
        assert running.uuid in driver.residents(host)

    def test_an_interrupted_build_can_be_finished(
        self, driver: Driver, restarted, guest: Guest, make_vif: Callable[[], Vif]
    ) -> None:
        guest = msgspec.structs.replace(guest, vifs=(make_vif(),))
        driver.prepare_disks(guest)
        driver.plug(guest)
        later = restarted()
        later.prepare_disks(guest)
        later.plug(guest)
        later.spawn(guest, DRIVE)
        assert later.find_guest(guest).power_state == PowerState.RUNNING
        destroy(later, guest)
        later.unplug(guest)

    def test_a_guest_needs_its_disks(self, driver: Driver, guest: Guest) -> None:
        with pytest.raises(GuestFailed):
            driver.spawn(guest, None)
        with pytest.raises(GuestNotFound):
            driver.find_guest(guest)

    def test_an_image_that_is_gone(self, driver: Driver, guest: Guest) -> None:
        gone = with_image(guest, id=str(uuid.uuid4()))
        with pytest.raises(ImageNotFound):
            driver.prepare_disks(gone)

    def test_an_image_that_is_another(self, driver: Driver, guest: Guest) -> None:
        assert guest.spec.image is not None
        wrong = with_image(guest, os_hash_algo="sha512", os_hash_value="0" * 128)
        with pytest.raises(ImageRejected, match=guest.spec.image.id):
            driver.prepare_disks(wrong)
        assert driver.prepare_disks(guest)  # and the right one is fetched once more

    def test_glance_is_away(self, driver: Driver, guest: Guest, monkeypatch) -> None:
        def broken(image_id: str):
            yield b"the beginning"
            raise Unavailable(reason="it broke")

        monkeypatch.setattr(driver.images, "chunks", broken)
        with pytest.raises(Unavailable):
            driver.prepare_disks(guest)
        monkeypatch.undo()
        assert driver.prepare_disks(guest)

    def test_a_guest_outlives_the_daemon(self, running: Guest, restarted) -> None:
        assert restarted().find_guest(running).power_state == PowerState.RUNNING

    def test_a_hard_reboot_starts_a_stopped_guest(self, driver: Driver, running: Guest) -> None:
        driver.power_off(running, 0)
        driver.reboot(running, hard=True)
        assert driver.find_guest(running).power_state == PowerState.RUNNING

    def test_a_soft_reboot_ends_in_a_running_guest(self, driver: Driver, running: Guest) -> None:
        driver.reboot(running, hard=False)
        assert driver.find_guest(running).power_state == PowerState.RUNNING

    def test_there_is_no_guest(self, driver: Driver, make_guest: MakeGuest) -> None:
        guest = make_guest()
        attempts: list[Callable[[], object]] = [
            lambda: driver.find_guest(guest),
            lambda: driver.power_off(guest, 0),
            lambda: driver.power_on(guest),
            lambda: driver.reboot(guest, hard=False),
            lambda: driver.reboot(guest, hard=True),
        ]
        if isinstance(driver, KeepsConsoleLog):
            attempts.append(lambda: driver.console_output(guest.ref))
        if isinstance(driver, HasVnc):
            attempts.append(lambda: driver.vnc_console(guest.ref))
        for attempt in attempts:
            with pytest.raises(GuestNotFound):
                attempt()

    @pytest.mark.parametrize("vif_type", ["binding_failed", "unbound"])
    def test_a_port_that_was_not_bound(self, driver: Driver, guest: Guest, vif_type: str) -> None:
        vif = Vif(
            port_id=str(uuid.uuid4()),
            network_id=str(uuid.uuid4()),
            network_name="n",
            mac="fa:16:3e:00:00:01",
            vif_type=vif_type,
        )
        with pytest.raises(GuestFailed, match=vif.port_id):
            driver.plug(msgspec.structs.replace(guest, vifs=(vif,)))

    def test_what_a_guest_does_by_itself_is_told(self, driver: Driver, running: Guest) -> None:
        told: list[tuple[str, int]] = []
        driver.on_power_change(lambda instance, state: told.append((instance, state)))
        self.stop_from_outside(driver, running)
        wanted = (running.uuid, PowerState.SHUTDOWN)
        for _ in range(100):
            if wanted in told:
                return
            time.sleep(0.05)
        pytest.fail(f"not told of it, only of {told}")

    def test_the_console_log_can_be_read(self, driver: Driver, running: Guest) -> None:
        if not isinstance(driver, KeepsConsoleLog):
            pytest.skip("keeps no console log")
        text = driver.console_output(running.ref)
        assert isinstance(text, bytes)

    def test_the_screen_can_be_reached(self, driver: Driver, running: Guest) -> None:
        if not isinstance(driver, HasVnc):
            pytest.skip("has no VNC")
        try:
            location = driver.vnc_console(running.ref)
        except ConsoleTypeUnavailable:
            pytest.skip("guests were made without")
        assert location.host
        assert 0 < location.port < 65536

    def test_images_in_use_are_kept(self, driver: Driver, restarted: Callable[[], Driver], guest: Guest) -> None:
        """By disks of a build under way, by a guest that runs, and by one that doesn't; also by who comes later."""
        if not isinstance(driver, CachesImages):
            pytest.skip("caches no images")
        driver.prepare_disks(guest)
        assert driver.prune_image_cache(0.0) == ()
        driver.plug(guest)
        driver.spawn(guest, None)
        assert driver.prune_image_cache(0.0) == ()
        driver.power_off(guest, 0)
        assert driver.prune_image_cache(0.0) == ()
        later = restarted()
        assert isinstance(later, CachesImages)
        assert later.prune_image_cache(0.0) == ()
        driver.remove_guest(guest)
        assert driver.prune_image_cache(0.0) == ()
        driver.remove_disks(guest)
        assert driver.prune_image_cache(None) == ()
        assert driver.prune_image_cache(3600.0) == ()
        assert len(driver.prune_image_cache(0.0)) == 1
        assert driver.prune_image_cache(0.0) == ()
        driver.prepare_disks(guest)  # fetches it again

    def test_servers_do_not_mix(self, driver: Driver, running: Guest, make_guest: MakeGuest) -> None:
        other = make_guest()
        driver.prepare_disks(other)
        driver.spawn(other, None)
        destroy(driver, other)
        assert driver.find_guest(running).power_state == PowerState.RUNNING
