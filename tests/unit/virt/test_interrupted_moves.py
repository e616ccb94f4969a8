"""Moves when something gives way in the middle, on either host: libvirtd, the disk, or the process itself.

As in :mod:`.test_interrupted`: each step fails at its first call, then at its second, and so on; afterwards the same
step, or the way back, must succeed, with the same disks.
"""

import itertools
import os
import subprocess
import tempfile
from pathlib import Path

import msgspec
import pytest

from novalike.objects.errors import Unavailable
from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import PowerState
from novalike.virt.driver import ConfigDrive, GuestFailed
from novalike.virt.guest import Place
from novalike.virt.images import qemu_img
from tests.fakes import records
from tests.fakes.storage import StorageHost
from tests.unit.virt import mock_libvirt
from tests.unit.virt.faults import Breaks, LosesLibvirt, fill

libvirt = mock_libvirt.libvirt

from novalike.virt.libvirt import domains  # noqa: E402
from novalike.virt.libvirt.connection import Connection  # noqa: E402

DRIVE = ConfigDrive(files={"openstack/latest/meta_data.json": b"{}"})
TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)
SMALL = Flavor(flavor_id="2", name="small", memory_mb=64, vcpus=1, root_gb=1, swap=1)
# Besides what all tests of interruptions count.
ALSO = ((os, "unlink"), (os, "rmdir"), (os, "symlink"), (os, "ftruncate"), (os, "copy_file_range"), (os, "pwrite"))


@pytest.fixture
def tmp_path(tmp_path):
    """In memory, where that can be had: hundreds of disks are made here, and each is synced several times."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="novalike-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def storage(monkeypatch):
    return StorageHost().install(monkeypatch)


@pytest.fixture
def here(monkeypatch, conf, images, storage):
    mock_libvirt.install(monkeypatch, conf)
    monkeypatch.setattr(qemu_img, "_UNTRUSTED", None)  # limits cost a third of a second each time
    driver = mock_libvirt.started(conf, images)
    driver.node_reports()  # what is asked once is known from here on
    yield driver
    driver.stop()


@pytest.fixture
def there(here, make_conf, images):
    conf = make_conf("hv2")
    conf.set_override("connection_uri", "test:///default", group="libvirt")
    driver = mock_libvirt.started(conf, images)
    driver.node_reports()
    yield driver
    driver.stop()


@pytest.fixture
def make_guest(here, images):
    """Gives a guest that is off, with something on its disk."""
    numbers, image = itertools.count(1), images.add(os.urandom(65536) + bytes(65536))

    def make():
        guest = records.guest(records.spec(records.server(id=next(numbers), flavor=TINY), image=image))
        here.prepare_disks(guest)
        here.spawn(guest, DRIVE)
        here.power_off(guest, 0)
        pattern = f"write -P {guest.spec.server.id} 4k 4k"
        subprocess.run(["qemu-io", "-f", "qcow2", "-c", pattern, disk(here, guest)], check=True, capture_output=True)
        return guest

    return make


def moved(guest, driver):
    """The guest with another flavor, on a driver's host."""
    place = Place(host=driver.conf.host, node="node")
    server = msgspec.structs.replace(guest.spec.server, flavor=SMALL)
    return msgspec.structs.replace(guest, place=place, spec=msgspec.structs.replace(guest.spec, server=server))


def disk(driver, guest):
    return driver._instances / guest.uuid / "disk"


def assert_whole(driver, guest):
    """It has its disk, with what was written to it, and can be started."""
    pattern = f"read -P {guest.spec.server.id} 4k 4k"
    said = subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", pattern, disk(driver, guest)], check=True, capture_output=True, text=True
    )
    assert "verification failed" not in said.stdout
    assert (driver._instances / guest.uuid / "disk.config").stat().st_size > 0
    driver.power_on(guest)
    assert driver.find_guest(guest).power_state == PowerState.RUNNING
    driver.power_off(guest, 0)


def remove(driver, guest):
    driver.remove_guest(guest)
    driver.remove_disks(guest)
    driver.discard_aside(guest)
    driver.unplug(guest)
    assert guest.uuid not in driver.residents(guest.host)
    assert not [path for path in driver._instances.iterdir() if path.name.startswith(guest.uuid)]


def ignore(_percent):
    pass


def set_aside(here, there, guest):
    return lambda: here.set_aside(guest)


def fetch(here, there, guest):
    source = here.set_aside(guest)
    return lambda: there.fetch_disks(moved(guest, there), source, ignore)


def fetch_here(here, there, guest):
    here.set_aside(guest)
    return lambda: here.fetch_disks(moved(guest, here), None, ignore)


def take_back(here, there, guest):
    here.set_aside(guest)
    return lambda: here.take_back(guest)


def go_back(here, there, guest):
    here.set_aside(guest)
    return lambda: here.power_on(guest)


STEPS = [set_aside, fetch, fetch_here, take_back, go_back]


