"""Config drives can be read by what guests have."""

import io
import stat

import pycdlib
import pytest

from novalike.virt import config_drive
from novalike.virt.driver import ConfigDrive

FILES = {
    "openstack/latest/meta_data.json": b"{}",
    "openstack/latest/user_data": b"#!/bin/sh\n",
    "openstack/2012-08-10/meta_data.json": b'{"a": 1}',
    "openstack/content/0000": b"x" * 5000,
    "ec2/latest/meta-data.json": b"",
}


@pytest.fixture
def opened():
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(config_drive.build(ConfigDrive(files=FILES))))
    yield iso
    iso.close()


@pytest.mark.parametrize("kind", ["rr_path", "joliet_path"])
def test_every_file_is_there_under_its_name(opened, kind):
    for path, content in FILES.items():
        out = io.BytesIO()
        opened.get_file_from_iso_fp(out, **{kind: "/" + path})
        assert out.getvalue() == content


def test_label(opened):
    assert opened.pvd.volume_identifier.strip() == b"config-2"


@pytest.mark.parametrize("path", ["/etc/passwd", "a/../b", "a//b", "", "./a"])
def test_paths_stay_inside(path):
    with pytest.raises(ValueError, match="config drive"):
        config_drive.build(ConfigDrive(files={path: b""}))


def test_nobody_else_can_read_it(tmp_path):
    target = tmp_path / "disk.config"
    for _ in range(2):
        config_drive.write(ConfigDrive(files=FILES), target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["disk.config"]
