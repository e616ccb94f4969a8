"""The libvirt driver's own decisions, on libvirt's mock hypervisor."""

import os
import shutil
import subprocess
import time

import msgspec
import pytest

from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import PowerState
from novalike.virt.driver import ConfigDrive, GuestFailed, ImageRejected
from tests.fakes import records
from tests.unit.virt import mock_libvirt

libvirt = mock_libvirt.libvirt

from novalike.virt.libvirt import console_log, domains, guest_record, power, preflight  # noqa: E402
from novalike.virt.libvirt.connection import Connection  # noqa: E402
from novalike.virt.native_threads import NativeThreads  # noqa: E402

MIB = 1024**2
TINY = Flavor(flavor_id="1", name="tiny", memory_mb=64, vcpus=1, root_gb=0)


@pytest.fixture
def driver(monkeypatch, conf, images):
    mock_libvirt.install(monkeypatch, conf)
    driver = mock_libvirt.started(conf, images)
    yield driver
    for guest in driver.guests("hv1"):
        driver._call(domains.switch_off, guest.instance_uuid)
        driver._call(domains.undefine, guest.instance_uuid)
    driver.stop()


@pytest.fixture
def make_guest(images):
    def make(content=b"\1" * MIB, disk_format="raw", flavor=TINY, **more):
        image = images.add(content, disk_format, **more)
        return records.guest(records.spec(records.server(flavor=flavor), image=image))

    return make


def folder(driver, guest):
    return driver._instances / guest.uuid


def build(driver, guest, drive=None):
    driver.prepare_disks(guest)
    driver.spawn(guest, drive)


def qemu_info(path):
    text = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], check=True, capture_output=True).stdout
    return msgspec.json.decode(text)


@pytest.mark.skipif(not shutil.which("mkfs.ext4"), reason="no mkfs.ext4")
@pytest.mark.parametrize("images_type", ["qcow2", "raw"])
def test_all_kinds_of_disks(conf, driver, make_guest, images_type):
    conf.set_override("images_type", images_type, group="libvirt")
    guest = make_guest(flavor=msgspec.structs.replace(TINY, root_gb=1, ephemeral_gb=1, swap=8))
    build(driver, guest, ConfigDrive(files={"a": b"b"}))
    sizes = {name: qemu_info(folder(driver, guest) / name) for name in ("disk", "disk.eph0", "disk.swap")}
    assert {name: facts["virtual-size"] for name, facts in sizes.items()} == {
        "disk": 1024 * MIB, "disk.eph0": 1024 * MIB, "disk.swap": 8 * MIB,
    }  # fmt: skip
    assert {facts["format"] for facts in sizes.values()} == {images_type}
    assert (folder(driver, guest) / "disk.config").exists()
    leftovers = [path.name for path in folder(driver, guest).iterdir() if ".part" in path.name]
    assert leftovers == []
    driver.remove_guest(guest)
    assert {path.name for path in folder(driver, guest).iterdir()} >= {*sizes, "disk.config", "guest.json"}
    driver.remove_disks(guest)
    assert not folder(driver, guest).exists()


def test_an_overlay_names_its_base_and_the_bases_format(driver, make_guest):
    guest = make_guest()
    driver.prepare_disks(guest)
    facts = qemu_info(folder(driver, guest) / "disk")
    assert facts["backing-filename-format"] == "raw"
    assert facts["backing-filename"].endswith(guest_record.read(folder(driver, guest)).base)


def test_qemu_can_reach_a_disk_and_its_base_whatever_the_umask(monkeypatch, conf, images, make_guest):
    """It is another user. The unit of novalike-compute has UMask=0027."""
    mock_libvirt.install(monkeypatch, conf)
    before = os.umask(0o027)
    try:
        driver = mock_libvirt.started(conf, images)
        guest = make_guest()
        driver.prepare_disks(guest)
    finally:
        os.umask(before)
    base = driver._cache_folder / guest_record.read(folder(driver, guest)).base
    for path in (driver._instances, driver._cache_folder, folder(driver, guest)):
        assert path.stat().st_mode & 0o001, path
    assert base.stat().st_mode & 0o004
    driver.stop()


