"""What the libvirt driver decides when guests move: sizes, files that come along, what is not trusted."""

import ipaddress
import os
import struct
import subprocess
from pathlib import Path

import msgspec
import pytest

from novalike.objects.flavor import Flavor
from novalike.virt import cancellation
from novalike.virt.driver import GuestFailed, ImageRejected
from novalike.virt.guest import Place
from tests.fakes import records
from tests.fakes.storage import StorageHost
from tests.unit.virt import mock_libvirt

libvirt = mock_libvirt.libvirt

from novalike.virt.images import qemu_img  # noqa: E402
from novalike.virt.images.names import stem  # noqa: E402
from novalike.virt.libvirt import base_images, disk_transfer, domains, guest_record, moving  # noqa: E402

MIB = 1024**2
TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)


@pytest.fixture
def storage(monkeypatch):
    return StorageHost().install(monkeypatch)


@pytest.fixture
def here(monkeypatch, conf, images, storage):
    mock_libvirt.install(monkeypatch, conf)
    monkeypatch.setattr(qemu_img, "_UNTRUSTED", None)  # limits cost a third of a second each time
    driver = mock_libvirt.started(conf, images)
    yield driver
    stop(driver)


def stop(driver):
    """Leave nothing in the mock hypervisor, which all tests share."""
    for guest in driver.guests(driver.conf.host):
        driver._call(domains.undefine, guest.instance_uuid)
    driver.stop()


@pytest.fixture
def there(here, make_conf, images):
    conf = make_conf("hv2")
    conf.set_override("connection_uri", "test:///default", group="libvirt")
    driver = mock_libvirt.started(conf, images)
    yield driver
    stop(driver)


@pytest.fixture
def make_guest(here, images):
    """Gives a guest that has its disks."""

    def make(**flavor):
        server = records.server(flavor=msgspec.structs.replace(TINY, **flavor))
        guest = records.guest(records.spec(server, image=images.add(os.urandom(MIB))))
        here.prepare_disks(guest)
        return guest

    return make


def folder(driver, guest):
    return driver._instances / guest.uuid


def moved(guest, driver, **flavor):
    """The guest on a driver's host, with another flavor."""
    server = msgspec.structs.replace(
        guest.spec.server, flavor=msgspec.structs.replace(guest.spec.server.flavor, **flavor)
    )
    place = Place(host=driver.conf.host, node="node")
    return msgspec.structs.replace(guest, place=place, spec=msgspec.structs.replace(guest.spec, server=server))


def ignore(_percent):
    pass


def qemu_info(path):
    text = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], check=True, capture_output=True).stdout
    return msgspec.json.decode(text)


