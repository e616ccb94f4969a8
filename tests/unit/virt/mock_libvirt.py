"""The libvirt driver on libvirt's own mock hypervisor (``test:///default``): the real library, no daemon."""

import shutil

import pytest

libvirt = pytest.importorskip("libvirt")
if not shutil.which("qemu-img"):
    pytest.skip("qemu-img is not installed", allow_module_level=True)

from novalike.virt.libvirt import capabilities, domains  # noqa: E402
from novalike.virt.libvirt.driver import LibvirtDriver  # noqa: E402
from novalike.virt.libvirt.guestxml import domain as domain_xml  # noqa: E402
from tests.fakes.switch import MemorySwitch  # noqa: E402

HOST = """<capabilities><host><cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor>
<topology sockets='1' dies='1' cores='2' threads='1'/><feature name='sse4.1'/></cpu></host>
<guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/></arch></guest></capabilities>"""
MACHINE = """<domainCapabilities><arch>x86_64</arch><os supported='yes'/>
<cpu><mode name='maximum' supported='yes'/><mode name='host-model' supported='yes'><model>EPYC</model>
<feature policy='require' name='svm'/><feature policy='disable' name='avx2'/></mode></cpu>
<devices><disk supported='yes'><enum name='bus'><value>ide</value><value>virtio</value></enum></disk>
<video supported='yes'><enum name='modelType'><value>vga</value></enum></video></devices></domainCapabilities>"""


def install(monkeypatch, conf):
    """What the mock hypervisor lacks. Gives the switch that is there in the place of the machine's own."""
    conf.set_override("connection_uri", "test:///default", group="libvirt")
    render = domain_xml.render

    def as_test_guest(guest):
        xml = render(guest).replace('<domain type="qemu">', '<domain type="test">')
        return xml.replace('arch="x86_64" machine="pc"', 'arch="i686"')

    monkeypatch.setattr(domain_xml, "render", as_test_guest)
    monkeypatch.setattr(domains, "POWER_BUTTON", 0)
    monkeypatch.setattr(domains, "UNDEFINE", libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
    monkeypatch.setattr(capabilities, "query_host", lambda _c: capabilities.parse_host(HOST))
    monkeypatch.setattr(capabilities, "query_machine", lambda _c, *_a: capabilities.parse_machine(MACHINE))
    monkeypatch.setattr(capabilities, "query_cpu_features", lambda _c, *_a: frozenset({"svm", "sse4.1"}))
    return MemorySwitch().install(monkeypatch)


def started(conf, images):
    driver = LibvirtDriver(conf, images)
    driver.start()
    return driver
