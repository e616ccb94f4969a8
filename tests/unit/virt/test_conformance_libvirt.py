"""The libvirt driver, on libvirt's mock hypervisor."""

import itertools
import uuid

import pytest

from novalike.objects.flavor import Flavor
from novalike.objects.network import Vif
from tests.conformance.virt import DriverConformance
from tests.fakes import records
from tests.fakes.libvirt_disks import LibvirtDisks
from tests.fakes.storage import StorageHost
from tests.unit.virt import mock_libvirt

TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)


class TestLibvirtDriver(LibvirtDisks, DriverConformance):
    @pytest.fixture
    def driver(self, monkeypatch, conf, images):
        mock_libvirt.install(monkeypatch, conf)
        conf.set_override("enabled", False, group="vnc")  # the mock gives no ports
        driver = mock_libvirt.started(conf, images)
        yield driver
        driver.stop()

    @pytest.fixture
    def restarted(self, driver, conf, images):
        made = []

        def restart():
            made.append(mock_libvirt.started(conf, images))
            return made[-1]

        yield restart
        for another in made:
            another.stop()

    @pytest.fixture
    def elsewhere(self, driver, monkeypatch, make_conf, images):
        StorageHost().install(monkeypatch)
        conf = make_conf("hv2")
        conf.set_override("connection_uri", "test:///default", group="libvirt")
        conf.set_override("enabled", False, group="vnc")
        another = mock_libvirt.started(conf, images)
        yield another
        another.stop()

    @pytest.fixture
    def make_spec(self, driver, images):
        numbers = itertools.count(1)
        image = images.add(b"\0" * 1048576)
        return lambda: records.spec(records.server(id=next(numbers), flavor=TINY), image=image)

    @pytest.fixture
    def make_vif(self):
        numbers = itertools.count(1)
        return lambda: Vif(
            port_id=str(uuid.uuid4()), network_id=str(uuid.uuid4()), network_name="private",
            mac=f"fa:16:3e:00:00:{next(numbers):02x}", vif_type="ovs", details={"bridge_name": "br-x"},
        )  # fmt: skip

    def stop_from_outside(self, driver, guest):
        driver._call(lambda connection: connection.lookupByUUIDString(guest.uuid).destroy())
