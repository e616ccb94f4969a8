"""The libvirt driver when something gives way in the middle: libvirtd, the disk, or its own process.

Each test lets the first call fail, then the second, and so on until nothing is left to fail. After each failure the
same thing is done again, and must succeed.
"""

import itertools
import os
import subprocess

import msgspec
import pytest

from novalike.objects.errors import Unavailable
from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.driver import ConfigDrive, GuestFailed
from tests.fakes import records
from tests.unit.virt import mock_libvirt
from tests.unit.virt.faults import Breaks, LosesLibvirt, fill

libvirt = mock_libvirt.libvirt

from novalike.virt.libvirt import power  # noqa: E402

DRIVE = ConfigDrive(files={"openstack/latest/meta_data.json": b"{}"})
VIFS = (
    Vif(
        port_id="9c3d1a3e-3f2f-4d6c-8f9b-2a1b3c4d5e6f", network_id="0d2e1a3e-3f2f-4d6c-8f9b-2a1b3c4d5e6f",
        network_name="n", mac="fa:16:3e:00:00:01", vif_type="ovs",
    ),
)  # fmt: skip
TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)
FLAVOR = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0, swap=1)


@pytest.fixture
def switch(monkeypatch, conf):
    return mock_libvirt.install(monkeypatch, conf)


@pytest.fixture
def driver(switch, conf, images):
    driver = mock_libvirt.started(conf, images)
    driver.node_reports()  # what is asked once is known from here on
    yield driver
    driver.stop()


@pytest.fixture
def make_guest(images, tmp_path):
    path = tmp_path / "made.vdi"  # has to be converted
    subprocess.run(["qemu-img", "create", "-q", "-f", "vdi", path, "1M"], check=True)
    content, numbers = path.read_bytes(), itertools.count(1)
    return lambda: records.guest(
        records.spec(records.server(id=next(numbers), flavor=FLAVOR), image=images.add(content, "vdi")), *VIFS
    )


def build(driver, guest):
    driver.prepare_disks(guest)
    driver.plug(guest)
    driver.spawn(guest, DRIVE)


def bare(guest):
    """The guest, when its record has lost its interfaces."""
    return msgspec.structs.replace(guest, vifs=())


def remove(driver, guest):
    driver.remove_guest(bare(guest))
    driver.remove_disks(bare(guest))
    driver.unplug(bare(guest))


def stop_and_start(driver, guest):
    driver.power_off(guest, 0.1)
    driver.power_on(guest)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "verb",
    [build, stop_and_start, lambda d, s: d.reboot(s, hard=False),
     lambda d, s: d.reboot(s, hard=True), remove, lambda d, _s: d.residents("hv1")],
    ids=["build", "stop and start", "soft reboot", "hard reboot", "remove", "look"],
)  # fmt: skip
def test_libvirt_goes_away_at_any_call(monkeypatch, conf, driver, images, verb, before):
    conf.set_override("wait_soft_reboot_seconds", 1, group="libvirt")
    monkeypatch.setattr(power, "_LOOK_EVERY", 0.01)
    faults = LosesLibvirt(monkeypatch)
    faults.before = before
    image = images.add(b"\1" * 65536)
    failed = 0
    for at in range(1, 50):
        guest = records.guest(records.spec(records.server(id=at, flavor=TINY), image=image), *VIFS)
        if verb is not build:
            build(driver, guest)
        faults.at, faults.done = at, 0
        try:
            verb(driver, guest)
            break
        except Unavailable:
            failed += 1
        assert driver.residents("hv1") <= {guest.uuid}
        verb(driver, guest)
        if verb is not remove:
            assert driver.find_guest(guest).power_state == PowerState.RUNNING
            assert driver.residents("hv1") == {guest.uuid}
            remove(driver, guest)
        assert driver.residents("hv1") == frozenset()
    faults.at = -1
    remove(driver, guest)
    assert failed == at - 1 > 1


def whole(driver, guest):
    """The disks are there and sound, and nothing else."""
    folder = driver._instances / guest.uuid
    assert {path.name for path in folder.iterdir()} >= {"disk", "disk.swap", "guest.json"}
    assert not [path for path in (*folder.iterdir(), *(driver._instances / "_base").iterdir()) if ".part" in path.name]
    for disk in ("disk", "disk.swap"):
        subprocess.run(["qemu-img", "check", "-q", folder / disk], check=True)
    (base,) = (path for path in (driver._instances / "_base").iterdir() if path.is_file())
    assert base.stat().st_size == 1024**2


def cached(driver):
    """All files of the image cache, also locks."""
    return [path for path in driver._cache_folder.rglob("*") if not path.is_dir()]


