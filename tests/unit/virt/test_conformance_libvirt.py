"""The libvirt driver, on libvirt's mock hypervisor."""

import hashlib
import itertools
import subprocess
import uuid

import pytest

from novalike.objects.flavor import Flavor
from novalike.objects.network import Vif
from tests.conformance.virt import DriverConformance
from tests.fakes import records
from tests.fakes.storage import StorageHost
from tests.unit.virt import mock_libvirt

TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class TestLibvirtDriver(DriverConformance):
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

    def write(self, driver, guest):
        pattern = f"write -P {next(self.patterns)} 64k 64k"
        run("qemu-io", "-f", "qcow2", "-c", pattern, self.disk(driver, guest))

    patterns = itertools.cycle(range(1, 256))

    def content(self, driver, guest):
        raw = driver._instances / "raw"
        run("qemu-img", "convert", "-U", "-f", "qcow2", "-O", "raw", self.disk(driver, guest), raw)
        with raw.open("rb") as f:
            return hashlib.sha256(f.read(1048576)).hexdigest()

    def disk(self, driver, guest):
        return driver._instances / guest.uuid / "disk"

    def has_config_drive(self, driver, guest):
        return (driver._instances / guest.uuid / "disk.config").stat().st_size > 0

    def stop_from_outside(self, driver, guest):
        driver._call(lambda connection: connection.lookupByUUIDString(guest.uuid).destroy())
