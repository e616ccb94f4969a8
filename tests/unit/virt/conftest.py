"""A configuration whose state is in the test's own folder."""

from pathlib import Path

import pytest
from oslo_config import cfg

from novalike import conf as options
from tests.fakes.images import MemoryImages


@pytest.fixture
def conf(tmp_path: Path) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("state_path", str(tmp_path))
    conf.set_override("host", "hv1")
    conf.set_override("virt_type", "qemu", group="libvirt")
    conf.set_override("hw_machine_type", ["x86_64=pc"], group="libvirt")
    return conf


@pytest.fixture
def images() -> MemoryImages:
    return MemoryImages()
