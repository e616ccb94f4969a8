"""qemu-img is told every format, and its failures are ours."""

import shutil

import pytest
from oslo_concurrency import processutils

from novalike.objects.image import Image
from novalike.virt.driver import GuestFailed, ImageRejected
from novalike.virt.images import inspection, qemu_img


@pytest.fixture
def commands(monkeypatch):
    ran = []

    def execute(*args, **_options):
        ran.append(args)
        return "", ""

    monkeypatch.setattr(processutils, "execute", execute)
    return ran


def test_every_format_is_named(commands, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    qemu_img.create_overlay(a, b, "raw", 5)
    qemu_img.create_empty(a, "raw", 5)
    qemu_img.convert(a, "vmdk", b, "raw")
    qemu_img.resize(a, "raw", 5)
    for command in commands:
        assert command[0] == "qemu-img"
        assert "-f" in command
    assert "-F" in commands[0]
    assert "-O" in commands[2]


@pytest.mark.parametrize("error", [processutils.ProcessExecutionError(stderr="it broke"), OSError(12, "it broke")])
def test_failures(monkeypatch, tmp_path, error):
    def execute(*_args, **_options):
        raise error

    monkeypatch.setattr(processutils, "execute", execute)
    a = tmp_path / "a"
    for attempt in (
        lambda: qemu_img.create_overlay(a, a, "raw", 5),
        lambda: qemu_img.create_empty(a, "raw", 5),
        lambda: qemu_img.convert(a, "vmdk", a, "raw"),
        lambda: qemu_img.resize(a, "raw", 5),
    ):
        with pytest.raises(GuestFailed, match="it broke"):
            attempt()
    with pytest.raises(ValueError, match="it broke"):
        qemu_img.info(a, "qcow2")


def test_a_file_system_without_direct_io(monkeypatch, tmp_path):
    ran = []

    def execute(*args, **_options):
        ran.append(args)
        if "none" in args:
            raise processutils.ProcessExecutionError(stderr="file system may not support O_DIRECT")
        return "", ""

    monkeypatch.setattr(processutils, "execute", execute)
    qemu_img.convert(tmp_path / "a", "vmdk", tmp_path / "b", "raw")
    assert len(ran) == 2


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"format": "raw"}, "reads the image as raw"),
        ({"backing-filename": "/etc/passwd"}, "backing file"),
        ({"format-specific": {"data": {"data-file": "/etc/passwd"}}}, "data file"),
        ({"encrypted": True}, "encrypted"),
        ({"format-specific": {"data": {"corrupt": True}}}, "corrupt"),
        ({"virtual-size": None}, "no size"),
    ],
)
@pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")
def test_what_qemu_says_counts_too(monkeypatch, tmp_path, facts, message):
    """Should the inspectors ever miss it."""
    path = tmp_path / "x"
    qemu_img.create_empty(path, "qcow2", 1024**2)
    known = {"format": "qcow2", "virtual-size": 1024**2}
    monkeypatch.setattr(qemu_img, "info", lambda _path, _format: known | facts)
    with pytest.raises(ImageRejected, match=message):
        inspection.inspect(path, Image(id="i", disk_format="qcow2"))
