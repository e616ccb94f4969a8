"""A configuration whose state is in the test's own folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_config import cfg

from novalike import conf as options
from tests.fakes.images import MemoryImages


@pytest.fixture
def make_conf(tmp_path: Path) -> Callable[[str], cfg.ConfigOpts]:
    """Gives the configuration of a host, each with a folder of its own."""

    def make(host: str) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([], project="novalike", default_config_files=[])
        conf.set_override("state_path", str(tmp_path if host == "hv1" else tmp_path / host))
        conf.set_override("host", host)
        conf.set_override("virt_type", "qemu", group="libvirt")
        conf.set_override("hw_machine_type", ["x86_64=pc"], group="libvirt")
        return conf

    return make


@pytest.fixture
def conf(make_conf: Callable[[str], cfg.ConfigOpts]) -> cfg.ConfigOpts:
    return make_conf("hv1")


@pytest.fixture
def images() -> MemoryImages:
    return MemoryImages()