def test_preparing_goes_on_where_it_was_interrupted(driver, make_guest, images, conf):
    guest = make_guest(flavor=msgspec.structs.replace(TINY, swap=1))
    driver.prepare_disks(guest)
    (folder(driver, guest) / "disk").write_bytes(b"the guest's data")
    (folder(driver, guest) / "disk.swap").unlink()
    conf.set_override("hw_machine_type", ["x86_64=q35"], group="libvirt")
    assert driver.prepare_disks(guest) == "/dev/vda"
    assert (folder(driver, guest) / "disk").read_bytes() == b"the guest's data"
    assert (folder(driver, guest) / "disk.swap").exists()
    assert guest_record.read(folder(driver, guest)).machine == "pc"
    assert images.downloads == 1


@pytest.mark.parametrize("wrong", [{"checksum": "0" * 32, "os_hash_algo": None}, {"disk_format": "qcow2"}])
def test_a_bad_image_leaves_nothing(driver, make_guest, wrong):
    guest = make_guest(**wrong)
    with pytest.raises(ImageRejected):
        driver.prepare_disks(guest)
    assert not folder(driver, guest).exists()
    assert [path for path in (driver._instances / "_base").iterdir() if path.is_file()] == []


def test_a_flavor_too_small_for_the_image(driver, make_guest):
    guest = make_guest(b"\0" * MIB, flavor=msgspec.structs.replace(TINY, root_gb=1))
    driver.prepare_disks(guest)
    small = make_guest(flavor=msgspec.structs.replace(TINY, root_gb=1))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", driver._instances / "x", "2G"], check=True)
    image = driver.images.add((driver._instances / "x").read_bytes(), "qcow2")
    (driver._instances / "x").unlink()
    with pytest.raises(ImageRejected, match="flavor"):
        driver.prepare_disks(records.guest(msgspec.structs.replace(small.spec, image=image)))


def test_a_kernel_of_its_own(driver, make_guest, images):
    kernel = images.add(b"kernel", "aki", visibility="public")
    ramdisk = images.add(b"ramdisk", "ari", visibility="public")
    guest = make_guest(properties={"kernel_id": kernel.id, "ramdisk_id": ramdisk.id, "os_command_line": "quiet"})
    build(driver, guest)
    xml = driver._call(lambda c: c.lookupByUUIDString(guest.uuid).XMLDesc(0))
    assert "<kernel>" in xml
    assert "<initrd>" in xml
    assert "<cmdline>quiet</cmdline>" in xml
    assert driver.prune_image_cache(0) == ()


def test_a_server_without_an_image(driver):
    with pytest.raises(GuestFailed, match="without an image"):
        driver.prepare_disks(records.guest(records.spec(records.server(flavor=TINY))))


def test_wishes_that_are_not_fulfilled(driver, make_guest):
    with pytest.raises(GuestFailed, match="hw:cpu_policy"):
        driver.prepare_disks(
            make_guest(flavor=msgspec.structs.replace(TINY, extra_specs={"hw:cpu_policy": "dedicated"}))
        )
    with pytest.raises(GuestFailed, match="UEFI"):
        driver.prepare_disks(make_guest(properties={"hw_firmware_type": "uefi"}))


def test_a_disk_that_is_missing(driver, make_guest):
    guest = make_guest()
    driver.prepare_disks(guest)
    (folder(driver, guest) / "disk").unlink()
    with pytest.raises(GuestFailed, match="missing"):
        driver.spawn(guest, None)


def test_a_config_drive_that_can_not_be_written(driver, make_guest):
    guest = make_guest()
    driver.prepare_disks(guest)
    with pytest.raises(GuestFailed, match="config drive"):
        driver.spawn(guest, ConfigDrive(files={"../x": b""}))


