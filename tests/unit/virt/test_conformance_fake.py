"""The hypervisor in memory is a hypervisor."""

import itertools

import pytest

from novalike.virt.fake.driver import FakeDriver
from tests.conformance.virt import DriverConformance
from tests.fakes import records


class TestFakeDriver(DriverConformance):
    @pytest.fixture
    def driver(self, conf, images):
        driver = FakeDriver(conf, images)
        driver.start()
        yield driver
        driver.stop()

    @pytest.fixture
    def restarted(self, driver, conf, images):
        def restart():
            driver.stop()
            driver.start()
            return driver

        return restart

    @pytest.fixture
    def elsewhere(self, make_conf, images):
        driver = FakeDriver(make_conf("hv2"), images)
        driver.start()
        yield driver
        driver.stop()

    sees_other_hosts = False

    @pytest.fixture
    def make_spec(self, driver, images):
        numbers = itertools.count(1)
        image = images.add(b"\0" * 512)
        return lambda: records.spec(records.server(id=next(numbers)), image=image)

    def content(self, driver, guest):
        return driver._store.get(guest.host, guest.uuid).content

    def has_config_drive(self, driver, guest):
        return driver._store.get(guest.host, guest.uuid).has_config_drive

    def stop_from_outside(self, driver, guest):
        driver.crash_guest(guest.host, guest.uuid)
