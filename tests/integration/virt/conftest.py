"""The libvirt driver on the QEMU of this machine, with a guest image that boots."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.objects.flavor import Flavor
from tests.fakes import records
from tests.fakes.images import MemoryImages

libvirt = pytest.importorskip("libvirt")

BUILD = Path(__file__).parents[3] / "devstack" / "image" / "build.sh"
NANO = Flavor(flavor_id="1", name="nano", memory_mb=192, vcpus=1, root_gb=1)
# far from those of a cloud that shares this machine's libvirt: guests are called after them
NUMBERS = itertools.count(0x7E570000 + os.getpid() % 4096 * 16)


@pytest.fixture(scope="session", autouse=True)
def _hypervisor():
    if os.geteuid() != 0 or not shutil.which("qemu-img"):
        pytest.skip("needs root and QEMU")
    try:
        libvirt.open("qemu:///system").close()
    except libvirt.libvirtError as e:
        pytest.skip(f"no libvirt here: {e}")


@pytest.fixture(scope="session")
def guest_image(tmp_path_factory) -> bytes:
    """A qcow2 image whose guest has a login prompt in seconds, also under emulation."""
    path = os.environ.get("NOVALIKE_GUEST_IMAGE")
    if not path:
        cached = Path(tempfile.gettempdir()) / "novalike-guest-image"
        path = str(cached / "guest.qcow2")
        if not Path(path).exists():
            subprocess.run([str(BUILD), str(cached)], check=True, capture_output=True, timeout=600)
    return Path(path).read_bytes()


@pytest.fixture
def state_path():
    """A folder that QEMU, which runs as its own user, can get into: pytest's are closed."""
    path = Path(tempfile.mkdtemp(prefix="novalike-virt-", dir="/var/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_conf(state_path):
    """Gives the configuration of a host, each with a folder of its own."""

    def make(host) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([], project="novalike", default_config_files=[])
        conf.set_override("state_path", str(state_path if host == "hv1" else state_path / host))
        conf.set_override("host", host)
        conf.set_override("virt_type", "qemu", group="libvirt")
        # Hosts that move guests to each other are all on this machine's libvirt.
        conf.set_override("live_migration_uri", conf.libvirt.connection_uri, group="libvirt")
        conf.set_override("hw_machine_type", ["x86_64=pc"], group="libvirt")
        return conf

    return make


@pytest.fixture
def conf(make_conf) -> cfg.ConfigOpts:
    return make_conf("hv1")


@pytest.fixture
def images() -> MemoryImages:
    return MemoryImages()


@pytest.fixture
def driver(conf, images):
    from novalike.virt.libvirt.driver import LibvirtDriver

    driver = LibvirtDriver(conf, images)
    driver.start()
    yield driver
    driver.stop()


@pytest.fixture
def make_spec(images, guest_image):
    def make(image=None, **more):
        image = image or images.add(guest_image, "qcow2")
        server = {"id": next(NUMBERS), "flavor": NANO} | more
        return records.spec(records.server(**server), image=image)

    return make


@pytest.fixture
def make_guest(make_spec):
    return lambda image=None, **more: records.guest(make_spec(image, **more))
