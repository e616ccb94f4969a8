"""A guest that really boots: console, config drive, power, nothing left behind."""

import os
import socket
import subprocess
import time

import msgspec
import pytest

from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.virt.driver import ConfigDrive, GuestFailed, GuestNotFound

pytestmark = pytest.mark.libvirt
TIMEOUT = 180


def console(driver, guest, *texts: str) -> str:
    """The console log, once all of ``texts`` are in it."""
    seen = ""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        seen = driver.console_output(guest.ref).decode(errors="replace")
        if all(text in seen for text in texts):
            return seen
        time.sleep(0.5)
    pytest.fail(f"not all of {texts} on the console after {TIMEOUT} s:\n{seen[-3000:]}")


@pytest.fixture
def built(driver):
    made = []

    def build(guest, drive=None):
        made.append(guest)
        driver.prepare_disks(guest)
        driver.plug(guest)
        driver.spawn(guest, drive)
        return guest

    yield build
    for guest in made:
        driver.remove_guest(guest)
        driver.remove_disks(guest)


def test_a_life(driver, built, make_guest, state_path):
    guest = make_guest(
        flavor=Flavor(flavor_id="2", name="disks", memory_mb=192, vcpus=1, root_gb=1, swap=16, ephemeral_gb=1)
    )
    uuid = guest.uuid
    drive = ConfigDrive(
        files={
            "openstack/latest/meta_data.json": b'{"uuid": "%s", "hostname": "real-one"}' % uuid.encode(),
            "openstack/latest/user_data": b"#!/bin/sh\necho USER-DATA-RAN; findfs LABEL=ephemeral0\n"
            b"dd if=/dev/vdc bs=1 skip=4086 count=10 2>/dev/null; echo\n",
        }
    )
    built(guest, drive)
    text = console(driver, guest, "login:", "USER-DATA-RAN", "hostname real-one", "finished at")
    assert "config-drive" in text
    assert "/dev/vdb" in text
    assert "SWAPSPACE2" in text

    location = driver.vnc_console(guest.ref)
    with socket.create_connection((location.host, location.port), timeout=10) as vnc:
        assert vnc.recv(4) == b"RFB "

    began = time.monotonic()
    driver.reboot(guest, hard=False)
    assert time.monotonic() - began < 60, "the guest did not follow a soft reboot"
    console(driver, guest, "finished at")
    began = time.monotonic()
    driver.power_off(guest, 60)
    assert time.monotonic() - began < 50, "the guest did not hear its power button"
    assert driver.find_guest(guest).power_state == PowerState.SHUTDOWN
    driver.power_on(guest)
    console(driver, guest, "login:")
    driver.reboot(guest, hard=True)
    console(driver, guest, "login:")

    driver.remove_guest(guest)
    driver.power_on(guest)  # from its disks
    console(driver, guest, "login:")
    driver.remove_guest(guest)
    driver.remove_disks(guest)
    assert not (state_path / "instances" / uuid).exists()
    with pytest.raises(GuestNotFound):
        driver.find_guest(guest)


@pytest.mark.parametrize("images_type", ["raw"])
def test_raw_disks_boot_too(conf, driver, built, make_guest, images_type):
    conf.set_override("images_type", images_type, group="libvirt")
    console(driver, built(make_guest()), "login:")


def test_scsi_disk_and_uncommon_devices_start(driver, built, make_guest, images, guest_image):
    image = images.add(
        guest_image,
        "qcow2",
        properties={
            "hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_cdrom_bus": "scsi", "hw_video_model": "virtio",
            "hw_rng_model": "virtio", "hw_qemu_guest_agent": "yes", "hw_watchdog_action": "reset", "os_type": "windows",
        },
    )  # fmt: skip
    console(driver, built(make_guest(image), ConfigDrive(files={"openstack/latest/user_data": b"x"})), "login:")


def test_q35(conf, driver, built, make_guest):
    conf.set_override("hw_machine_type", ["x86_64=q35"], group="libvirt")
    console(driver, built(make_guest()), "login:")


def test_firmware_that_is_not_here(driver, make_guest, images, guest_image):
    image = images.add(guest_image, "qcow2", properties={"hw_firmware_type": "uefi"})
    with pytest.raises(GuestFailed, match="UEFI"):  # not for machine type pc, whatever is installed
        driver.prepare_disks(make_guest(image))


def test_a_guest_keeps_its_hardware_when_the_configuration_changes(conf, driver, built, make_guest):
    guest = built(make_guest())
    conf.set_override("hw_machine_type", ["x86_64=q35"], group="libvirt")
    driver.reboot(guest, hard=True)
    xml = driver._call(lambda connection: connection.lookupByUUIDString(guest.uuid).XMLDesc(0))
    assert "machine='pc-i440fx" in xml


def test_a_guest_of_somebody_else_is_not_ours(driver, make_guest, built):
    xml = (
        "<domain type='qemu'><name>novalike-test-foreign</name><memory unit='MiB'>16</memory>"
        "<os><type>hvm</type></os></domain>"
    )
    foreign = driver._call(lambda connection: connection.defineXML(xml))
    try:
        assert foreign.UUIDString() not in {guest.instance_uuid for guest in driver.guests("hv1")}
    finally:
        foreign.undefine()


def test_lost_definitions_are_made_again(driver, built, make_guest):
    guest = built(make_guest())
    driver.power_off(guest, 0)
    driver._call(lambda connection: connection.lookupByUUIDString(guest.uuid).undefine())
    driver.power_on(guest)
    assert driver.find_guest(guest).power_state == PowerState.RUNNING


def test_interfaces_reach_their_bridge_or_tap(driver, built, make_guest):
    guest, bridge, tap = make_guest(), f"brnl{os.getpid() % 100000}", f"tapnl{os.getpid() % 100000}"
    ip("link", "add", bridge, "type", "bridge")
    ip("tuntap", "add", tap, "mode", "tap")
    try:
        bridged = Vif(
            port_id="b", network_id="n", network_name="n", mac="fa:16:3e:77:00:01", vif_type="bridge", bridge=bridge,
            devname=f"tapbr{os.getpid() % 100000}", mtu=1400,
        )  # fmt: skip
        ready = Vif(
            port_id="t", network_id="n", network_name="n", mac="fa:16:3e:77:00:02", vif_type="ovs", devname=tap,
            details={"ovs_create_tap": True}, mtu=1400,
        )  # fmt: skip
        plain = Vif(
            port_id="p", network_id="n", network_name="n", mac="fa:16:3e:77:00:03", vif_type="tap",
            devname=f"tappl{os.getpid() % 100000}",
        )  # fmt: skip
        driver.prepare_disks(guest)
        # of the other one only the result is wanted here
        driver.plug(msgspec.structs.replace(guest, vifs=(bridged, plain)))
        driver.spawn(msgspec.structs.replace(guest, vifs=(bridged, ready, plain)), None)
        assert f"master {bridge}" in ip("link", "show", bridged.devname)
        assert "mtu 1400" in ip("link", "show", bridged.devname)
        ip("link", "show", plain.devname)
        driver.remove_guest(guest)
        assert tap in ip("link", "show", tap), "a tap that was there before must stay"
        with pytest.raises(GuestFailed, match="bridge nobridge"):
            driver.plug(msgspec.structs.replace(guest, vifs=(msgspec.structs.replace(bridged, bridge="nobridge"),)))
    finally:
        driver.remove_guest(guest)
        driver.remove_disks(guest)
        ip("link", "del", bridge)
        ip("link", "del", tap)


def ip(*args: str) -> str:
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True).stdout
