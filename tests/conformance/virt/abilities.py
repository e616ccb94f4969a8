"""The optional abilities: every row of the table, on every driver that has it."""

from collections.abc import Callable
from typing import Any

import os_traits
import pytest

from novalike.objects.errors import ConsoleTypeUnavailable
from novalike.virt.abilities import ABILITIES, Ability, CachesImages, HasVnc, KeepsConsoleLog
from novalike.virt.driver import Driver, GuestNotFound
from novalike.virt.guest import Guest
from tests.conformance.virt.fixtures import DriverFixtures, MakeGuest, needs


class AbilityConformance(DriverFixtures):
    """The tests."""

    @pytest.mark.parametrize("ability", ABILITIES, ids=lambda ability: ability.protocol.__name__)
    def test_abilities_are_tested_and_reported(self, driver: Driver, ability: Ability) -> None:
        tests = [test for tests in type(self).__mro__ for test in vars(tests).values()]
        assert ability.protocol in {getattr(test, "ability", None) for test in tests}
        assert set(ability.traits) <= set(os_traits.get_traits())
        if isinstance(driver, ability.protocol):
            assert all(set(ability.traits) <= set(report.traits) for report in driver.node_reports())

    @needs(KeepsConsoleLog)
    def test_the_console_log_can_be_read(self, driver: Any, running: Guest) -> None:
        text = driver.console_output(running.ref)
        assert isinstance(text, bytes)

    @needs(KeepsConsoleLog)
    def test_there_is_no_guest_whose_log_could_be_read(self, driver: Any, make_guest: MakeGuest) -> None:
        with pytest.raises(GuestNotFound):
            driver.console_output(make_guest().ref)

    @needs(HasVnc)
    def test_the_screen_can_be_reached(self, driver: Any, running: Guest) -> None:
        try:
            location = driver.vnc_console(running.ref)
        except ConsoleTypeUnavailable:
            pytest.skip("guests were made without")
        assert location.host
        assert 0 < location.port < 65536

    @needs(HasVnc)
    def test_there_is_no_guest_whose_screen_could_be_reached(self, driver: Any, make_guest: MakeGuest) -> None:
        with pytest.raises(GuestNotFound):
            driver.vnc_console(make_guest().ref)

    @needs(CachesImages)
    def test_images_in_use_are_kept(self, driver: Any, restarted: Callable[[], Any], guest: Guest) -> None:
        """By disks of a build under way, by a guest that runs, and by one that doesn't; also by who comes later."""
        driver.prepare_disks(guest)
        assert driver.prune_image_cache(0.0) == ()
        driver.plug(guest)
        driver.spawn(guest, None)
        assert driver.prune_image_cache(0.0) == ()
        driver.power_off(guest, 0)
        assert driver.prune_image_cache(0.0) == ()
        later = restarted()
        assert later.prune_image_cache(0.0) == ()
        driver.remove_guest(guest)
        assert driver.prune_image_cache(0.0) == ()
        driver.remove_disks(guest)
        assert driver.prune_image_cache(None) == ()
        assert driver.prune_image_cache(3600.0) == ()
        assert len(driver.prune_image_cache(0.0)) == 1
        assert driver.prune_image_cache(0.0) == ()
        driver.prepare_disks(guest)  # fetches it again
