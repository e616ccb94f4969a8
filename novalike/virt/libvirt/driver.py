"""The libvirt driver: guests on KVM or QEMU.

This file says what happens in which order; how is in the modules beside it::

    hardware               what a guest gets             unsupported_features    what it can't be given
    disk_plan, disk_files  its disks                     base_images             the cached images they need
    guest_builder          all of it in one GuestSpec    guestxml/               that as XML
    interfaces             its side of interfaces        domains, power          one guest in libvirt
    connection, events     libvirt itself                host_facts, traits      the host
    host_report            what it is and has            moving, guest_folders   guests that move
    disk_transfer          their files

What other hypervisors' drivers need as well is in ``virt``: ``vif`` (the host's side of interfaces), ``images`` (the
cache), ``config_drive``, ``node_inventory``.
"""

import contextlib
import functools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import libvirt
from oslo_config import cfg

from novalike.objects import errors
from novalike.objects.host import NodeReport
from novalike.objects.server import ServerSpec
from novalike.virt import config_drive as config_drives
from novalike.virt import driver as contract
from novalike.virt.abilities import capability_traits
from novalike.virt.driver import (
    ConfigDrive,
    ConsoleLocation,
    GuestFailed,
    GuestInfo,
    GuestNotFound,
    ImageSource,
    PowerListener,
)
from novalike.virt.guest import Guest, GuestRef
from novalike.virt.images.cache import ImageCache
from novalike.virt.libvirt import (
    base_images,
    console_log,
    disk_files,
    disk_plan,
    domains,
    guest_builder,
    guest_folders,
    guest_record,
    hardware,
    host_report,
    node_identity,
    power,
    preflight,
    unsupported_features,
)
from novalike.virt.libvirt.connection import Connection
from novalike.virt.libvirt.events import PowerEvents
from novalike.virt.libvirt.guest_folders import GuestFolders
from novalike.virt.libvirt.guestxml import domain as domain_xml
from novalike.virt.libvirt.host_facts import HostFacts
from novalike.virt.libvirt.moving import Mover
from novalike.virt.native_threads import NativeThreads
from novalike.virt.vif.plugger import VifPlugger

LOG = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