def test_what_libvirt_refuses_is_said(driver, make_guest, monkeypatch):
    guest = make_guest()
    driver.prepare_disks(guest)
    monkeypatch.setattr("novalike.virt.libvirt.driver.domain_xml.render", lambda _guest: "<domain/>")
    with pytest.raises(GuestFailed, match="libvirt: "):
        driver.spawn(guest, None)


def test_a_guest_that_does_not_follow_a_soft_reboot(driver, make_guest, monkeypatch, conf):
    conf.set_override("wait_soft_reboot_seconds", 1, group="libvirt")
    guest = make_guest()
    build(driver, guest)
    presses = []
    monkeypatch.setattr(domains, "ask_to_shut_down", lambda _c, uuid: presses.append(uuid) or True)
    driver.reboot(guest, hard=False)
    assert presses == [guest.uuid]
    assert driver.find_guest(guest).power_state == PowerState.RUNNING


def test_the_power_button_is_pressed_again(driver, make_guest, monkeypatch):
    guest = make_guest()
    build(driver, guest)
    presses = []

    def press(connection, uuid):
        presses.append(uuid)
        if len(presses) == 3:
            domains.switch_off(connection, uuid)
        return True

    monkeypatch.setattr(domains, "ask_to_shut_down", press)
    monkeypatch.setattr(power, "_PRESS_EVERY", 0.1)
    monkeypatch.setattr(power, "_LOOK_EVERY", 0.05)
    driver.power_off(guest, 30)
    assert len(presses) == 3


def test_a_guest_that_ignores_its_button_is_switched_off(driver, make_guest, monkeypatch):
    guest = make_guest()
    build(driver, guest)
    monkeypatch.setattr(domains, "ask_to_shut_down", lambda _c, _uuid: True)
    driver.power_off(guest, 0.3)
    assert driver.find_guest(guest).power_state == PowerState.SHUTDOWN


def test_a_paused_guest_does_not_hear_its_button(driver, make_guest):
    guest = make_guest()
    build(driver, guest)
    driver._call(lambda c: c.lookupByUUIDString(guest.uuid).suspend())
    assert driver.find_guest(guest).power_state == PowerState.PAUSED
    began = time.monotonic()
    driver.power_off(guest, 30)
    assert time.monotonic() - began < 10
    assert driver.find_guest(guest).power_state == PowerState.SHUTDOWN


def test_what_we_do_ourselves_is_no_news(driver, make_guest):
    told = []
    guest = make_guest()
    build(driver, guest)
    time.sleep(0.5)  # until libvirt's own news of the start have come and gone
    driver.on_power_change(lambda uuid, state: told.append(state))
    with driver._quiet(guest.uuid):
        driver._power_changed(guest.uuid)
    assert told == []
    driver._power_changed(guest.uuid)
    assert told == [PowerState.RUNNING]
    driver._power_changed("00000000-0000-4000-8000-000000000000")
    assert told == [PowerState.RUNNING]


def test_the_mocks_own_guest_is_not_ours(driver):
    assert driver._call(lambda c: c.numOfDomains()) == 1
    assert driver.guests("hv1") == ()


def test_a_guest_of_another_cloud_is_not_ours(driver, make_guest):
    guest = make_guest()
    build(driver, guest)
    driver._node_uuid = "another"
    assert driver.guests("hv1") == ()
    with pytest.raises(GuestFailed):
        driver.remove_disks(guest)  # a guest is a guest, whoever's it is
    driver.remove_guest(guest)


def test_vnc(driver, make_guest, monkeypatch):
    guest = make_guest()
    build(driver, guest)
    with pytest.raises(errors.ConsoleTypeUnavailable):  # the mock gives no port
        driver.vnc_console(guest.ref)
    monkeypatch.setattr(domains, "vnc_port", lambda _c, _uuid: 5907)
    found = driver.vnc_console(guest.ref)
    assert (found.host, found.port) == ("127.0.0.1", 5907)


