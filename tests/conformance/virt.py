"""What every hypervisor's driver must do.

Inherit from :class:`DriverConformance` in a ``Test…`` class and give it the fixtures. Out-of-tree drivers can do
the same.
"""

import random
import time
import uuid
from collections.abc import Callable

import msgspec
import os_traits
import pytest

from novalike.objects.errors import ConsoleTypeUnavailable, ImageNotFound, Unavailable
from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.objects.server import ServerSpec
from novalike.virt.driver import (
    CachesImages,
    ConfigDrive,
    Driver,
    GuestFailed,
    GuestNotFound,
    HasVnc,
    ImageRejected,
    KeepsConsoleLog,
)

MakeSpec = Callable[[], ServerSpec]
DRIVE = ConfigDrive(files={"openstack/latest/meta_data.json": b"{}"})


class DriverConformance:
    """The tests. Fixtures to give: ``driver`` (started), ``restarted`` and ``make_spec``; ``make_vif`` if need be."""

    @pytest.fixture
    def driver(self) -> Driver:
        raise NotImplementedError

    @pytest.fixture
    def restarted(self, driver: Driver) -> Callable[[], Driver]:
        """Gives another driver, started over what ``driver`` has left: as after a restart of the daemon."""
        raise NotImplementedError

    @pytest.fixture
    def make_spec(self, driver: Driver) -> MakeSpec:
        """Gives a server, another one each time, whose image the driver can get."""
        raise NotImplementedError

    @pytest.fixture
    def make_vif(self) -> Callable[[], Vif]:
        """Gives an interface that the driver can plug on this host, another one each time.

        This one, whose tap the hypervisor makes, has no side on the host before there is a guest.
        """
        return lambda: Vif(
            port_id=str(uuid.uuid4()),
            network_id=str(uuid.uuid4()),
            network_name="private",
            mac=f"fa:16:3e:{random.randrange(256):02x}:{random.randrange(256):02x}:{random.randrange(256):02x}",
            vif_type="tap",
        )

    def stop_from_outside(self, driver: Driver, spec: ServerSpec) -> None:
        """Make a guest stop without the driver's doing."""
        raise NotImplementedError

    @pytest.fixture
    def host(self, driver: Driver) -> str:
        return driver.hosts()[0]

    @pytest.fixture
    def spec(self, driver: Driver, make_spec: MakeSpec, host: str):
        a_spec = make_spec()
        yield a_spec
        driver.destroy(host, a_spec)

    @pytest.fixture
    def running(self, driver: Driver, host: str, spec: ServerSpec) -> ServerSpec:
        driver.prepare_disks(host, spec)
        driver.plug(host, spec, ())
        driver.spawn(host, spec, (), None)
        return spec

    def test_the_hypervisor_answers(self, driver: Driver) -> None:
        assert driver.is_healthy()

    def test_there_is_a_report_of_every_host(self, driver: Driver) -> None:
        reports = driver.node_reports()
        assert {report.host for report in reports} == set(driver.hosts())
        for report in reports:
            uuid.UUID(report.uuid)
            assert report.vcpus > 0
            assert report.memory_mb > 0
            assert report.hypervisor_version > 0
            assert set(report.traits) <= set(os_traits.get_traits())
            assert "COMPUTE_NODE" in report.traits
            assert {"arch", "model", "vendor", "topology", "features"} <= set(report.cpu_info)

    def test_a_node_keeps_its_identity(self, driver: Driver, restarted: Callable[[], Driver]) -> None:
        before = [(report.host, report.uuid) for report in driver.node_reports()]
        assert [(report.host, report.uuid) for report in restarted().node_reports()] == before

    def test_a_life(self, driver: Driver, host: str, spec: ServerSpec) -> None:
        assert driver.prepare_disks(host, spec).startswith("/dev/")
        driver.plug(host, spec, ())
        driver.spawn(host, spec, (), DRIVE)
        found = driver.guest(host, spec)
        assert (found.instance_uuid, found.instance_name) == (spec.server.uuid, spec.server.instance_name)
        assert (found.memory_mb, found.vcpus) == (spec.server.flavor.memory_mb, spec.server.flavor.vcpus)
        assert found.power_state == PowerState.RUNNING
        assert spec.server.uuid in {guest.instance_uuid for guest in driver.guests(host)}
        driver.power_off(host, spec, 0)
        assert driver.guest(host, spec).power_state == PowerState.SHUTDOWN
        driver.power_on(host, spec, ())
        assert driver.guest(host, spec).power_state == PowerState.RUNNING
        driver.reboot(host, spec, (), hard=True)
        assert driver.guest(host, spec).power_state == PowerState.RUNNING
        driver.destroy(host, spec)
        driver.unplug(host, spec, ())
        assert spec.server.uuid not in {guest.instance_uuid for guest in driver.guests(host)}

    def test_every_step_can_be_done_again(self, driver: Driver, host: str, spec: ServerSpec) -> None:
        assert driver.prepare_disks(host, spec) == driver.prepare_disks(host, spec)
        for _ in range(2):
            driver.plug(host, spec, ())
        for _ in range(2):
            driver.spawn(host, spec, (), DRIVE)
        for _ in range(2):
            driver.power_off(host, spec, 0)
        for _ in range(2):
            driver.power_on(host, spec, ())
        assert driver.guest(host, spec).power_state == PowerState.RUNNING
        for _ in range(2):
            driver.destroy(host, spec)
        for _ in range(2):
            driver.unplug(host, spec, ())

    def test_a_build_can_be_abandoned_at_any_step(self, driver: Driver, host: str, make_spec: MakeSpec) -> None:
        spec = make_spec()
        driver.destroy(host, spec)
        driver.prepare_disks(host, spec)
        driver.destroy(host, spec)
        driver.unplug(host, spec, ())
        with pytest.raises(GuestNotFound):
            driver.guest(host, spec)

    @pytest.mark.parametrize("steps", [0, 1, 2, 3])
    def test_what_an_interrupted_build_leaves_is_known_and_goes(
        self, driver: Driver, restarted, host: str, make_spec: MakeSpec, make_vif: Callable[[], Vif], steps: int
    ) -> None:
        """Its process died after so many steps, and its record has lost its interfaces."""
        before = driver.residents(host)
        spec, vifs = make_spec(), (make_vif(), make_vif())
        build: list[Callable[[], object]] = [
            lambda: driver.prepare_disks(host, spec),
            lambda: driver.plug(host, spec, vifs),
            lambda: driver.spawn(host, spec, vifs, DRIVE),
        ]
        for step in build[:steps]:
            step()
        later = restarted()
        assert later.residents(host) - before == ({spec.server.uuid} if steps else set())
        assert (spec.server.uuid in {guest.instance_uuid for guest in later.guests(host)}) == (steps == 3)
        bare = ServerSpec(server=spec.server)
        for _ in range(2):
            later.destroy(host, bare)
            later.unplug(host, bare, ())
            assert later.residents(host) == before
        with pytest.raises(GuestNotFound):
            later.guest(host, spec)

    def test_what_an_interrupted_removal_leaves_is_known_and_goes(
        self, driver: Driver, restarted, host: str, make_spec: MakeSpec, make_vif: Callable[[], Vif]
    ) -> None:
        before = driver.residents(host)
        spec, vifs = make_spec(), (make_vif(),)
        driver.plug(host, spec, vifs)
        driver.destroy(host, spec)
        later = restarted()
        plugged = later.residents(host) - before  # not every kind of interface is anything before there is a guest
        assert plugged <= {spec.server.uuid}
        later.unplug(host, spec, ())
        assert later.residents(host) == before

    def test_a_guest_is_resident(self, driver: Driver, host: str, running: ServerSpec) -> None:
        assert {guest.instance_uuid for guest in driver.guests(host)} <= driver.residents(host)
        driver.power_off(host, running, 0)
        assert running.server.uuid in driver.residents(host)

    def test_an_interrupted_build_can_be_finished(
        self, driver: Driver, restarted, host: str, spec: ServerSpec, make_vif: Callable[[], Vif]
    ) -> None:
        vifs = (make_vif(),)
        driver.prepare_disks(host, spec)
        driver.plug(host, spec, vifs)
        later = restarted()
        later.prepare_disks(host, spec)
        later.plug(host, spec, vifs)
        later.spawn(host, spec, vifs, DRIVE)
        assert later.guest(host, spec).power_state == PowerState.RUNNING
        later.destroy(host, spec)
        later.unplug(host, spec, vifs)

    def test_a_guest_needs_its_disks(self, driver: Driver, host: str, spec: ServerSpec) -> None:
        with pytest.raises(GuestFailed):
            driver.spawn(host, spec, (), None)
        with pytest.raises(GuestNotFound):
            driver.guest(host, spec)

    def test_an_image_that_is_gone(self, driver: Driver, host: str, spec: ServerSpec) -> None:
        assert spec.image is not None
        gone = msgspec.structs.replace(spec, image=msgspec.structs.replace(spec.image, id=str(uuid.uuid4())))
        with pytest.raises(ImageNotFound):
            driver.prepare_disks(host, gone)

    def test_an_image_that_is_another(self, driver: Driver, host: str, spec: ServerSpec) -> None:
        assert spec.image is not None
        wrong = msgspec.structs.replace(spec.image, os_hash_algo="sha512", os_hash_value="0" * 128)
        with pytest.raises(ImageRejected, match=spec.image.id):
            driver.prepare_disks(host, msgspec.structs.replace(spec, image=wrong))
        assert driver.prepare_disks(host, spec)  # and the right one is fetched once more

    def test_glance_is_away(self, driver: Driver, host: str, spec: ServerSpec, monkeypatch) -> None:
        def broken(image_id: str):
            yield b"the beginning"
            raise Unavailable(reason="it broke")

        monkeypatch.setattr(driver.images, "chunks", broken)
        with pytest.raises(Unavailable):
            driver.prepare_disks(host, spec)
        monkeypatch.undo()
        assert driver.prepare_disks(host, spec)

    def test_a_guest_outlives_the_daemon(self, running: ServerSpec, host: str, restarted) -> None:
        assert restarted().guest(host, running).power_state == PowerState.RUNNING

    def test_a_hard_reboot_starts_a_stopped_guest(self, driver: Driver, host: str, running: ServerSpec) -> None:
        driver.power_off(host, running, 0)
        driver.reboot(host, running, (), hard=True)
        assert driver.guest(host, running).power_state == PowerState.RUNNING

    def test_a_soft_reboot_ends_in_a_running_guest(self, driver: Driver, host: str, running: ServerSpec) -> None:
        driver.reboot(host, running, (), hard=False)
        assert driver.guest(host, running).power_state == PowerState.RUNNING

    def test_there_is_no_guest(self, driver: Driver, host: str, make_spec: MakeSpec) -> None:
        spec = make_spec()
        attempts: list[Callable[[], object]] = [
            lambda: driver.guest(host, spec),
            lambda: driver.power_off(host, spec, 0),
            lambda: driver.power_on(host, spec, ()),
            lambda: driver.reboot(host, spec, (), hard=False),
            lambda: driver.reboot(host, spec, (), hard=True),
        ]
        if isinstance(driver, KeepsConsoleLog):
            attempts.append(lambda: driver.console_output(host, spec.server.uuid, spec.server.instance_name))
        if isinstance(driver, HasVnc):
            attempts.append(lambda: driver.vnc_console(host, spec.server.uuid, spec.server.instance_name))
        for attempt in attempts:
            with pytest.raises(GuestNotFound):
                attempt()

    @pytest.mark.parametrize("vif_type", ["binding_failed", "unbound"])
    def test_a_port_that_was_not_bound(self, driver: Driver, host: str, spec: ServerSpec, vif_type: str) -> None:
        vif = Vif(
            port_id=str(uuid.uuid4()),
            network_id=str(uuid.uuid4()),
            network_name="n",
            mac="fa:16:3e:00:00:01",
            vif_type=vif_type,
        )
        with pytest.raises(GuestFailed, match=vif.port_id):
            driver.plug(host, spec, (vif,))

    def test_what_a_guest_does_by_itself_is_told(self, driver: Driver, host: str, running: ServerSpec) -> None:
        told: list[tuple[str, int]] = []
        driver.on_power_change(lambda instance, state: told.append((instance, state)))
        self.stop_from_outside(driver, running)
        wanted = (running.server.uuid, PowerState.SHUTDOWN)
        for _ in range(100):
            if wanted in told:
                return
            time.sleep(0.05)
        pytest.fail(f"not told of it, only of {told}")

    def test_the_console_log_can_be_read(self, driver: Driver, host: str, running: ServerSpec) -> None:
        if not isinstance(driver, KeepsConsoleLog):
            pytest.skip("keeps no console log")
        text = driver.console_output(host, running.server.uuid, running.server.instance_name)
        assert isinstance(text, bytes)

    def test_the_screen_can_be_reached(self, driver: Driver, host: str, running: ServerSpec) -> None:
        if not isinstance(driver, HasVnc):
            pytest.skip("has no VNC")
        try:
            location = driver.vnc_console(host, running.server.uuid, running.server.instance_name)
        except ConsoleTypeUnavailable:
            pytest.skip("guests were made without")
        assert location.host
        assert 0 < location.port < 65536

    def test_images_in_use_are_kept(
        self, driver: Driver, restarted: Callable[[], Driver], host: str, spec: ServerSpec
    ) -> None:
        """By disks of a build under way, by a guest that runs, and by one that doesn't; also by who comes later."""
        if not isinstance(driver, CachesImages):
            pytest.skip("caches no images")
        driver.prepare_disks(host, spec)
        assert driver.prune_image_cache(0.0) == ()
        driver.plug(host, spec, ())
        driver.spawn(host, spec, (), None)
        assert driver.prune_image_cache(0.0) == ()
        driver.power_off(host, spec, 0)
        assert driver.prune_image_cache(0.0) == ()
        later = restarted()
        assert isinstance(later, CachesImages)
        assert later.prune_image_cache(0.0) == ()
        driver.destroy(host, spec)
        assert driver.prune_image_cache(None) == ()
        assert driver.prune_image_cache(3600.0) == ()
        assert len(driver.prune_image_cache(0.0)) == 1
        assert driver.prune_image_cache(0.0) == ()
        driver.prepare_disks(host, spec)  # fetches it again

    def test_servers_do_not_mix(self, driver: Driver, host: str, running: ServerSpec, make_spec: MakeSpec) -> None:
        other = make_spec()
        other = msgspec.structs.replace(other, server=msgspec.structs.replace(other.server, id=other.server.id + 7))
        driver.prepare_disks(host, other)
        driver.spawn(host, other, (), None)
        driver.destroy(host, other)
        assert driver.guest(host, running).power_state == PowerState.RUNNING
