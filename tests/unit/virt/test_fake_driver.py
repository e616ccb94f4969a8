"""What tests can do to the hypervisor in memory, and how it keeps things."""

import itertools
import time

import msgspec
import pytest

from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.driver import GuestFailed, GuestNotFound
from novalike.virt.fake.driver import FakeDriver
from tests.fakes import records

VIF = Vif(port_id="p1", network_id="n1", network_name="n", mac="fa:16:3e:00:00:01", vif_type="ovs")


@pytest.fixture
def driver(conf, images):
    conf.set_override("hosts", 2, group="fake")
    driver = FakeDriver(conf, images)
    driver.start()
    return driver


@pytest.fixture
def spec(images):
    return records.spec(image=images.add(b"x" * 100))


def build(driver, host, spec):
    driver.prepare_disks(host, spec)
    driver.plug(host, spec, (VIF,))
    driver.spawn(host, spec, (VIF,), None)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "fake-guests").iterdir())


def test_a_file_per_instance_and_host(driver, spec, tmp_path):
    one, two = driver.hosts()
    build(driver, one, spec)
    driver.prepare_disks(two, spec)
    uuid = spec.server.uuid
    assert files(tmp_path) == [f"{uuid}@{one}.json", f"{uuid}@{two}.json"]
    read = [msgspec.json.decode((tmp_path / "fake-guests" / name).read_bytes()) for name in files(tmp_path)]
    assert [(r["instance_uuid"], r["host"], r["power_state"]) for r in read] == [
        (uuid, one, PowerState.RUNNING), (uuid, two, None),
    ]  # fmt: skip
    assert driver.residents(one) == driver.residents(two) == {uuid}
    assert [len(driver.guests(host)) for host in (one, two)] == [1, 0]
    for host in (one, two):
        driver.destroy(host, spec)
        driver.unplug(host, spec, ())
    assert files(tmp_path) == []


def test_kept_in_memory_only(conf, driver, spec, tmp_path):
    conf.set_override("keep_guests", False, group="fake")
    driver = FakeDriver(conf, driver.images)
    driver.start()
    build(driver, driver.hosts()[0], spec)
    assert files(tmp_path) == []
    assert driver.residents(driver.hosts()[0]) == {spec.server.uuid}


def test_a_guest_needs_its_interfaces(driver, spec):
    host = driver.hosts()[0]
    driver.prepare_disks(host, spec)
    with pytest.raises(GuestFailed, match="p1"):
        driver.spawn(host, spec, (VIF,), None)


def test_a_host_that_was_rebooted(driver, spec):
    one, two = driver.hosts()
    build(driver, one, spec)
    driver.prepare_disks(one, other := msgspec.structs.replace(spec, server=records.server(id=2)))
    driver.reboot_host(one)
    assert driver.guest(one, spec).power_state == PowerState.SHUTDOWN
    with pytest.raises(GuestNotFound):
        driver.guest(one, other)
    assert driver.residents(one) == {spec.server.uuid, other.server.uuid}
    driver.power_on(one, spec, (VIF,))
    assert driver.guest(one, spec).power_state == PowerState.RUNNING
    assert driver.residents(two) == frozenset()


def test_a_full_disk(driver, spec):
    one, two = driver.hosts()
    driver.fill_disk(one)
    with pytest.raises(GuestFailed, match="no space"):
        driver.prepare_disks(one, spec)
    assert driver.residents(one) == frozenset()
    driver.prepare_disks(two, spec)
    driver.fill_disk(one, full=False)
    driver.prepare_disks(one, spec)


def test_an_image_is_fetched_once(driver, spec, images):
    numbers = itertools.count(1)
    for host in driver.hosts():
        driver.prepare_disks(host, msgspec.structs.replace(spec, server=records.server(id=next(numbers))))
    assert images.downloads == 1


def test_it_is_quick(driver, images):
    """Scale tests measure novalike, not this. What it does itself takes some 0.3 ms per build."""
    image = images.add(b"x")
    specs = [records.spec(records.server(id=n), image=image) for n in range(200)]
    began = time.process_time()
    for spec in specs:
        build(driver, driver.hosts()[0], spec)
    assert time.process_time() - began < 2