def test_the_disk_is_full_at_any_write(monkeypatch, driver, make_guest):
    faults = Breaks(monkeypatch)
    faults.act = fill
    failed = 0
    for at in range(1, 100):
        guest = make_guest()
        faults.at, faults.done = at, 0
        try:
            build(driver, guest)
        except GuestFailed as e:
            failed += 1
            assert "no space left" in str(e).lower()  # noqa: PT017
        finished = faults.done < at
        faults.at = -1
        if not finished:
            build(driver, guest)
        whole(driver, guest)
        remove(driver, guest)
        assert driver.residents("hv1") == frozenset()
        driver.prune_image_cache(0)
        assert cached(driver) == []
        if finished:
            break
    assert failed > 10


def test_the_process_is_killed_at_any_write(monkeypatch, driver, make_guest):
    """In a child process, which ends without any of its ``finally``."""

    def kill(path):
        if path is not None:
            path.write_bytes(b"half of it")
        os._exit(9)

    faults = Breaks(monkeypatch)
    faults.act = kill
    killed = 0
    for at in range(1, 100):
        guest = make_guest()
        child = os.fork()
        if not child:
            faults.at, faults.done = at, 0
            try:
                driver.prepare_disks(guest)
                driver._write_config_drive(guest.uuid, DRIVE)
            finally:
                os._exit(0)
        finished = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        killed += not finished
        driver._cache.prepare()
        driver.prepare_disks(guest)
        driver.spawn(bare(guest), DRIVE)
        whole(driver, guest)
        remove(driver, guest)
        assert driver.residents("hv1") == frozenset()
        driver.prune_image_cache(0)
        assert cached(driver) == []
        if finished:
            break
    assert killed > 10


def test_pruning_is_killed_at_any_step(monkeypatch, driver, make_guest, images):
    """What one pass has not come to the next one removes; what is in use is there all the time."""
    used = make_guest()
    driver.prepare_disks(used)
    kept = set(cached(driver))
    done = [0, -1]

    def counted(function):
        def call(*args, **kwargs):
            for _before_and_after in range(2):
                done[0] += 1
                if done[0] == done[1]:
                    os._exit(9)
                if not _before_and_after:
                    result = function(*args, **kwargs)
            return result

        return call

    for name in ("unlink", "utime"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    killed = 0
    for at in range(1, 100):
        for content in (b"\1", b"\2"):
            driver._cache.base(images.add(content * 512), None)
        (driver._cache_folder / f"{'0' * 40}.part").write_bytes(b"half")
        child = os.fork()
        if not child:
            done[:] = [0, at]
            driver.prune_image_cache(0)
            os._exit(0)
        finished = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        killed += not finished
        assert kept <= set(cached(driver))
        driver.prune_image_cache(0)
        assert set(cached(driver)) == kept
        if finished:
            break
    assert killed > 6


def test_the_switch_can_not_be_asked(driver, switch, make_guest):
    guest = make_guest()
    build(driver, guest)
    switch.fail = Unavailable(reason="Open vSwitch's database can't be read")
    with pytest.raises(Unavailable):
        driver.residents("hv1")
    with pytest.raises((GuestFailed, Unavailable)):
        driver.unplug(guest)
    with pytest.raises(Unavailable):
        driver.unplug(bare(guest))
    switch.fail = None
    remove(driver, guest)
    assert driver.residents("hv1") == frozenset()


def test_a_folder_of_another_node_is_left_alone(driver, make_guest, switch):
    """On a file system that several hosts share."""
    guest = make_guest()
    build(driver, guest)
    driver._node_uuid, mine = "another", driver._node_uuid
    assert driver.residents("hv1") == frozenset()  # the guest isn't its own either, so neither is its interface
    driver._node_uuid = mine
    driver._call(lambda c: c.lookupByUUIDString(guest.uuid).destroy())
    driver._call(lambda c: c.lookupByUUIDString(guest.uuid).undefine())
    driver._node_uuid = "another"
    assert driver.residents("hv1") == {guest.uuid}
    remove(driver, guest)
    assert not switch.ports
    assert (driver._instances / guest.uuid / "disk").exists()
    assert driver.residents("hv1") == frozenset()
    driver._node_uuid = mine
    assert driver.residents("hv1") == {guest.uuid}
    remove(driver, guest)
    assert driver.residents("hv1") == frozenset()


def test_a_folder_whose_record_is_unreadable(driver, make_guest):
    guest = make_guest()
    build(driver, guest)
    (driver._instances / guest.uuid / "guest.json").write_bytes(b"{")
    with pytest.raises(GuestFailed, match=r"guest\.json can't be read"):
        driver.prepare_disks(guest)
    assert driver.residents("hv1") == {guest.uuid}
    remove(driver, guest)
    assert driver.residents("hv1") == frozenset()
