"""Which disks a guest gets, and that a guest keeps them."""

import pytest

from novalike.objects.block_device import BlockDevice
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.virt.driver import GuestFailed
from novalike.virt.images.cache import Base
from novalike.virt.libvirt import disk_plan, guest_record
from tests.fakes import records

GIB = 1024**3
ROOT = BlockDevice(uuid="r", source_type="image", destination_type="local", boot_index=0)


def blank(size=None, **more):
    return BlockDevice(uuid="b", source_type="blank", destination_type="local", volume_size=size, **more)


def plan(conf, devices=(), image=None, **flavor):
    fields = {"flavor_id": "1", "name": "f", "memory_mb": 64, "vcpus": 1, "root_gb": 1} | flavor
    image = image or Image(id="i", disk_format="qcow2")
    spec = records.spec(records.server(flavor=Flavor(**fields)), image=image, block_devices=tuple(devices))
    return disk_plan.plan(conf, spec, "x86_64", "node")


def shape(planned):
    return [(disk.content, disk.target, disk.bus, disk.size) for disk in planned.disks if disk.content != "config"]


def test_an_image_alone(conf):
    planned = plan(conf)
    assert shape(planned) == [("image", "vda", "virtio", GIB)]
    assert planned.root_device == "/dev/vda"
    assert (planned.machine, planned.disks[0].format, planned.disks[0].boot_order) == ("pc", "qcow2", 1)


def test_as_large_as_the_image(conf):
    planned = plan(conf, root_gb=0)
    assert shape(planned) == [("image", "vda", "virtio", None)]
    finished = disk_plan.complete(planned, Base(path="/b/x.qcow2", format="qcow2", virtual_size=7))
    assert finished.disks[0].size == 7
    assert finished.base == "x.qcow2"


def test_flavors_disks(conf):
    assert shape(plan(conf, ephemeral_gb=2, swap=16)) == [
        ("image", "vda", "virtio", GIB),
        ("ephemeral", "vdb", "virtio", 2 * GIB),
        ("swap", "vdc", "virtio", 16 * 1024**2),
    ]


def test_users_disks_replace_the_flavors(conf):
    devices = (ROOT, blank(1), blank(2, guest_format="ext3", disk_bus="scsi"), blank(8, guest_format="swap"))
    planned = plan(conf, devices, ephemeral_gb=3, swap=16)
    assert shape(planned) == [
        ("image", "vda", "virtio", GIB),
        ("ephemeral", "vdb", "virtio", GIB),
        ("ephemeral", "sda", "scsi", 2 * GIB),
        ("swap", "vdc", "virtio", 8 * 1024**2),
    ]
    assert [disk.filesystem for disk in planned.disks[1:3]] == ["ext4", "ext3"]
    assert [disk.label for disk in planned.disks[1:3]] == ["ephemeral0", "ephemeral1"]


def test_names_that_users_want(conf):
    devices = (
        BlockDevice(uuid="r", source_type="image", destination_type="local", boot_index=0, device_name="/dev/vdc"),
        blank(1, device_name="vda"),
        blank(1, device_name="/dev/sdz"),
    )
    assert [target for _c, target, _b, _s in shape(plan(conf, devices))] == ["vdc", "vda", "vdb"]


def test_the_same_name_twice(conf):
    with pytest.raises(GuestFailed, match="vda"):
        plan(conf, (ROOT, blank(1, device_name="/dev/vda")))


def test_raw_disks(conf):
    conf.set_override("images_type", "flat", group="libvirt")
    assert plan(conf).disks[0].format == "raw"


def test_an_installation_cd(conf):
    planned = plan(conf, image=Image(id="i", disk_format="iso"), ephemeral_gb=1)
    assert (planned.disks[0].device, planned.disks[0].bus, planned.root_device) == ("cdrom", "ide", "/dev/hda")


def test_a_place_for_the_config_drive_is_kept(conf):
    assert [(d.target, d.device, d.bus) for d in plan(conf).disks if d.content == "config"] == [("hda", "cdrom", "ide")]


def test_many_disks(conf):
    assert shape(plan(conf, [ROOT, *(blank(1) for _ in range(25))]))[-1][1] == "vdz"
    with pytest.raises(GuestFailed, match="No room"):
        plan(conf, [ROOT, *(blank(1) for _ in range(26))])


