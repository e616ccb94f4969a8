"""Which hardware a guest gets."""

import pytest

from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.virt.driver import GuestFailed
from novalike.virt.libvirt import hardware, unsupported_features


def flavor(vcpus=1, **extra_specs):
    specs = {name.replace("__", ":"): value for name, value in extra_specs.items()}
    return Flavor(flavor_id="1", name="f", memory_mb=1, vcpus=vcpus, root_gb=1, extra_specs=specs)


def image(**properties):
    return Image(id="i", properties=properties)


@pytest.mark.parametrize(
    ("configured", "wish", "expected"),
    [([], None, "q35"), (["x86_64=pc"], None, "pc"), (["aarch64=virt"], None, "q35"), (["x86_64=pc"], "q35", "q35")],
)
def test_machine_type(conf, configured, wish, expected):
    conf.set_override("hw_machine_type", configured, group="libvirt")
    assert hardware.machine_type(conf, image(hw_machine_type=wish), "x86_64") == expected


@pytest.mark.parametrize(
    ("vcpus", "specs", "properties", "expected"),
    [
        (4, {}, {}, (4, 1, 1)),
        (4, {"hw__cpu_sockets": "1"}, {}, (1, 4, 1)),
        (8, {"hw__cpu_sockets": "2", "hw__cpu_threads": "2"}, {}, (2, 2, 2)),
        (8, {"hw__cpu_max_sockets": "1"}, {"hw_cpu_threads": "2"}, (1, 4, 2)),
        (3, {"hw__cpu_sockets": "2"}, {}, (3, 1, 1)),
        (4, {"hw__cpu_cores": "2"}, {"hw_cpu_cores": "4"}, (2, 2, 1)),
    ],
)
def test_topology(vcpus, specs, properties, expected):
    assert hardware.topology(image(**properties), flavor(vcpus, **specs)) == expected


def test_topology_that_can_not_be():
    with pytest.raises(GuestFailed, match="topology"):
        hardware.topology(None, flavor(5, hw__cpu_max_sockets="2", hw__cpu_max_cores="2", hw__cpu_max_threads="1"))
    with pytest.raises(GuestFailed, match="no number"):
        hardware.topology(None, flavor(2, hw__cpu_sockets="many"))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: hardware.disk_bus(image(hw_disk_bus="xen"), "pc"), "xen"),
        (lambda: hardware.disk_bus(image(hw_disk_bus="ide"), "q35"), "q35"),
        (lambda: hardware.cdrom_bus(image(hw_cdrom_bus="virtio"), "pc"), "virtio"),
        (lambda: hardware.vif_model(image(hw_vif_model="netfront")), "netfront"),
        (lambda: hardware.video_model(image(hw_video_model="gop"), has_screen=True), "gop"),
        (lambda: hardware.firmware(image(hw_firmware_type="coreboot")), "coreboot"),
        (lambda: hardware.scsi_model(image(hw_scsi_model="x")), "SCSI"),
        (lambda: hardware.watchdog_action(image(hw_watchdog_action="bark"), flavor()), "bark"),
    ],
)
def test_what_does_not_exist_is_refused(ask, message):
    with pytest.raises(GuestFailed, match=message):
        ask()


def test_defaults_follow_the_machine():
    assert hardware.cdrom_bus(None, "pc-i440fx-7.2") == "ide"
    assert hardware.cdrom_bus(None, "pc-q35-7.2") == "sata"
    assert hardware.cdrom_bus(None, "microvm") == "scsi"
    assert hardware.disk_bus(None, "pc") == "virtio"


def test_random_numbers(conf):
    wish = image(hw_rng_model="virtio")
    assert hardware.rng(conf, image(), flavor()) is None
    assert hardware.rng(conf, wish, flavor(hw_rng__allowed="False")) is None
    found = hardware.rng(conf, wish, flavor(hw_rng__rate_bytes="100", hw_rng__rate_period="5"))
    assert found is not None
    assert (found.source, found.rate_bytes, found.rate_period) == ("/dev/urandom", 100, 5)
    with pytest.raises(GuestFailed, match="hw_rng"):
        hardware.rng(conf, wish, flavor(hw_rng__rate_bytes="lots"))


@pytest.mark.parametrize(
    ("virt_type", "mode", "expected"),
    [("kvm", None, "host-model"), ("qemu", None, "maximum"), ("qemu", "host-passthrough", "maximum"),
     ("kvm", "host-passthrough", "host-passthrough"), ("kvm", "none", None)],
)  # fmt: skip
def test_cpu_mode(conf, virt_type, mode, expected):
    conf.set_override("virt_type", virt_type, group="libvirt")
    conf.set_override("cpu_mode", mode, group="libvirt")
    assert hardware.cpu(conf, None, flavor()).mode == expected


def test_cpu_model(conf):
    conf.set_override("cpu_mode", "custom", group="libvirt")
    conf.set_override("cpu_models", ["Nehalem", "kvm64"], group="libvirt")
    assert hardware.cpu(conf, None, flavor()).model == "Nehalem"


def test_no_screen():
    assert hardware.video_model(image(), has_screen=False) is None
    assert hardware.video_model(image(), has_screen=True) == "vga"
    assert hardware.video_model(image(hw_video_model="none"), has_screen=True) == "none"


def test_queues():
    assert hardware.vif_queues(image(), flavor(4)) == 1
    assert hardware.vif_queues(image(hw_vif_multiqueue_enabled="true"), flavor(4)) == 4
    assert hardware.vif_queues(image(hw_vif_multiqueue_enabled="true"), flavor(4, hw__vif_multiqueue_enabled="no")) == 1


@pytest.mark.parametrize(
    "specs",
    [{"hw__cpu_policy": "dedicated"}, {"hw__mem_page_size": "large"}, {"pci_passthrough__alias": "gpu:1"},
     {"quota__disk_read_bytes_sec": "1"}, {"hw__numa_cpus.0": "1"}, {"os__secure_boot": "required"},
     {"hw__numa_nodes": "2"}, {"hw__tpm_version": "2.0"}],
)  # fmt: skip
def test_wishes_of_flavors_that_are_not_fulfilled_are_refused(specs):
    with pytest.raises(GuestFailed, match="not supported"):
        unsupported_features.check(image(), flavor(**specs), "x86_64")


@pytest.mark.parametrize(
    "properties",
    [{"hw_cpu_policy": "dedicated"}, {"os_secure_boot": "required"}, {"hw_mem_encryption": "true"},
     {"hw_tpm_model": "tpm-crb"}, {"vm_mode": "xen"}, {"hw_architecture": "aarch64"}],
)  # fmt: skip
def test_wishes_of_images_that_are_not_fulfilled_are_refused(properties):
    with pytest.raises(GuestFailed):
        unsupported_features.check(image(**properties), flavor(), "x86_64")


def test_harmless_wishes_pass():
    unsupported_features.check(
        image(hw_cpu_policy="shared", os_secure_boot="optional", hw_architecture="x86_64", architecture="x86_64"),
        flavor(hw__cpu_policy="shared", hw__mem_page_size="any", hw__numa_nodes="1", hw__cpu_sockets="1"),
        "x86_64",
    )