def end(step, here, there, guest):
    """Where the guest's disks are after a step, whole; and its way back to the source."""
    if step is fetch:
        there.define(moved(guest, there))
        assert_whole(there, moved(guest, there))
        remove(there, moved(guest, there))
    elif step is fetch_here:
        assert_whole(here, moved(guest, here))
        here.remove_guest(guest)
        here.remove_disks(guest)
    if step is go_back:
        here.power_off(guest, 0)
    else:
        here.take_back(guest)
    assert_whole(here, guest)
    remove(here, guest)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [True, False])
def test_libvirt_goes_away_at_any_call(monkeypatch, here, there, make_guest, step, before):
    faults = LosesLibvirt(monkeypatch)
    faults.before = before
    failed = 0
    for at in range(1, 100):
        guest = make_guest()
        act = step(here, there, guest)
        faults.at, faults.done = at, 0
        try:
            act()
        except Unavailable:
            failed += 1
            act()
        finished = faults.done < at
        faults.at = -1
        end(step, here, there, guest)
        if finished:
            break
    assert finished
    assert failed >= 1


@pytest.mark.parametrize("step", STEPS)
def test_the_disk_is_full_at_any_write(monkeypatch, here, there, make_guest, step):
    faults = Breaks(monkeypatch, *ALSO)
    faults.act = fill
    failed = 0
    for at in range(1, 200):
        guest = make_guest()
        act = step(here, there, guest)
        faults.at, faults.done = at, 0
        try:
            act()
        except GuestFailed:
            failed += 1
        finished = faults.done < at
        faults.at = -1
        act()
        end(step, here, there, guest)
        if finished:
            break
    assert finished
    assert failed > 1


@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_the_process_is_killed_at_any_write(monkeypatch, here, there, make_guest, step, goes_on):
    """In a child process. Its successor does the step again, or goes back at once."""

    def kill(path):
        if path is not None:
            path.write_bytes(b"half of it")
        os._exit(9)

    faults = Breaks(monkeypatch, *ALSO)
    faults.act = kill
    killed = 0
    for at in range(1, 200):
        guest = make_guest()
        here.remove_guest(guest)  # the mock's guests are in memory: what a child forgets its parent does not
        act = step(here, there, guest)
        finished = in_a_child(faults, at, act)
        killed += not finished
        if goes_on or finished:
            act()
            end(step, here, there, guest)
        else:
            for driver in {fetch: [there], fetch_here: [here]}.get(step, []):
                left = moved(guest, driver)
                if (driver._instances / f"{guest.uuid}_fetch").exists():
                    assert guest.uuid in driver.residents(driver.conf.host)
                driver.remove_guest(left)
                driver.remove_disks(left)
            here.power_on(guest)
            assert here.aside("hv1") == frozenset()
            here.power_off(guest, 0)
            assert_whole(here, guest)
            remove(here, guest)
        if finished:
            break
    assert finished
    assert killed > 1
    assert here.residents("hv1") == there.residents("hv2") == frozenset()


def in_a_child(faults, at, act):
    """Gives whether it came to the end.

    libvirt's own threads are not in the child, and may have locks for ever: so this host's libvirt is not called there,
    and knows no guest.
    """
    original = Connection.call

    def call(connection, function, /, *args, **kwargs):
        if connection.uri.startswith("test:"):
            return {domains.start: True}.get(function)
        return original(connection, function, *args, **kwargs)

    child = os.fork()
    if not child:
        Connection.call = call
        faults.at, faults.done = at, 0
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_process_is_killed_while_it_discards(monkeypatch, here, there, make_guest):
    """What is half removed is not taken back, and is known to be there."""
    faults = Breaks(monkeypatch, *ALSO)
    faults.act = lambda _path: os._exit(9)
    for at in range(1, 200):
        guest = make_guest()
        here.set_aside(guest)
        finished = in_a_child(faults, at, lambda guest=guest: here.discard_aside(guest))
        left = {path.name for path in here._instances.iterdir() if path.name.startswith(guest.uuid)}
        assert (here.aside("hv1") == {guest.uuid}) == bool(left)
        assert finished == (not left)
        here.take_back(guest)
        if (here._instances / guest.uuid).exists():
            assert left == {f"{guest.uuid}_resize"}
            assert_whole(here, guest)
        remove(here, guest)
        if finished:
            break
    assert at > 4


def test_a_source_whose_pool_was_left_by_a_predecessor(here, there, make_guest, storage):
    guest = make_guest()
    source = here.set_aside(guest)
    folder = Path(msgspec.json.decode(source)["folder"])
    storage.pools[f"novalike-move-{guest.uuid}-of-another-node"] = folder
    storage.pools["somebody-else's"] = Path("/elsewhere")
    there.fetch_disks(moved(guest, there), source, ignore)
    assert storage.pools == {"somebody-else's": Path("/elsewhere")}
    remove(there, moved(guest, there))
    remove(here, guest)