def test_report(driver, make_guest):
    build(driver, make_guest(flavor=msgspec.structs.replace(TINY, root_gb=1)))
    (report,) = driver.node_reports()
    assert (report.host, report.vcpus_used) == ("hv1", 1)
    assert report.local_gb >= report.local_gb_used
    assert report.disk_available_least < report.local_gb
    assert "load average" in report.uptime
    assert {"HW_CPU_X86_SVM", "HW_CPU_X86_SSE41", "COMPUTE_STORAGE_BUS_IDE"} <= set(report.traits)
    assert report.supported_instances == (("x86_64", "qemu", "hvm"),)


def test_console_log(tmp_path):
    log = tmp_path / "console.log"
    assert console_log.tail(log, 10) is None
    log.write_bytes(b"0123456789abc")
    assert console_log.tail(log, 10) == b"3456789abc"
    assert console_log.tail(log, 100) == b"0123456789abc"
    (tmp_path / "console.log.0").write_bytes(b"older")
    assert console_log.tail(log, 15) == b"er0123456789abc"


def test_libvirt_is_not_there():
    connection = Connection("qemu+unix:///system?socket=/nonexistent", NativeThreads(1), lambda _c: None)
    with pytest.raises(errors.Unavailable, match="nonexistent"):
        connection.call(lambda c: c.getLibVersion())


def test_a_connection_that_breaks_is_replaced():
    opened = []
    connection = Connection("test:///default", NativeThreads(1), opened.append)
    connection.call(lambda c: c.getLibVersion())

    class Broken(libvirt.libvirtError):
        def get_error_code(self):
            return libvirt.VIR_ERR_INTERNAL_ERROR

        def get_error_domain(self):
            return libvirt.VIR_FROM_RPC

    def fail(_connection):
        raise Broken("keepalive timeout")

    with pytest.raises(errors.Unavailable):
        connection.call(fail)
    assert connection.call(lambda c: c.getLibVersion()) > 0
    assert len(opened) == 2
    connection.close()
    assert connection.call(lambda c: c.getLibVersion()) > 0
    connection.close()


def test_unhealthy(driver):
    driver._connection.close()
    uri = driver._connection.uri
    driver._connection.uri = "qemu+unix:///system?socket=/nonexistent"
    assert not driver.is_healthy()
    driver._connection.uri = uri
    assert driver.is_healthy()


def test_wrong_virt_type(conf, driver):
    conf.set_override("virt_type", "kvm", group="libvirt")
    with pytest.raises(SystemExit, match=r"\[libvirt\] virt_type is kvm"):
        driver.start()


def test_wrong_cpu_mode(conf, driver):
    conf.set_override("cpu_mode", "custom", group="libvirt")
    with pytest.raises(SystemExit, match=r"\[libvirt\] cpu_models"):
        driver.start()
    conf.set_override("cpu_models", ["x"], group="libvirt")
    with pytest.raises(SystemExit, match=r"\[libvirt\] cpu_mode is custom"):
        driver.start()


def test_no_qemu_img(driver, monkeypatch):
    monkeypatch.setattr(preflight.shutil, "which", lambda _name: None)
    with pytest.raises(SystemExit, match="qemu-img"):
        driver.start()


def test_a_state_path_that_is_a_file(conf, images, monkeypatch, tmp_path):
    mock_libvirt.install(monkeypatch, conf)
    (tmp_path / "file").write_text("")
    conf.set_override("state_path", str(tmp_path / "file"))
    with pytest.raises(SystemExit, match=r"\[DEFAULT\] state_path"):
        mock_libvirt.started(conf, images)


def test_a_host_that_was_renamed(conf, driver):
    conf.set_override("host", "another")
    with pytest.raises(SystemExit, match=r"\[DEFAULT\] host"):
        driver.start()


def test_no_direct_io(driver, monkeypatch, make_guest):
    monkeypatch.setattr(preflight, "has_direct_io", lambda _folder: False)
    driver.start()
    guest = make_guest()
    build(driver, guest)
    assert "writeback" in driver._call(lambda c: c.lookupByUUIDString(guest.uuid).XMLDesc(0))