@pytest.mark.parametrize(
    "device",
    [BlockDevice(uuid="v", source_type="volume", destination_type="volume", boot_index=0),
     BlockDevice(uuid="v", source_type="image", destination_type="volume", boot_index=0),
     BlockDevice(uuid="v", source_type="image", destination_type="local", boot_index=1)],
)  # fmt: skip
def test_what_is_not_supported_is_refused(conf, device):
    with pytest.raises(GuestFailed):
        plan(conf, (device,))


def test_records_survive(conf, tmp_path):
    assert guest_record.read(tmp_path) is None
    planned = plan(conf, ephemeral_gb=1)
    guest_record.write(tmp_path, planned)
    assert guest_record.read(tmp_path) == planned


def plan_move(conf, known, devices=(), **flavor):
    fields = {"flavor_id": "2", "name": "f", "memory_mb": 64, "vcpus": 1, "root_gb": 1} | flavor
    server = records.server(flavor=Flavor(**fields))
    spec = records.spec(server, image=Image(id="i", disk_format="qcow2"), block_devices=tuple(devices))
    return disk_plan.plan_move(conf, spec, known, "x86_64", "other")


def test_a_move_changes_sizes_and_nothing_else(conf):
    known = plan(conf, ephemeral_gb=1, swap=16)
    conf.set_override("images_type", "raw", group="libvirt")
    conf.set_override("hw_machine_type", ["x86_64=q35"], group="libvirt")
    moved = plan_move(conf, known, root_gb=3, ephemeral_gb=2, swap=32)
    assert shape(moved) == [
        ("image", "vda", "virtio", 3 * GIB),
        ("ephemeral", "vdb", "virtio", 2 * GIB),
        ("swap", "vdc", "virtio", 32 * 1024**2),
    ]
    assert (moved.machine, moved.node) == ("pc", "other")
    assert {disk.format for disk in moved.disks if disk.content != "config"} == {"qcow2"}
    assert [disk.target for disk in moved.disks] == [disk.target for disk in known.disks]
    assert plan_move(conf, known, ephemeral_gb=1, swap=16).disks == known.disks


def test_a_move_adds_disks_behind_those_that_there_are(conf):
    known = plan(conf, swap=16)
    assert shape(known)[1:] == [("swap", "vdb", "virtio", 16 * 1024**2)]
    moved = plan_move(conf, known, ephemeral_gb=1, swap=16)
    assert shape(moved)[1:] == [("swap", "vdb", "virtio", 16 * 1024**2), ("ephemeral", "vdc", "virtio", GIB)]
    without = plan_move(conf, moved, ephemeral_gb=1)
    assert shape(without)[1:] == [("ephemeral", "vdc", "virtio", GIB)]
    again = plan_move(conf, without, ephemeral_gb=1, swap=8)
    assert shape(again)[1:] == [("ephemeral", "vdc", "virtio", GIB), ("swap", "vdb", "virtio", 8 * 1024**2)]


def test_a_move_takes_no_disk_away_but_swap(conf):
    known = plan(conf, root_gb=2, ephemeral_gb=2, swap=16)
    assert shape(plan_move(conf, known, root_gb=1)) == [
        ("image", "vda", "virtio", 2 * GIB),
        ("ephemeral", "vdb", "virtio", 2 * GIB),
    ]


def test_a_move_keeps_sizes_that_were_asked_for(conf):
    devices = (ROOT, blank(1), blank(8, guest_format="swap"))
    known = plan(conf, devices, ephemeral_gb=2, swap=16)
    assert shape(plan_move(conf, known, devices, ephemeral_gb=4, swap=32)) == shape(known)
    smaller = plan_move(conf, known, devices, ephemeral_gb=4, swap=4)
    assert shape(smaller)[2] == ("swap", "vdc", "virtio", 4 * 1024**2)


def test_a_disk_as_large_as_its_image_grows_to_the_flavor(conf):
    known = disk_plan.complete(plan(conf, root_gb=0), Base(path="/b/x.qcow2", format="qcow2", virtual_size=7))
    assert plan_move(conf, known, root_gb=0).disks[0].size == 7
    assert plan_move(conf, known, root_gb=1).disks[0].size == GIB


def test_a_cd_is_not_resized(conf):
    known = plan(conf, image=Image(id="i", disk_format="iso"))
    known = disk_plan.complete(known, Base(path="/b/x.raw", format="raw", virtual_size=7))
    assert plan_move(conf, known, root_gb=5).disks[0].size == 7
