"""Guests that are moved to other hosts or given another flavor: every step again and again, forwards and back."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.abilities import MovesGuests
from novalike.virt.driver import Driver, GuestFailed, GuestNotFound, OtherDisks
from novalike.virt.guest import Guest, Place
from tests.conformance.virt.fixtures import DRIVE, DriverFixtures, MakeGuest, bare, destroy, needs


def on(driver: Driver, guest: Guest) -> Guest:
    """The guest, on a driver's host."""
    report = driver.node_reports()[0]
    return msgspec.structs.replace(guest, place=Place(host=report.host, node=report.hypervisor_hostname))


def larger(guest: Guest) -> Guest:
    """The guest, with a flavor that has more of everything."""
    flavor = guest.spec.server.flavor
    more = msgspec.structs.replace(
        flavor, memory_mb=flavor.memory_mb * 2, vcpus=flavor.vcpus + 1, root_gb=flavor.root_gb + 1, swap=8
    )
    server = msgspec.structs.replace(guest.spec.server, flavor=more)
    return msgspec.structs.replace(guest, spec=msgspec.structs.replace(guest.spec, server=server))


def ignore(_percent: int) -> None:
    """For whom progress is nothing."""


class MoveConformance(DriverFixtures):
    """The tests."""

    @pytest.fixture
    def off(self, driver: Driver, running: Guest) -> Guest:
        """A guest that has run."""
        driver.power_off(running, 0)
        self.write(driver, running)
        return running

    @pytest.fixture
    def aside(self, driver: Any, off: Guest):
        """A guest that is set aside, and nothing else."""
        driver.set_aside(off)
        yield off
        driver.discard_aside(off)

    @needs(MovesGuests)
    @pytest.mark.parametrize("confirmed", [True, False])
    def test_a_guest_moves_to_another_host(
        self, driver: Any, elsewhere: Any, host: str, off: Guest, make_vif: Callable[[], Vif], confirmed: bool
    ) -> None:
        """Every step is done twice."""
        before, content = driver.residents(host) - {off.uuid}, self.content(driver, off)
        moved = larger(msgspec.structs.replace(on(elsewhere, off), vifs=(make_vif(),)))
        there = moved.host
        for _ in range(2):
            elsewhere.prepare_move(moved)
        assert elsewhere.residents(there) == frozenset()
        assert len({driver.set_aside(off) for _ in range(2)}) == 1
        source = driver.set_aside(off)
        assert driver.aside(host) == {off.uuid}
        assert driver.residents(host) - before == {off.uuid}
        assert off.uuid not in {info.instance_uuid for info in driver.guests(host)}
        told: list[int] = []
        assert elsewhere.fetch_disks(moved, source, told.append).startswith("/dev/")
        assert told == sorted(told)
        assert set(told) <= set(range(101))
        assert told[-1] == 100
        elsewhere.fetch_disks(moved, source, ignore)
        elsewhere.plug(moved)
        for _ in range(2):
            elsewhere.power_on(moved)
        found = elsewhere.find_guest(moved)
        flavor = moved.spec.server.flavor
        assert (found.power_state, found.memory_mb, found.vcpus) == (
            PowerState.RUNNING, flavor.memory_mb, flavor.vcpus,
        )  # fmt: skip
        elsewhere.fetch_disks(moved, source, ignore)  # by who does not know that it has been done
        elsewhere.power_off(moved, 0)
        assert self.content(elsewhere, moved) == content
        assert elsewhere.residents(there) == {off.uuid}
        assert elsewhere.aside(there) == frozenset()
        if confirmed:
            for _ in range(2):
                driver.discard_aside(bare(off))
            elsewhere.power_on(moved)
            assert elsewhere.find_guest(moved).power_state == PowerState.RUNNING
        for _ in range(2):
            destroy(elsewhere, bare(moved))
            elsewhere.unplug(bare(moved))
        assert elsewhere.residents(there) == frozenset()
        for _ in range(2):
            driver.take_back(off)
        if confirmed:
            assert driver.residents(host) == before
            return
        assert driver.aside(host) == frozenset()
        assert self.content(driver, off) == content
        driver.power_on(off)
        old = off.spec.server.flavor
        info = driver.find_guest(off)
        assert (info.power_state, info.memory_mb, info.vcpus) == (PowerState.RUNNING, old.memory_mb, old.vcpus)

    @needs(MovesGuests)
    def test_there_and_back_again(self, driver: Any, elsewhere: Any, host: str, off: Guest) -> None:
        """What the first move has left is taken for nothing else."""
        content, moved = self.content(driver, off), on(elsewhere, off)
        elsewhere.fetch_disks(moved, driver.set_aside(off), ignore)
        driver.discard_aside(off)
        driver.fetch_disks(off, elsewhere.set_aside(moved), ignore)
        elsewhere.discard_aside(moved)
        assert self.content(driver, off) == content
        elsewhere.fetch_disks(moved, driver.set_aside(off), ignore)
        assert self.content(elsewhere, moved) == content
        destroy(elsewhere, moved)
        driver.discard_aside(off)
        assert off.uuid not in driver.residents(host) | elsewhere.residents(moved.host)

    @needs(MovesGuests)
    @pytest.mark.parametrize("confirmed", [True, False])
    def test_a_guest_is_resized_where_it_is(
        self, driver: Any, restarted: Callable[[], Any], host: str, off: Guest, confirmed: bool
    ) -> None:
        content, new = self.content(driver, off), larger(off)
        driver.prepare_move(new)
        driver.set_aside(off)
        for _ in range(2):
            driver.fetch_disks(new, None, ignore)
        driver.define(new)
        later = restarted()
        assert later.aside(host) == {off.uuid}
        assert off.uuid in {info.instance_uuid for info in later.guests(host)}
        assert later.find_guest(new).memory_mb == new.spec.server.flavor.memory_mb
        assert self.content(later, new) == content
        with pytest.raises(OtherDisks):
            later.take_back(off)
        with pytest.raises(GuestFailed):
            later.set_aside(new)
        if confirmed:
            later.discard_aside(off)
            assert later.aside(host) == frozenset()
            later.reboot(new, hard=True)
            assert later.find_guest(new).vcpus == new.spec.server.flavor.vcpus
            return
        destroy(later, new)
        assert later.aside(host) == later.residents(host) & {off.uuid} == {off.uuid}
        later.take_back(off)
        later.define(off)
        assert later.find_guest(off).memory_mb == off.spec.server.flavor.memory_mb
        assert later.find_guest(off).power_state == PowerState.SHUTDOWN
        assert self.content(later, off) == content

    @needs(MovesGuests)
    def test_a_guest_is_known_without_being_started(self, driver: Any, off: Guest) -> None:
        driver.remove_guest(off)
        for _ in range(2):
            driver.define(off)
            assert driver.find_guest(off).power_state == PowerState.SHUTDOWN
        driver.power_on(off)
        driver.define(off)
        assert driver.find_guest(off).power_state == PowerState.RUNNING

    @needs(MovesGuests)
    def test_what_is_not_there_is_not_known(self, driver: Any, make_guest: MakeGuest, aside: Guest) -> None:
        with pytest.raises(GuestFailed):
            driver.define(make_guest())
        with pytest.raises(GuestFailed):
            driver.define(aside)

    @needs(MovesGuests)
    @pytest.mark.parametrize("again", ["power on", "hard reboot"])
    def test_what_is_set_aside_can_be_saved(
        self, driver: Any, restarted: Callable[[], Any], host: str, aside: Guest, again: str
    ) -> None:
        for attempt in (driver.find_guest, lambda guest: driver.power_off(guest, 0)):
            with pytest.raises(GuestNotFound):
                attempt(aside)
        later = restarted()
        if again == "power on":
            later.power_on(aside)
        else:
            later.reboot(aside, hard=True)
        assert later.find_guest(aside).power_state == PowerState.RUNNING
        assert later.aside(host) == frozenset()

    @needs(MovesGuests)
    def test_what_is_set_aside_is_not_removed_with_a_guest(self, driver: Any, host: str, aside: Guest) -> None:
        destroy(driver, bare(aside))
        driver.unplug(bare(aside))
        assert driver.aside(host) == {aside.uuid}
        driver.take_back(aside)
        driver.power_on(aside)
        assert driver.find_guest(aside).power_state == PowerState.RUNNING

    @needs(MovesGuests)
    def test_who_runs_can_not_be_set_aside(self, driver: Any, host: str, running: Guest) -> None:
        with pytest.raises(GuestFailed):
            driver.set_aside(running)
        assert driver.find_guest(running).power_state == PowerState.RUNNING
        assert driver.aside(host) == frozenset()

    @needs(MovesGuests)
    def test_who_is_not_here_can_not_be_set_aside(self, driver: Any, make_guest: MakeGuest) -> None:
        guest = make_guest()
        with pytest.raises(GuestNotFound):
            driver.set_aside(guest)
        for nothing_to_do in (driver.take_back, driver.discard_aside):
            nothing_to_do(guest)

    @needs(MovesGuests)
    def test_interfaces_stay_when_a_guest_is_set_aside(
        self, driver: Any, host: str, off: Guest, make_vif: Callable[[], Vif]
    ) -> None:
        plugged = msgspec.structs.replace(off, vifs=(make_vif(),))
        driver.plug(plugged)
        driver.power_on(plugged)
        driver.power_off(plugged, 0)
        driver.set_aside(plugged)
        driver.discard_aside(plugged)
        left = driver.residents(host) & {off.uuid}  # not every kind of interface is anything without a guest
        driver.unplug(plugged)
        assert left <= {off.uuid}
        assert off.uuid not in driver.residents(host)

    @needs(MovesGuests)
    def test_nothing_is_set_aside_where_disks_are_to_come_from(
        self, driver: Any, elsewhere: Any, off: Guest
    ) -> None:
        moved, source = on(elsewhere, off), driver.set_aside(off)
        driver.discard_aside(off)
        with pytest.raises(GuestFailed):
            driver.fetch_disks(off, None, ignore)
        if self.sees_other_hosts:
            with pytest.raises(GuestFailed):
                elsewhere.fetch_disks(moved, source, ignore)
        assert elsewhere.residents(moved.host) == frozenset()

    @needs(MovesGuests)
    def test_disks_of_another_time_are_not_taken_for_these(self, driver: Any, elsewhere: Any, off: Guest) -> None:
        """A host had the guest before, and has not been rid of it."""
        moved = on(elsewhere, off)
        elsewhere.fetch_disks(moved, driver.set_aside(off), ignore)
        driver.take_back(off)
        self.write(driver, off)
        content, source = self.content(driver, off), driver.set_aside(off)
        with pytest.raises(GuestFailed):
            elsewhere.fetch_disks(moved, source, ignore)
        destroy(elsewhere, moved)
        elsewhere.fetch_disks(moved, source, ignore)
        assert self.content(elsewhere, moved) == content
        destroy(elsewhere, moved)
        driver.discard_aside(off)

    @needs(MovesGuests)
    def test_an_image_that_is_gone_does_not_keep_a_guest(self, driver: Any, elsewhere: Any, off: Guest) -> None:
        content, moved = self.content(driver, off), on(elsewhere, off)
        images = elsewhere.images
        kept = dict(images.contents)
        images.contents.clear()
        try:
            elsewhere.prepare_move(moved)
            elsewhere.fetch_disks(moved, driver.set_aside(off), ignore)
        finally:
            images.contents.update(kept)
        assert self.content(elsewhere, moved) == content
        elsewhere.define(moved)
        destroy(elsewhere, moved)
        driver.discard_aside(off)

    @needs(MovesGuests)
    def test_a_config_drive_comes_along(self, driver: Any, elsewhere: Any, guest: Guest) -> None:
        driver.prepare_disks(guest)
        driver.spawn(guest, DRIVE)
        driver.power_off(guest, 0)
        moved = on(elsewhere, guest)
        elsewhere.fetch_disks(moved, driver.set_aside(guest), ignore)
        assert self.has_config_drive(elsewhere, moved)
        destroy(elsewhere, moved)
        driver.discard_aside(guest)
