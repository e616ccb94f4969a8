"""Guest XML, held by golden files. ``NOVALIKE_UPDATE_GOLDEN=1`` writes them anew: then read the difference."""

import dataclasses
import os
from pathlib import Path

import pytest
from lxml import etree

from novalike.virt.libvirt.guestspec import Boot, Cpu, Description, Disk, GuestSpec, Interface, Rng
from novalike.virt.libvirt.guestxml import domain
from novalike.virt.libvirt.guestxml.metadata import NAMESPACE

GOLDEN = Path(__file__).parent / "golden"
FOLDER = "/state/instances/4f3a"

MINIMAL = GuestSpec(
    uuid="4f3a0e2c-6d1b-4c8e-9f57-0a1b2c3d4e5f",
    name="instance-0000002a",
    virt_type="qemu",
    memory_mb=512,
    vcpus=1,
    cpu=Cpu(mode=None, sockets=1, cores=1, threads=1),
    boot=Boot(machine="pc"),
    disks=(Disk(path=f"{FOLDER}/disk", format="qcow2", target="vda", bus="virtio", boot_order=1),),
    interfaces=(),
    description=Description(
        node="node", name="vm1", created_at="2026-11-21 00:00:00", flavor_name="m1.tiny", flavor_id="1", memory_mb=512,
        root_gb=1, ephemeral_gb=0, swap=0, vcpus=1, project_id="project", user_id="user", image_id="image",
    ),
    console_log=f"{FOLDER}/console.log",
    version="1",
)  # fmt: skip
CD = Disk(path=f"{FOLDER}/disk.config", format="raw", target="hda", bus="ide", device="cdrom")

GUESTS = {
    "minimal": MINIMAL,
    "usual": dataclasses.replace(
        MINIMAL,
        virt_type="kvm",
        vcpus=4,
        cpu=Cpu(mode="host-model", sockets=2, cores=2, threads=1),
        boot=Boot(machine="q35"),
        disks=(*MINIMAL.disks, CD),
        interfaces=(
            Interface(
                kind="ethernet", mac="fa:16:3e:00:00:01", device="tap1", model="virtio", mtu=1442, tap_exists=True
            ),
            Interface(kind="bridge", mac="fa:16:3e:00:00:02", device="tap2", model="e1000", bridge="br0"),
        ),
        vnc_listen="127.0.0.1",
        video="vga",
        usb_tablet=True,
        guest_agent=True,
        rng=Rng(source="/dev/urandom", rate_bytes=100, rate_period=1000),
    ),
    "everything": dataclasses.replace(
        MINIMAL,
        cpu=Cpu(mode="custom", model="Nehalem", sockets=1, cores=1, threads=1),
        boot=Boot(machine="q35", firmware="uefi", nvram=f"{FOLDER}/nvram.fd", menu=True),
        disks=(
            Disk(path=f"{FOLDER}/disk", format="raw", target="sda", bus="scsi", boot_order=1, cache="writeback"),
            Disk(path=f"{FOLDER}/disk.eph0", format="raw", target="sdb", bus="sata", boot_order=2, cache="default",
                 serial="abc"),
        ),
        interfaces=(
            Interface(kind="ethernet", mac="fa:16:3e:00:00:01", device="tap1", model="virtio", queues=4),
        ),
        os_type="windows",
        virt_type="kvm",
        video="virtio",
        vnc_listen="::",
        watchdog="reset",
        rng=Rng(source="/dev/random"),
        description=dataclasses.replace(
            MINIMAL.description, name="<b>\x00\ud800&\"ü", ports=(("port", ("10.0.0.3", "fd00::3")),)
        ),
    ),
    "kernel": dataclasses.replace(
        MINIMAL,
        boot=Boot(machine="pc", kernel="/base/k.blob", ramdisk="/base/r.blob", command_line="root=/dev/vda quiet"),
        cpu=Cpu(mode="maximum", sockets=1, cores=1, threads=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GUESTS)
def test_golden(name):
    xml = domain.render(GUESTS[name])
    path = GOLDEN / f"{name}.xml"
    if os.environ.get("NOVALIKE_UPDATE_GOLDEN"):
        path.write_text(xml)
    assert xml == path.read_text()


def test_names_of_users_can_not_break_out():
    name = "</novalike:name><evil/>"
    guest = dataclasses.replace(MINIMAL, description=dataclasses.replace(MINIMAL.description, name=name))
    root = etree.fromstring(domain.render(guest))
    assert root.findtext(f"./metadata/{{{NAMESPACE}}}instance/{{{NAMESPACE}}}name") == name


def test_libvirt_takes_it():
    """libvirt's own schema, when it is on this machine."""
    libvirt = pytest.importorskip("libvirt")
    schema = Path("/usr/share/libvirt/schemas/domain.rng")
    if not schema.exists():
        pytest.skip("no schemas here")
    assert libvirt
    grammar = etree.RelaxNG(etree.parse(str(schema)))
    for name, guest in GUESTS.items():
        assert grammar.validate(etree.fromstring(domain.render(guest))), (name, grammar.error_log)
