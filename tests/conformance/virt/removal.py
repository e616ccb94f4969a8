"""Removing guests, disks and interfaces: each for itself, again and again, and after any interruption."""

from collections.abc import Callable

import pytest

from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.driver import Driver, GuestFailed, GuestNotFound
from novalike.virt.guest import Guest
from tests.conformance.virt.fixtures import DRIVE, DriverFixtures, MakeGuest, bare, destroy


class RemovalConformance(DriverFixtures):
    """The tests."""

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
            driver.remove_guest(bare(running))
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
            driver.remove_disks(bare(running))
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
        for _ in range(2):
            destroy(later, bare(guest))
            later.unplug(bare(guest))
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
