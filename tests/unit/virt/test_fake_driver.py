"""What tests can do to the hypervisor in memory, and how it keeps things."""

import itertools
import time

import msgspec
import pytest

from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.driver import GuestFailed, GuestNotFound
from novalike.virt.fake.driver import FakeDriver
from novalike.virt.fake.residents import ResidentStore
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


@pytest.fixture
def one(driver, spec):
    """The guest on the first host."""
    return records.guest(spec, VIF, host=driver.hosts()[0])


@pytest.fixture
def two(driver, spec):
    """The same guest on the second host."""
    return records.guest(spec, VIF, host=driver.hosts()[1])


def build(driver, guest):
    driver.prepare_disks(guest)
    driver.plug(guest)
    driver.spawn(guest, None)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "fake-guests").iterdir())


def test_a_file_per_instance_and_host(driver, one, two, tmp_path):
    build(driver, one)
    driver.prepare_disks(two)
    assert files(tmp_path) == [f"{one.uuid}@{one.host}.json", f"{two.uuid}@{two.host}.json"]
    read = [msgspec.json.decode((tmp_path / "fake-guests" / name).read_bytes()) for name in files(tmp_path)]
    assert [(r["instance_uuid"], r["host"], r["power_state"]) for r in read] == [
        (one.uuid, one.host, PowerState.RUNNING), (two.uuid, two.host, None),
    ]  # fmt: skip
    assert driver.residents(one.host) == driver.residents(two.host) == {one.uuid}
    assert [len(driver.guests(guest.host)) for guest in (one, two)] == [1, 0]
    for guest in (one, two):
        driver.remove_guest(guest)
        driver.remove_disks(guest)
        driver.unplug(guest)
    assert files(tmp_path) == []


def test_kept_in_memory_only(conf, driver, one, tmp_path):
    conf.set_override("keep_guests", False, group="fake")
    driver = FakeDriver(conf, driver.images)
    driver.start()
    build(driver, one)
    assert files(tmp_path) == []
    assert driver.residents(one.host) == {one.uuid}


def test_a_guest_needs_its_interfaces(driver, one):
    driver.prepare_disks(one)
    with pytest.raises(GuestFailed, match="p1"):
        driver.spawn(one, None)


def test_a_host_that_was_rebooted(driver, one, two):
    build(driver, one)
    spec = msgspec.structs.replace(one.spec, server=records.server(id=2))
    driver.prepare_disks(other := records.guest(spec, host=one.host))
    driver.reboot_host(one.host)
    assert driver.find_guest(one).power_state == PowerState.SHUTDOWN
    with pytest.raises(GuestNotFound):
        driver.find_guest(other)
    assert driver.residents(one.host) == {one.uuid, other.uuid}
    driver.power_on(one)
    assert driver.find_guest(one).power_state == PowerState.RUNNING
    assert driver.residents(two.host) == frozenset()


def test_a_full_disk(driver, one, two):
    driver.fill_disk(one.host)
    with pytest.raises(GuestFailed, match="no space"):
        driver.prepare_disks(one)
    assert driver.residents(one.host) == frozenset()
    driver.prepare_disks(two)
    driver.fill_disk(one.host, full=False)
    driver.prepare_disks(one)


def test_an_image_is_fetched_once(driver, spec, images):
    numbers = itertools.count(1)
    for host in driver.hosts():
        another = msgspec.structs.replace(spec, server=records.server(id=next(numbers)))
        driver.prepare_disks(records.guest(another, host=host))
    assert images.downloads == 1


def test_it_is_quick(driver, images):
    """Scale tests measure novalike, not this. What it does itself takes some 0.3 ms per build."""
    image, (host, _) = images.add(b"x"), driver.hosts()
    guests = [records.guest(records.spec(records.server(id=n), image=image), VIF, host=host) for n in range(200)]
    began = time.process_time()
    for guest in guests:
        build(driver, guest)
    assert time.process_time() - began < 2


def test_what_is_set_aside_has_a_file_of_its_own(driver, one, tmp_path):
    build(driver, one)
    driver.power_off(one, 0)
    driver.set_aside(one)
    assert files(tmp_path) == [f"{one.uuid}@{one.host}.json", f"{one.uuid}_resize@{one.host}.json"]
    driver.unplug(one)
    assert files(tmp_path) == [f"{one.uuid}_resize@{one.host}.json"]
    driver.start()
    assert driver.aside(one.host) == driver.residents(one.host) == {one.uuid}
    assert driver.guests(one.host) == ()
    driver.discard_aside(one)
    assert files(tmp_path) == []


@pytest.mark.parametrize("step", ["set_aside", "take_back", "power_on"])
@pytest.mark.parametrize("at", [1, 2])
def test_the_process_dies_between_two_files(monkeypatch, driver, one, step, at):
    build(driver, one)
    driver.power_off(one, 0)
    content = driver._store.get(one.host, one.uuid).content
    if step != "set_aside":
        driver.set_aside(one)
    puts = []
    put = ResidentStore.put

    def die(store, resident):
        puts.append(resident)
        if len(puts) == at:
            raise KeyboardInterrupt
        put(store, resident)

    monkeypatch.setattr(ResidentStore, "put", die)
    with pytest.raises(KeyboardInterrupt):
        getattr(driver, step)(one)
    monkeypatch.setattr(ResidentStore, "put", put)
    driver.start()
    assert driver.residents(one.host) == {one.uuid}
    getattr(driver, step)(one)
    driver.take_back(one)
    assert driver.aside(one.host) == frozenset()
    driver.power_on(one)
    assert driver._store.get(one.host, one.uuid).content == content


def test_disks_come_from_another_host_of_the_process(driver, one, two):
    build(driver, one)
    driver.power_off(one, 0)
    source = driver.set_aside(one)
    driver.fill_disk(two.host)
    with pytest.raises(GuestFailed, match="no space"):
        driver.fetch_disks(two, source, lambda _percent: None)
    driver.fill_disk(two.host, full=False)
    driver.fetch_disks(two, source, lambda _percent: None)
    driver.discard_aside(one)
    driver.fetch_disks(two, source, lambda _percent: None)  # that was done
    driver.remove_disks(two)
    with pytest.raises(GuestFailed, match="nothing"):
        driver.fetch_disks(two, source, lambda _percent: None)


def test_an_image_that_must_be_fetched_needs_space(driver, one, images):
    driver.fill_disk(one.host)
    with pytest.raises(GuestFailed, match="no space"):
        driver.prepare_move(one)
    assert images.downloads == 0