def sizes(driver, guest):
    return {
        disk.file: (disk.target, qemu_img.info(folder(driver, guest) / disk.file, disk.format)["virtual-size"] // MIB)
        for disk in guest_record.read(folder(driver, guest)).disks
        if disk.content != "config"
    }


@pytest.mark.parametrize("same_host", [True, False])
@pytest.mark.parametrize("images_type", ["qcow2", "raw"])
def test_disks_follow_the_flavor(conf, here, there, make_guest, images_type, same_host):
    conf.set_override("images_type", images_type, group="libvirt")
    guest = make_guest(ephemeral_gb=1, swap=1)
    assert sizes(here, guest) == {"disk": ("vda", 1), "disk.eph0": ("vdb", 1024), "disk.swap": ("vdc", 1)}
    source = here.set_aside(guest)
    driver = here if same_host else there
    grown = moved(guest, driver, root_gb=2, ephemeral_gb=2, swap=3)
    assert driver.fetch_disks(grown, None if same_host else source, ignore) == "/dev/vda"
    assert sizes(driver, guest) == {"disk": ("vda", 2048), "disk.eph0": ("vdb", 2048), "disk.swap": ("vdc", 3)}
    record = guest_record.read(folder(driver, guest))
    assert {disk.format for disk in record.disks if disk.content != "config"} == {images_type}
    assert record.node == driver._node_uuid
    driver.define(grown)


def test_disks_are_added_and_swap_goes(here, there, make_guest):
    guest = make_guest(swap=1)
    more = moved(guest, there, ephemeral_gb=1, swap=0)
    there.fetch_disks(more, here.set_aside(guest), ignore)
    assert sizes(there, guest) == {"disk": ("vda", 1), "disk.eph0": ("vdb", 1024)}
    again = moved(more, here, swap=2)
    here.discard_aside(guest)
    here.fetch_disks(again, there.set_aside(more), ignore)
    assert sizes(here, guest) == {"disk": ("vda", 1), "disk.eph0": ("vdb", 1024), "disk.swap": ("vdc", 2)}


def test_nothing_shrinks(here, there, make_guest):
    guest = make_guest(root_gb=2, ephemeral_gb=2)
    there.fetch_disks(moved(guest, there, root_gb=1, ephemeral_gb=1), here.set_aside(guest), ignore)
    assert sizes(there, guest) == {"disk": ("vda", 2048), "disk.eph0": ("vdb", 2048)}


def test_hardware_stays_what_it_is(here, there, make_guest):
    there.conf.set_override("hw_machine_type", ["x86_64=q35"], group="libvirt")
    guest = make_guest()
    before = guest_record.read(folder(here, guest))
    there.fetch_disks(moved(guest, there, ephemeral_gb=1), here.set_aside(guest), ignore)
    after = guest_record.read(folder(there, guest))
    assert (after.machine, after.scsi_model, after.disks[: len(before.disks)]) == ("pc", "virtio-scsi", before.disks)
    assert after.disks[-1].target == "vdb"


def test_what_else_is_in_the_folder_comes_along(here, there, make_guest):
    guest = make_guest()
    files = {"console.log": b"log", "console.log.0": b"older", "nvram.fd": b"variables", "disk.config": b"drive"}
    for name, content in {**files, "else": b"not ours"}.items():
        (folder(here, guest) / name).write_bytes(content)
    there.fetch_disks(moved(guest, there), here.set_aside(guest), ignore)
    there.define(moved(guest, there))
    assert {path.name for path in folder(there, guest).iterdir()} == {*files, "disk", "guest.json"}
    for name, content in files.items():
        path = folder(there, guest) / name
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o077 == 0
    assert there.console_output(moved(guest, there).ref) == b"olderlog"


def test_variables_of_firmware_that_libvirt_put_elsewhere(monkeypatch, tmp_path, here, make_guest):
    guest = make_guest()
    variables = tmp_path / "instance_VARS.fd"
    variables.write_bytes(b"variables")
    monkeypatch.setattr(domains, "nvram", lambda _connection, _uuid: str(variables))
    here.set_aside(guest)
    assert (folder(here, guest).with_name(f"{guest.uuid}_resize") / "nvram.fd").read_bytes() == b"variables"
    here.take_back(guest)
    monkeypatch.setattr(domains, "nvram", lambda _connection, _uuid: str(tmp_path / "none yet"))
    here.set_aside(guest)


def test_an_overlay_is_laid_over_the_base_of_this_host(here, there, make_guest):
    guest = make_guest()
    there.fetch_disks(moved(guest, there), here.set_aside(guest), ignore)
    facts = qemu_info(folder(there, guest) / "disk")
    assert facts["backing-filename"] == str(there._cache_folder / f"{stem(guest.spec.image.id)}.raw")
    assert facts["backing-filename-format"] == "raw"


@pytest.mark.parametrize("same_host", [True, False])
def test_a_guest_can_write_to_its_raw_disk_what_it_likes(conf, here, there, make_guest, same_host):
    """The beginning of a qcow2 file that shows a file of the host."""
    conf.set_override("images_type", "raw", group="libvirt")
    guest = make_guest()
    crafted = folder(here, guest) / "crafted"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/passwd", crafted, "1M"]
    subprocess.run(command, check=True)
    evil = crafted.read_bytes()
    crafted.unlink()
    with (folder(here, guest) / "disk").open("r+b") as f:
        f.write(evil)
    source = here.set_aside(guest)
    driver = here if same_host else there
    grown = moved(guest, driver, root_gb=1)
    driver.fetch_disks(grown, None if same_host else source, ignore)
    path = folder(driver, guest) / "disk"
    assert path.stat().st_size == 1024 * MIB
    with path.open("rb") as f:
        assert f.read(len(evil)) == evil
    driver.define(grown)
    xml = driver._call(lambda connection: connection.lookupByUUIDString(guest.uuid).XMLDesc(0))
    assert 'type="raw"' in xml.replace("'", '"')


@pytest.mark.parametrize("name", ["disk", "disk.eph0"])
def test_a_disk_with_its_data_in_another_file(tmp_path, here, there, make_guest, name):
    """QEMU itself has been taken over, and has written that to what it may write to."""
    guest = make_guest(ephemeral_gb=1)
    options = f"data_file={tmp_path / 'secret'},data_file_raw=off"
    path = folder(here, guest) / name
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "1M"], check=True)
    source = here.set_aside(guest)
    with pytest.raises(GuestFailed, match=f"{name} is not safe: .*data_file"):
        there.fetch_disks(moved(guest, there), source, ignore)
    assert not folder(there, guest).exists()


