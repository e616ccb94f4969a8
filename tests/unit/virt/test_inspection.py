"""Images that are not what they say, or dangerous."""

import os
import shutil
import struct
import subprocess

import pytest

from novalike.objects.image import Image
from novalike.virt.driver import ImageRejected
from novalike.virt.images import inspection

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")
MIB = 1024**2


def qemu_img(*args):
    subprocess.run(["qemu-img", *map(str, args)], check=True, capture_output=True)


def image(disk_format):
    return Image(id="i", disk_format=disk_format)


@pytest.mark.parametrize(
    ("disk_format", "made_as", "qemu_format"),
    [("qcow2", "qcow2", "qcow2"), ("vmdk", "vmdk", "vmdk"), ("vdi", "vdi", "vdi"), ("vhdx", "vhdx", "vhdx"),
     ("vhd", "vpc", "vpc"), ("raw", "raw", "raw")],
)  # fmt: skip
def test_good_images_pass(tmp_path, disk_format, made_as, qemu_format):
    path = tmp_path / "x"
    qemu_img("create", "-f", made_as, path, "8M")
    found = inspection.inspect(path, image(disk_format))
    assert found.qemu_format == qemu_format
    assert found.virtual_size >= 8 * MIB


@pytest.mark.parametrize("content", ["qcow2", "vmdk", "vdi"])
def test_a_raw_image_that_is_something_else(tmp_path, content):
    path = tmp_path / "x"
    qemu_img("create", "-f", content, path, "8M")
    with pytest.raises(ImageRejected, match=f"says raw and contains {content}"):
        inspection.inspect(path, image("raw"))


def test_a_raw_disk_with_a_partition_table_passes(tmp_path):
    path = tmp_path / "x"
    table = bytearray(MIB)
    table[446:462] = struct.pack("<B3BB3BII", 0x80, 0, 2, 0, 0x83, 0, 0, 0, 1, 100)
    table[510:512] = b"\x55\xaa"
    path.write_bytes(table)
    assert inspection.inspect(path, image("raw")).virtual_size == MIB


@pytest.mark.parametrize("disk_format", ["qcow2", "vmdk", "vdi", "vhd", "vhdx"])
def test_nothing_but_zeros_is_no_such_image(tmp_path, disk_format):
    path = tmp_path / "x"
    path.write_bytes(b"\0" * MIB)
    with pytest.raises(ImageRejected, match="does not match disk_format"):
        inspection.inspect(path, image(disk_format))


def test_a_backing_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * MIB)
    path = tmp_path / "x"
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", secret, path)
    with pytest.raises(ImageRejected, match="backing file"):
        inspection.inspect(path, image("qcow2"))


def test_an_external_data_file(tmp_path):
    path = tmp_path / "x"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path}/data,data_file_raw=on", path, "8M")
    with pytest.raises(ImageRejected, match="data_file"):
        inspection.inspect(path, image("qcow2"))


def test_features_nobody_knows(tmp_path):
    path = tmp_path / "x"
    qemu_img("create", "-f", "qcow2", path, "8M")
    with path.open("r+b") as f:
        f.seek(72)
        f.write(struct.pack(">Q", 1 << 40))
    with pytest.raises(ImageRejected, match="not safe"):
        inspection.inspect(path, image("qcow2"))


def test_a_vmdk_whose_data_is_elsewhere(tmp_path):
    path = tmp_path / "x"
    path.write_text(
        '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        'RW 2048 FLAT "/etc/passwd" 0\n' + "#" * 1024
    )
    with pytest.raises(ImageRejected):
        inspection.inspect(path, image("vmdk"))


def test_a_header_cut_off(tmp_path):
    whole, path = tmp_path / "whole", tmp_path / "x"
    qemu_img("create", "-f", "qcow2", whole, "8M")
    path.write_bytes(whole.read_bytes()[:60])
    with pytest.raises(ImageRejected):
        inspection.inspect(path, image("qcow2"))


def test_an_end_cut_off(tmp_path):
    whole, path = tmp_path / "whole", tmp_path / "disk"
    whole.write_bytes(os.urandom(MIB))
    qemu_img("convert", "-f", "raw", "-O", "qcow2", str(whole), str(path))
    assert inspection.inspect(path, image("qcow2")).virtual_size == MIB
    os.truncate(path, path.stat().st_size - MIB // 4)
    with pytest.raises(ImageRejected, match="not complete"):
        inspection.inspect(path, image("qcow2"))


def test_an_encrypted_image(tmp_path):
    path = tmp_path / "x"
    options = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"
    for left in reversed(range(10)):
        try:
            qemu_img("create", "-f", "qcow2", "--object", "secret,id=s,data=x", "-o", options, path, "8M")
            break
        except subprocess.CalledProcessError:
            # It measures how fast it can derive keys, and gives up when the machine is busy with other things.
            if not left:
                raise
    with pytest.raises(ImageRejected, match="encrypted"):
        inspection.inspect(path, image("qcow2"))


@pytest.mark.parametrize("disk_format", [None, "ploop", "qed", "docker"])
def test_formats_that_are_not_taken(tmp_path, disk_format):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 512)
    with pytest.raises(ImageRejected, match="not supported"):
        inspection.inspect(path, image(disk_format))
