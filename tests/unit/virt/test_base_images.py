"""Which cached images are in use, as records and disks say: also those of other hosts, and of guests that don't run."""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.virt.driver import GuestFailed
from tests.fakes import records
from tests.unit.virt import mock_libvirt

libvirt = mock_libvirt.libvirt

from novalike.virt.images import qemu_img  # noqa: E402
from novalike.virt.images.locks import Busy  # noqa: E402
from novalike.virt.images.names import stem  # noqa: E402
from novalike.virt.libvirt import base_images, disk_files, guest_record  # noqa: E402

MIB = 1024**2
TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)


@pytest.fixture
def driver(monkeypatch, conf, images):
    mock_libvirt.install(monkeypatch, conf)
    driver = mock_libvirt.started(conf, images)
    yield driver
    driver.stop()


@pytest.fixture
def make_guest(images):
    numbers = iter(range(1, 100))

    def make(content=b"\1" * MIB, **more):
        image = images.add(content, **more)
        return records.guest(records.spec(records.server(id=next(numbers), flavor=TINY), image=image))

    return make


def folder(driver, guest):
    return driver._instances / guest.uuid


def in_use(driver):
    return base_images.in_use(driver._instances, driver._cache_folder)


def base_of(guest):
    return f"{stem(guest.spec.image.id)}.raw"


def test_a_cache_of_another_name(monkeypatch, conf, images, make_guest):
    mock_libvirt.install(monkeypatch, conf)
    conf.set_override("subdirectory_name", "images", group="image_cache")
    driver = mock_libvirt.started(conf, images)
    guest = make_guest()
    driver.prepare_disks(guest)
    assert (driver._instances / "images" / base_of(guest)).exists()
    assert in_use(driver) == {base_of(guest)}
    driver.stop()