def test_a_disk_that_shows_a_file_of_the_host(here, there, make_guest):
    guest = make_guest(ephemeral_gb=1)
    path = folder(here, guest) / "disk.eph0"
    subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", path], check=True)
    source = here.set_aside(guest)
    with pytest.raises(GuestFailed, match=r"disk\.eph0 is not safe: .*backing file"):
        there.fetch_disks(moved(guest, there), source, ignore)


@pytest.mark.parametrize("content", [b"", b"QFI", b"x" * 100, b"QFI\xfb" + b"\0" * 20, b"QFI\xfb" + b"\xff" * 200])
def test_a_disk_that_is_no_disk(here, there, make_guest, content):
    guest = make_guest()
    (folder(here, guest) / "disk").write_bytes(content)
    source = here.set_aside(guest)
    with pytest.raises(GuestFailed, match="not safe"):
        there.fetch_disks(moved(guest, there), source, ignore)


def test_a_disk_that_is_missing_is_not_made_anew(here, there, make_guest):
    guest = make_guest(ephemeral_gb=1)
    source = here.set_aside(guest)
    (here._instances / f"{guest.uuid}_resize" / "disk.eph0").unlink()
    with pytest.raises(GuestFailed, match=r"disk\.eph0 is missing"):
        there.fetch_disks(moved(guest, there), source, ignore)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", ""])
def test_a_record_names_nothing_outside_of_its_folder(here, there, make_guest, name):
    guest = make_guest()
    source = here.set_aside(guest)
    path = here._instances / f"{guest.uuid}_resize" / "guest.json"
    record = msgspec.json.decode(path.read_bytes())
    record["disks"][0]["file"] = name
    path.write_bytes(msgspec.json.encode(record))
    with pytest.raises(GuestFailed, match="no name of a disk"):
        there.fetch_disks(moved(guest, there), source, ignore)


def test_no_space(monkeypatch, here, there, make_guest):
    guest = make_guest()
    source = here.set_aside(guest)
    real = os.statvfs

    def full(path):
        facts = list(real(path))
        facts[4] = 0
        return os.statvfs_result(facts)

    monkeypatch.setattr(moving.os, "statvfs", full)
    with pytest.raises(GuestFailed, match="no space"):
        there.fetch_disks(moved(guest, there), source, ignore)


def test_images_that_glance_has_lost(here, there, images):
    """A kernel and a ramdisk besides what the disk is laid over."""
    kernel, ramdisk = (images.add(content, "aki", visibility="public") for content in (b"kernel", b"ramdisk"))
    image = images.add(os.urandom(MIB), properties={"kernel_id": kernel.id, "ramdisk_id": ramdisk.id})
    guest = records.guest(records.spec(records.server(flavor=TINY), image=image))
    here.prepare_disks(guest)
    images.contents.clear()
    there.prepare_move(moved(guest, there))
    there.fetch_disks(moved(guest, there), here.set_aside(guest), ignore)
    record = guest_record.read(folder(there, guest))
    assert (Path(record.kernel).read_bytes(), Path(record.ramdisk).read_bytes()) == (b"kernel", b"ramdisk")
    assert Path(record.kernel).parent == there._cache_folder
    there.define(moved(guest, there))
    here.discard_aside(guest)
    assert len(here.prune_image_cache(0)) == 3
    assert there.prune_image_cache(0) == ()


