"""The lives of guests: made, stopped, started, found again."""

import time
import uuid
from collections.abc import Callable

import msgspec
import pytest

from novalike.objects.errors import ImageNotFound, Unavailable
from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.driver import Driver, GuestFailed, GuestNotFound, ImageRejected
from novalike.virt.guest import Guest
from tests.conformance.virt.fixtures import DRIVE, DriverFixtures, MakeGuest, destroy


def with_image(guest: Guest, **changes: object) -> Guest:
    """The guest, made from an image that differs from its own in some fields."""
    assert guest.spec.image is not None
    image = msgspec.structs.replace(guest.spec.image, **changes)
    return msgspec.structs.replace(guest, spec=msgspec.structs.replace(guest.spec, image=image))


class GuestConformance(DriverFixtures):
    """The tests."""

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

    def test_servers_do_not_mix(self, driver: Driver, running: Guest, make_guest: MakeGuest) -> None:
        other = make_guest()
        driver.prepare_disks(other)
        driver.spawn(other, None)
        destroy(driver, other)
        assert driver.find_guest(running).power_state == PowerState.RUNNING