@pytest.mark.parametrize("name", ["..", "a/b", "/var/x", "", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a" * 32])
def test_what_can_not_be_the_caches_name(conf, name):
    with pytest.raises(ValueError, match="regex"):
        conf.set_override("subdirectory_name", name, group="image_cache")


def test_of_every_host_that_shares_the_folder(monkeypatch, tmp_path, conf, driver, images, make_guest):
    """Another node's guests are in the same folder of guests, and their images in the same cache."""
    (tmp_path / "compute_id").unlink()
    (tmp_path / "compute_host").unlink()
    other = mock_libvirt.started(conf, images)
    assert other._node_uuid != driver._node_uuid
    guest = make_guest()
    other.prepare_disks(guest)
    assert driver.residents("hv1") == frozenset()
    assert driver.prune_image_cache(0) == ()
    assert (driver._cache_folder / base_of(guest)).exists()
    other.remove_disks(guest)
    assert driver.prune_image_cache(0) == (base_of(guest),)
    other.stop()


@pytest.mark.parametrize("images_type", ["qcow2", "raw"])
def test_a_copy_needs_its_base_only_until_it_is_there(monkeypatch, conf, driver, make_guest, images_type):
    conf.set_override("images_type", images_type, group="libvirt")
    guest, pruned = make_guest(), []
    make = disk_files.make

    def make_after_a_pass(*args):
        pruned.append(driver.prune_image_cache(0))
        make(*args)

    monkeypatch.setattr(disk_files, "make", make_after_a_pass)
    driver.prepare_disks(guest)
    assert pruned[0] == (), "it was taken away before the disk was made"
    assert (folder(driver, guest) / "disk").stat().st_size
    assert in_use(driver) == ({base_of(guest)} if images_type == "qcow2" else set())


def test_written_down_before_anybody_may_remove_it(monkeypatch, driver, make_guest, images):
    """While the record of each image is written its lock is held."""
    images.add(b"kernel", "aki", id="kernel", visibility="public")
    images.add(b"ramdisk", "ari", id="ramdisk", visibility="public")
    guest = make_guest(properties={"kernel_id": "kernel", "ramdisk_id": "ramdisk"})
    write, names = guest_record.write, []

    def watched(*args):
        held = []
        for image_id in (guest.spec.image.id, "kernel", "ramdisk"):
            try:
                with driver._cache._locks.held(stem(image_id), blocking=False):
                    pass
            except Busy:
                held.append(image_id)
        names.append(held)
        write(*args)

    monkeypatch.setattr(guest_record, "write", watched)
    driver.prepare_disks(guest)
    assert names == [[guest.spec.image.id], ["kernel"], ["ramdisk"]]
    assert in_use(driver) == {base_of(guest), f"{stem('kernel')}.blob", f"{stem('ramdisk')}.blob"}


def test_a_kernel_that_is_gone_can_be_had_later(driver, make_guest, images):
    """The first try has written down the base file, which stays; the second one does the rest."""
    kernel = images.add(b"kernel", "aki", visibility="public")
    guest = make_guest(properties={"kernel_id": kernel.id})
    content = images.contents.pop(kernel.id)
    with pytest.raises(errors.ImageNotFound):
        driver.prepare_disks(guest)
    assert driver.prune_image_cache(0) == ()
    images.contents[kernel.id] = content
    driver.prepare_disks(guest)
    assert guest_record.read(folder(driver, guest)).kernel.endswith(f"{stem(kernel.id)}.blob")
    driver.remove_disks(guest)
    assert len(driver.prune_image_cache(0)) == 2


def test_disks_without_a_record_say_it_themselves(driver, make_guest):
    guest = make_guest()
    driver.prepare_disks(guest)
    (folder(driver, guest) / "guest.json").unlink()
    assert in_use(driver) == {base_of(guest)}
    assert driver.prune_image_cache(0) == ()
    (folder(driver, guest) / "disk").unlink()
    assert in_use(driver) == frozenset()


def test_disks_that_operators_have_made(driver, make_guest):
    """A folder of any name, or a link to one; a backing file given as JSON; a snapshot that lies over a disk."""
    one, two = make_guest(), make_guest(b"\2" * MIB)
    bases = [driver._cache.base(guest.spec.image, None) for guest in (one, two)]
    saved, elsewhere = driver._instances / "saved", driver._instances.parent / "elsewhere"
    for path in (saved, elsewhere):
        path.mkdir()
    (driver._instances / "link").symlink_to(elsewhere)
    qemu_img.create_overlay(saved / "vm.qcow2", Path(bases[0].path), "raw", 2 * MIB)
    qemu_img.create_overlay(saved / "vm.snap", saved / "vm.qcow2", "qcow2", 2 * MIB)
    assert in_use(driver) == {base_of(one)}
    spelled = msgspec.json.encode({"driver": "raw", "file": {"driver": "file", "filename": bases[1].path}}).decode()
    subprocess.run(
        ["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", f"json:{spelled}", elsewhere / "vm", "1M"],
        check=True,
    )
    assert in_use(driver) == {base_of(one), base_of(two)}
    shutil.rmtree(saved)
    assert in_use(driver) == {base_of(two)}


@pytest.mark.parametrize(
    "content",
    [b"", b"QFI\xfb", b"QFI\xfb" + b"\xff" * 16, b"QFI\xfb\0\0\0\3" + b"\xff" * 8 + b"\0\0\0\x10",
     b"QFI\xfb\0\0\0\3" + b"\0" * 6 + b"\1\0" + b"\0\0\xff\xff", b"\0" * MIB],
)  # fmt: skip
def test_files_that_name_nothing(driver, content):
    (driver._instances / "saved").mkdir()
    (driver._instances / "saved" / "disk").write_bytes(content)
    os.mkfifo(driver._instances / "saved" / "pipe")
    (driver._instances / "saved" / "nowhere").symlink_to("nothing")
    (driver._instances / "a file").touch()
    assert in_use(driver) == frozenset()


def test_a_record_that_can_not_be_read(driver, make_guest):
    """It can't be told what it names, so nothing is removed; the error says where to look."""
    broken, unused = make_guest(), make_guest(b"\2" * MIB)
    driver.prepare_disks(broken)
    driver._cache.base(unused.spec.image, None)
    (folder(driver, broken) / "guest.json").write_bytes(b"{")
    with pytest.raises(GuestFailed, match=broken.uuid):
        driver.prune_image_cache(0)
    assert (driver._cache_folder / base_of(unused)).exists()
    folder(driver, broken).rename(driver._instances / "not a guest's")
    assert set(driver.prune_image_cache(0)) == {base_of(broken), base_of(unused)}


def test_a_disk_that_can_not_be_read(monkeypatch, driver, make_guest):
    """Its record will do; without that it can't be told."""
    guest = make_guest()
    driver.prepare_disks(guest)
    real = Path.open

    def refuses(path, *args, **more):
        if path.name == "disk":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **more)

    monkeypatch.setattr(Path, "open", refuses)
    assert in_use(driver) == {base_of(guest)}
    (folder(driver, guest) / "guest.json").unlink()
    with pytest.raises(GuestFailed, match=guest.uuid):
        in_use(driver)


def test_a_guest_that_is_removed_meanwhile(monkeypatch, driver, make_guest):
    guest = make_guest()
    driver.prepare_disks(guest)
    read = guest_record.read

    def read_and_gone(path):
        known = read(path)
        shutil.rmtree(path)
        return known

    monkeypatch.setattr(guest_record, "read", read_and_gone)
    assert in_use(driver) == frozenset()
