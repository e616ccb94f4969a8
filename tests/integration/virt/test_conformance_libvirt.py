"""The libvirt driver, on QEMU."""

import pytest

from tests.conformance.virt import DriverConformance
from tests.fakes.libvirt_disks import LibvirtDisks

pytestmark = pytest.mark.libvirt


class TestLibvirtDriver(LibvirtDisks, DriverConformance):
    @pytest.fixture
    def driver(self, conf, images):
        from novalike.virt.libvirt.driver import LibvirtDriver

        conf.set_override("wait_soft_reboot_seconds", 2, group="libvirt")  # these guests hear nothing yet
        driver = LibvirtDriver(conf, images)
        driver.start()
        yield driver
        driver.stop()

    @pytest.fixture
    def restarted(self, driver, conf, images):
        from novalike.virt.libvirt.driver import LibvirtDriver

        made = []

        def restart():
            made.append(LibvirtDriver(conf, images))
            made[-1].start()
            return made[-1]

        yield restart
        for another in made:
            another.stop()

    @pytest.fixture
    def elsewhere(self, make_conf, driver, images):
        """Another host with files of its own. Its libvirt is the same, which it reaches as if it were another one."""
        from novalike.virt.libvirt.driver import LibvirtDriver

        another = LibvirtDriver(make_conf("hv2"), images)
        another.start()
        yield another
        another.stop()

    @pytest.fixture
    def make_spec(self, images, guest_image, make_spec):
        image = images.add(guest_image, "qcow2")
        return lambda: make_spec(image)

    def stop_from_outside(self, driver, guest):
        driver._call(lambda connection: connection.lookupByUUIDString(guest.uuid).destroy())