def test_what_is_set_aside_keeps_its_image(here, make_guest):
    guest = make_guest()
    base = f"{stem(guest.spec.image.id)}.raw"
    here.set_aside(guest)
    assert here.prune_image_cache(0) == ()
    here.take_back(guest)
    assert not (folder(here, guest) / base).is_symlink()
    here.set_aside(guest)
    here.discard_aside(guest)
    assert here.prune_image_cache(0) == (base,)


def test_images_in_use_are_found_while_folders_change_their_names(monkeypatch, here, make_guest):
    guest = make_guest()
    needed = base_images._needed

    def set_aside_before(path):
        if path.name == guest.uuid:
            here.set_aside(guest)
        return needed(path)

    monkeypatch.setattr(base_images, "_needed", set_aside_before)
    found = base_images.in_use(here._instances, here._cache_folder)
    assert found == {f"{stem(guest.spec.image.id)}.raw"}


def test_a_move_is_broken_off(monkeypatch, here, there, make_guest, storage):
    monkeypatch.setattr(disk_transfer, "_PIECE", 1)
    guest = make_guest()
    source = here.set_aside(guest)
    job = cancellation.Cancellation("req-1")
    with cancellation.listening(job), pytest.raises(cancellation.Cancelled):
        there.fetch_disks(moved(guest, there), source, lambda _percent: job.cancel())
    assert storage.pools == {}
    assert not folder(there, guest).exists()
    assert there.residents("hv2") == {guest.uuid}
    there.remove_disks(moved(guest, there))
    assert there.residents("hv2") == frozenset()


def test_where_others_find_this_host(conf, here, there, make_guest, storage):
    conf.set_override("live_migration_inbound_addr", "2001:db8::5", group="libvirt")
    there.conf.set_override("live_migration_uri", "qemu+tcp://%s:16509/system?x=1", group="libvirt")
    guest = make_guest()
    source = here.set_aside(guest)
    assert ipaddress.ip_address(msgspec.json.decode(source)["address"])
    there.fetch_disks(moved(guest, there), source, ignore)
    assert storage.opened == ["qemu+tcp://[2001:db8::5]:16509/system?x=1"]


def test_by_default_they_use_its_address(conf, here, make_guest):
    conf.set_override("my_ip", "192.0.2.7")
    assert msgspec.json.decode(here.set_aside(make_guest()))["address"] == "192.0.2.7"


@pytest.mark.parametrize("source", ["", "{}", "qemu+tcp://elsewhere"])
def test_a_source_that_says_nothing(there, make_guest, source):
    with pytest.raises(GuestFailed, match="does not say"):
        there.fetch_disks(moved(make_guest(), there), source, ignore)


def test_a_host_that_can_not_have_the_guest(here, there, make_guest, images):
    guest = make_guest()
    with pytest.raises(GuestFailed, match="hw:cpu_policy"):
        there.prepare_move(moved(guest, there, extra_specs={"hw:cpu_policy": "dedicated"}))
    header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 4 << 30)  # 4 GiB
    big = msgspec.structs.replace(guest.spec, image=images.add(header + bytes(MIB), "qcow2"))
    with pytest.raises(ImageRejected):
        there.prepare_move(moved(msgspec.structs.replace(guest, spec=big), there, root_gb=1))
    assert there.residents("hv2") == frozenset()


def test_a_folder_that_is_set_aside_belongs_to_its_node(here, make_guest):
    """On a file system that several hosts share."""
    guest = make_guest()
    here.set_aside(guest)
    here._node_uuid, mine = "another", here._node_uuid
    assert here.aside("hv1") == here.residents("hv1") == frozenset()
    here.discard_aside(guest)
    here.take_back(guest)
    here._node_uuid = mine
    assert here.aside("hv1") == {guest.uuid}
    here.discard_aside(guest)
    assert here.residents("hv1") == frozenset()