class LibvirtDriver(contract.Driver):
    """See :class:`novalike.virt.driver.Driver`; also keeps console logs, has VNC, caches images, moves guests."""

    def __init__(self, conf: cfg.ConfigOpts, images: ImageSource) -> None:
        super().__init__(conf, images)
        self._threads = NativeThreads(conf.libvirt.threads)
        self._instances = Path(conf.state_path) / "instances"
        self._cache_folder = self._instances / conf.image_cache.subdirectory_name
        self._cache = ImageCache(self._cache_folder, images, self._threads)
        self._plugger = VifPlugger(conf.neutron.ovs_bridge)
        self._listeners: list[PowerListener] = []
        self._busy: Counter[str] = Counter()
        self._events: PowerEvents | None = None
        self._connection = Connection(conf.libvirt.connection_uri, self._threads, self._connected)
        self._node_uuid = ""
        self._cache_mode = conf.libvirt.disk_cachemode
        self._facts = HostFacts(conf, self._call)
        self._mover = Mover(conf, self._threads, self._connection, self._cache, self._cache_folder)

    # -- the host

    def start(self) -> None:
        preflight.check_host(self.conf, self._instances)
        self._node_uuid = preflight.writing(node_identity.identify, Path(self.conf.state_path), self.conf.host)
        preflight.writing(self._cache.prepare)
        if self._cache_mode == "none" and not preflight.has_direct_io(self._instances):
            LOG.info("%s has no O_DIRECT: guests' disks use cache mode writeback", self._instances)
            self._cache_mode = "writeback"
        self._plugger.start()
        if self._events is None:
            self._events = PowerEvents(self._power_changed)
        preflight.check_virt_type(self.conf, self._facts.host)
        preflight.check_machine(self.conf, self._facts.machine(self._facts.machine_type(None)))
        options = self.conf.libvirt
        LOG.info("Hypervisor is usable: %s, virt_type %s", options.connection_uri, options.virt_type)

    def stop(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None
        self._connection.close()

    def is_healthy(self) -> bool:
        try:
            self._connection.call(libvirt.virConnect.getLibVersion)
        except (errors.Unavailable, libvirt.libvirtError):
            return False
        return True

    def hosts(self) -> tuple[str, ...]:
        return (self.conf.host,)

    def node_reports(self) -> tuple[NodeReport, ...]:
        measured = self._call(host_report.measure, self._node_uuid)
        return (
            host_report.report(
                self.conf,
                measured,
                node_uuid=self._node_uuid,
                capabilities=self._facts.host,
                traits=tuple(sorted(self._facts.traits() | set(capability_traits(self)))),
                instances=self._instances,
            ),
        )

    def on_power_change(self, listener: PowerListener) -> None:
        self._listeners.append(listener)

    # -- guests: looking

    def guests(self, host: str) -> tuple[GuestInfo, ...]:
        return tuple(self._call(domains.infos, self._node_uuid))

    def residents(self, host: str) -> frozenset[str]:
        # in this order: a guest that is made meanwhile is ours, not somebody else's
        all_guests = self._call(domains.uuids)
        ours = {guest.instance_uuid for guest in self._call(domains.infos, self._node_uuid)}
        left = guest_folders.ours(self._instances, self._node_uuid)
        left |= {port.instance_uuid for port in self._plugger.plugged()}
        return frozenset(ours | (left - all_guests))

    def find_guest(self, guest: Guest) -> GuestInfo:
        found = self._call(domains.info, guest.uuid, self._node_uuid)
        if found is None:
            raise GuestNotFound(instance_id=guest.uuid)
        return found

    def console_output(self, guest: GuestRef) -> bytes:
        folder = self._folder(guest.uuid)
        text = console_log.tail(folder / guest_builder.CONSOLE_LOG, self.conf.libvirt.console_log_bytes)
        if text is None:
            if self._call(domains.info, guest.uuid, self._node_uuid) is None:
                raise GuestNotFound(instance_id=guest.uuid)
            return b""
        return text

    def vnc_console(self, guest: GuestRef) -> ConsoleLocation:
        port = self._call(domains.vnc_port, guest.uuid)
        if port == 0:
            raise GuestNotFound(instance_id=guest.uuid)
        if port is None:
            raise errors.ConsoleTypeUnavailable(console_type="novnc")
        return ConsoleLocation(host=self.conf.vnc.server_proxyclient_address, port=port)

    # -- guests: making

    def prepare_disks(self, guest: Guest) -> str:
        spec = guest.spec
        self._check_wishes(spec)
        folder = self._folder(guest.uuid)
        known = guest_record.read(folder)
        planned = known or disk_plan.plan(self.conf, spec, self._facts.arch, self._node_uuid)
        if known is None or any(
            not (folder / disk.file).exists() for disk in known.disks if disk.content != "config"
        ):
            planned, base = base_images.fetch(self._cache, spec, planned, folder)
            with disk_files.errors():
                for disk in planned.disks:
                    disk_files.make(folder, disk, base, self._sync)
        return planned.root_device

    def _check_wishes(self, spec: ServerSpec) -> None:
        """
        :raises GuestFailed: image or flavor want what can't be had here.
        """
        unsupported_features.check(spec.image, spec.server.flavor, self._facts.arch)
        self._facts.check_firmware(spec.image)

    def plug(self, guest: Guest) -> None:
        queues = hardware.vif_queues(guest.spec.image, guest.spec.server.flavor)
        for vif in guest.vifs:
            self._plugger.plug(guest, vif, queues)

    def unplug(self, guest: Guest) -> None:
        self._plugger.unplug_all(guest)

    def spawn(self, guest: Guest, config_drive: ConfigDrive | None) -> None:
        with self._quiet(guest.uuid):
            if self._call(domains.is_active, guest.uuid):
                return
            if config_drive is not None:
                self._write_config_drive(guest.uuid, config_drive)
            try:
                self._define(guest)
                self._start(guest.uuid)
            except GuestNotFound as e:
                raise GuestFailed(reason="The guest has no disks, or was removed while it was being made") from e

    def remove_guest(self, guest: Guest) -> None:
        with self._quiet(guest.uuid):
            self._call(domains.switch_off, guest.uuid)
            self._call(domains.undefine, guest.uuid)

    def remove_disks(self, guest: Guest) -> None:
        if self._call(domains.is_active, guest.uuid) is not None:
            raise GuestFailed(reason="libvirt still knows the guest: its disks stay")
        self._folders(guest.uuid).remove()

    # -- guests: power

    def power_on(self, guest: Guest) -> None:
        with self._quiet(guest.uuid):
            if self._call(domains.is_active, guest.uuid):
                return
            self._restart(guest)

    def power_off(self, guest: Guest, timeout: float) -> None:
        with self._quiet(guest.uuid), _libvirt_errors():
            if self._connection.call(domains.is_active, guest.uuid) is None:
                raise GuestNotFound(instance_id=guest.uuid)
            power.power_off(self._connection, guest.uuid, timeout)

    def reboot(self, guest: Guest, *, hard: bool) -> None:
        with self._quiet(guest.uuid), _libvirt_errors():
            if not hard and self._reboot_softly(guest.uuid):
                return
            self._connection.call(domains.switch_off, guest.uuid)
            self._restart(guest)

    def _reboot_softly(self, uuid: str) -> bool:
        active = self._connection.call(domains.is_active, uuid)
        if active is None:
            raise GuestNotFound(instance_id=uuid)
        if not active or not power.shut_down(self._connection, uuid, self.conf.libvirt.wait_soft_reboot_seconds):
            LOG.info("Instance %s did not follow a soft reboot: rebooting it the hard way", uuid)
            return False
        return self._connection.call(domains.start, uuid)

    def _restart(self, guest: Guest) -> None:
        """Define a stopped guest anew and start it; if its disks are set aside, they are taken back."""
        if guest_record.read(self._folder(guest.uuid)) is None:
            self._mover.take_back(self._folders(guest.uuid))
        self.plug(guest)
        self._define(guest)
        self._start(guest.uuid)

    # -- guests: moving

    def prepare_move(self, guest: Guest) -> None:
        spec = guest.spec
        self._check_wishes(spec)
        planned = disk_plan.plan(self.conf, spec, self._facts.arch, self._node_uuid)
        base_images.fetch_ahead(self._cache, spec.image, planned)

    def set_aside(self, guest: Guest) -> str:
        with self._quiet(guest.uuid):
            return self._mover.set_aside(self._folders(guest.uuid))

    def fetch_disks(self, guest: Guest, source: str | None, progress: Callable[[int], None]) -> str:
        folders = self._folders(guest.uuid)
        return self._mover.fetch(guest, folders, source, progress, arch=self._facts.arch, node=self._node_uuid)

    def define(self, guest: Guest) -> None:
        with self._quiet(guest.uuid):
            if self._call(domains.is_active, guest.uuid) is None:
                try:
                    self._define(guest)
                except GuestNotFound as e:
                    raise GuestFailed(reason=f"Instance {guest.uuid} has no disks here") from e

    def take_back(self, guest: Guest) -> None:
        self._mover.take_back(self._folders(guest.uuid))

    def discard_aside(self, guest: Guest) -> None:
        self._mover.discard_aside(self._folders(guest.uuid))

    def aside(self, host: str) -> frozenset[str]:
        return guest_folders.aside(self._instances, self._node_uuid)

    # -- images

    def prune_image_cache(self, min_age: float | None) -> tuple[str, ...]:
        in_use = functools.partial(base_images.in_use, self._instances, self._cache_folder)
        return self._cache.prune(in_use, min_age)

    # -- how

    def _folder(self, uuid: str) -> Path:
        return contract.instance_directory(self.conf, uuid)

    def _folders(self, uuid: str) -> GuestFolders:
        return GuestFolders(self._instances, uuid, self._node_uuid, self._threads)

    def _call(
        self, function: Callable[Concatenate[libvirt.virConnect, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        with _libvirt_errors():
            return self._connection.call(function, *args, **kwargs)

    def _connected(self, connection: libvirt.virConnect) -> None:
        if self._events is not None:
            self._events.subscribe(connection)

    def _define(self, guest: Guest) -> None:
        folder = self._folder(guest.uuid)
        known = guest_record.read(folder)
        if known is None:
            raise GuestNotFound(instance_id=guest.uuid)
        built = guest_builder.build(
            self.conf, guest, known, folder, node=self._node_uuid, arch=self._facts.arch,
            cache_mode=self._cache_mode, nvram=self._call(domains.nvram, guest.uuid),
        )  # fmt: skip
        self._call(domains.define, domain_xml.render(built))

    def _start(self, uuid: str) -> None:
        if not self._call(domains.start, uuid):
            raise GuestNotFound(instance_id=uuid)

    def _write_config_drive(self, uuid: str, drive: ConfigDrive) -> None:
        folder = self._folder(uuid)
        try:
            config_drives.write(drive, folder / disk_plan.CONFIG_DRIVE, self._sync)
        except (OSError, ValueError) as e:
            raise GuestFailed(reason=f"Could not write the config drive: {e}") from e

    def _sync(self, descriptor: int) -> None:
        self._threads.run(os.fsync, descriptor)

    @contextlib.contextmanager
    def _quiet(self, uuid: str) -> Iterator[None]:
        """While we change a guest's power, its events are no news."""
        self._busy[uuid] += 1
        try:
            yield
        finally:
            self._busy[uuid] -= 1
            if not self._busy[uuid]:
                del self._busy[uuid]

    def _power_changed(self, uuid: str) -> None:
        if uuid in self._busy:
            return
        try:
            found = self._call(domains.info, uuid, self._node_uuid)
        except (GuestFailed, errors.Unavailable):
            LOG.warning("Could not look at instance %s after its power changed", uuid)
            return
        if found is None or uuid in self._busy:
            return
        for listener in self._listeners:
            listener(uuid, found.power_state)


@contextlib.contextmanager
def _libvirt_errors() -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as e:
        raise GuestFailed(reason=f"libvirt: {e}") from e
