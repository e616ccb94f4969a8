"""The fake driver."""

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
from oslo_config import cfg

from novalike.objects import errors
from novalike.objects.host import NodeReport
from novalike.objects.image import Image
from novalike.objects.lifecycle import PowerState
from novalike.virt import cancellation, node_inventory
from novalike.virt.abilities import capability_traits
from novalike.virt.driver import (
    ConfigDrive,
    ConsoleLocation,
    Driver,
    GuestFailed,
    GuestInfo,
    GuestNotFound,
    ImageSource,
    PowerListener,
)
from novalike.virt.fake import moves
from novalike.virt.fake.residents import Resident, ResidentStore
from novalike.virt.guest import Guest, GuestRef
from novalike.virt.images import download

# Nodes keep their identity over restarts, because it follows from their names.
_NAMESPACE = uuid.UUID("5f2c34f6-6f1c-4d19-9c1d-3a0c5f0b4a11")


class FakeDriver(Driver):
    """Guests, disks and interfaces are records; ``[fake]`` says how long things take and how often they fail."""

    def __init__(self, conf: cfg.ConfigOpts, images: ImageSource) -> None:
        super().__init__(conf, images)
        self._folder = Path(conf.state_path) / "fake-guests" if conf.fake.keep_guests else None
        self._store = ResidentStore(None)
        self._listeners: list[PowerListener] = []
        self._hosts: tuple[str, ...] = ()
        self._fetching = threading.Lock()
        # Image → when it was last used.
        self._fetched: dict[str, float] = {}
        self._full: set[str] = set()

    def start(self) -> None:
        self._store = ResidentStore(self._folder)
        self._hosts = _host_names(self.conf)

    def stop(self) -> None:
        self._listeners.clear()

    def is_healthy(self) -> bool:
        return True

    def hosts(self) -> tuple[str, ...]:
        return self._hosts

    def node_reports(self) -> tuple[NodeReport, ...]:
        return tuple(self._report(host) for host in self._hosts)

    def _report(self, host: str) -> NodeReport:
        fake, guests = self.conf.fake, self.guests(host)
        report = NodeReport(
            uuid=str(uuid.uuid5(_NAMESPACE, host)),
            host=host,
            hypervisor_hostname=host,
            hypervisor_type="fake",
            hypervisor_version=1000,
            host_ip=self.conf.my_ip,
            vcpus=fake.vcpus,
            memory_mb=fake.memory_mb,
            local_gb=fake.local_gb,
            vcpus_used=sum(guest.vcpus for guest in guests),
            memory_mb_used=sum(guest.memory_mb for guest in guests),
            running_vms=sum(guest.power_state == PowerState.RUNNING for guest in guests),
            cpu_info={
                "arch": "x86_64",
                "model": "Nehalem",
                "vendor": "Intel",
                "features": ["pge", "clflush"],
                "topology": {"cores": 1, "threads": 1, "sockets": 4},
            },
            supported_instances=(("x86_64", "fake", "hvm"),),
            traits=("COMPUTE_NODE", "HW_CPU_X86_VMX", *capability_traits(self)),
        )
        return node_inventory.complete(self.conf, report)

    def guests(self, host: str) -> tuple[GuestInfo, ...]:
        return tuple(info for resident in self._store.on(host) if (info := _info(resident)) is not None)

    def residents(self, host: str) -> frozenset[str]:
        return frozenset(resident.instance_uuid for resident in self._store.on(host))

    def aside(self, host: str) -> frozenset[str]:
        return frozenset(resident.instance_uuid for resident in self._store.on(host) if resident.is_aside)

    def find_guest(self, guest: Guest) -> GuestInfo:
        info = _info(self._need(guest.host, guest.uuid))
        assert info is not None
        return info

    def _need(self, host: str, instance_uuid: str) -> Resident:
        """
        :raises GuestNotFound: there is no guest.
        """
        found = self._store.get(host, instance_uuid)
        if found is None or found.power_state is None:
            raise GuestNotFound(instance_id=instance_uuid)
        return found

    def _known(self, guest: Guest) -> Resident:
        """Return what is on the guest's host of the instance; possibly nothing."""
        flavor = guest.spec.server.flavor
        return self._store.get(guest.host, guest.uuid) or Resident(
            instance_uuid=guest.uuid,
            host=guest.host,
            instance_name=guest.name,
            memory_mb=flavor.memory_mb,
            vcpus=flavor.vcpus,
            power_state=None,
        )

    def prepare_disks(self, guest: Guest) -> str:
        known, image = self._known(guest), guest.spec.image
        if not known.has_disks:
            with self._fetching:  # until it is written down that the image is used
                if image is not None:
                    self._fetch(image)
                if guest.host in self._full:
                    raise GuestFailed(reason=f"Could not make the disks: no space left on host {guest.host}")
                self._change(
                    known,
                    has_disks=True,
                    image_id=image.id if image is not None else None,
                    content=str(uuid.uuid4()),
                )
        return "/dev/vda"

    def _fetch(self, image: Image) -> None:
        """Read an image unless that was done before and it is kept, and check it.

        :raises ImageRejected, ImageNotFound, Unavailable: as :func:`~novalike.virt.images.download.verified`.
        """
        if image.id not in self._fetched:
            for _chunk in download.verified(self.images, image):
                pass
        self._fetched[image.id] = time.monotonic()

    def prune_image_cache(self, min_age: float | None) -> tuple[str, ...]:
        if min_age is None:
            return ()
        with self._fetching:
            used = {resident.image_id for host in self._hosts for resident in self._store.on(host)}
            self._fetched |= dict.fromkeys(self._fetched.keys() & used, time.monotonic())
            oldest = time.monotonic() - min_age
            unused = [image_id for image_id, at in self._fetched.items() if image_id not in used and at <= oldest]
            for image_id in unused:
                del self._fetched[image_id]
        return tuple(unused)

    def plug(self, guest: Guest) -> None:
        for vif in guest.vifs:
            if vif.vif_type in ("binding_failed", "unbound"):
                raise GuestFailed(reason=f"port {vif.port_id} could not be bound to host {guest.host}")
        known = self._known(guest)
        self._change(known, plugged=tuple(dict.fromkeys((*known.plugged, *(vif.port_id for vif in guest.vifs)))))

    def unplug(self, guest: Guest) -> None:
        self._change(self._known(guest), plugged=())

    def spawn(self, guest: Guest, config_drive: ConfigDrive | None) -> None:
        if self._known(guest).power_state == PowerState.RUNNING:
            return
        time.sleep(self.conf.fake.spawn_latency)
        if random.random() < self.conf.fake.failure_rate:  # noqa: S311
            raise GuestFailed(reason="the fake hypervisor was told to fail now and then")
        self._start(guest, has_config_drive=config_drive is not None)

    def _start(self, guest: Guest, **changes: object) -> None:
        """
        :raises GuestFailed: disks or interfaces are missing.
        """
        boots = self._known(guest).boots + 1
        self._define(guest, power_state=PowerState.RUNNING, boots=boots, **changes)

    def _define(self, guest: Guest, **changes: object) -> None:
        """Have a guest with the size of its flavor.

        :raises GuestFailed: disks or interfaces are missing.
        """
        known, flavor = self._known(guest), guest.spec.server.flavor
        if not known.has_disks:
            raise GuestFailed(reason=f"the disks of instance {known.instance_uuid} are missing")
        if missing := [vif.port_id for vif in guest.vifs if vif.port_id not in known.plugged]:
            raise GuestFailed(reason=f"ports {', '.join(missing)} are not plugged on host {known.host}")
        self._change(known, memory_mb=flavor.memory_mb, vcpus=flavor.vcpus, **changes)

    def remove_guest(self, guest: Guest) -> None:
        time.sleep(self.conf.fake.operation_latency)
        self._change(self._known(guest), power_state=None)

    def remove_disks(self, guest: Guest) -> None:
        known = self._known(guest)
        if known.power_state is not None:
            raise GuestFailed(reason=f"the guest of instance {guest.uuid} is still there: its disks stay")
        self._change(known, **moves.NO_DISKS)

    def power_on(self, guest: Guest) -> None:
        if self._known(guest).power_state != PowerState.RUNNING:
            self._restart(guest)

    def power_off(self, guest: Guest, timeout: float) -> None:
        known = self._need(guest.host, guest.uuid)
        time.sleep(self.conf.fake.operation_latency)
        self._change(known, power_state=PowerState.SHUTDOWN)

    def reboot(self, guest: Guest, *, hard: bool) -> None:
        if not hard:
            self._need(guest.host, guest.uuid)
        self._restart(guest)

    def _restart(self, guest: Guest) -> None:
        """Start a guest, which is defined anew when only its disks are there, be it set aside.

        :raises GuestNotFound: its disks aren't there either.
        """
        if not self._known(guest).has_disks:
            moves.take_back(self._store, self._known(guest))
        if not self._known(guest).has_disks:
            raise GuestNotFound(instance_id=guest.uuid)
        self.plug(guest)
        time.sleep(self.conf.fake.operation_latency)
        self._start(guest)

    def prepare_move(self, guest: Guest) -> None:
        image = guest.spec.image
        if image is None:
            return
        with self._fetching:
            if image.id not in self._fetched and guest.host in self._full:
                raise GuestFailed(reason=f"Image {image.id} could not be stored: no space left on host {guest.host}")
            with contextlib.suppress(errors.ImageNotFound):  # its content comes along with the disks
                self._fetch(image)

    def set_aside(self, guest: Guest) -> str:
        time.sleep(self.conf.fake.operation_latency)
        return moves.set_aside(self._store, self._known(guest))

    def fetch_disks(self, guest: Guest, source: str | None, progress: Callable[[int], None]) -> str:
        known = self._known(guest)
        origin = moves.find_origin(self._store, self._hosts, known, source)
        if moves.is_fetched(known, origin):
            return "/dev/vda"
        for percent in (0, 50, 100):
            progress(percent)
            cancellation.sleep(self.conf.fake.operation_latency / 2)
        if guest.host in self._full:
            raise GuestFailed(reason=f"Could not make the disks: no space left on host {guest.host}")
        self._change(known, **moves.fetched(origin))
        return "/dev/vda"

    def define(self, guest: Guest) -> None:
        time.sleep(self.conf.fake.operation_latency)
        if self._known(guest).power_state is None:
            self._define(guest, power_state=PowerState.SHUTDOWN)

    def take_back(self, guest: Guest) -> None:
        moves.take_back(self._store, self._known(guest))

    def discard_aside(self, guest: Guest) -> None:
        moves.discard_aside(self._store, self._known(guest))

    def _change(self, known: Resident, **changes: object) -> None:
        self._store.put(msgspec.structs.replace(known, **changes))

    def on_power_change(self, listener: PowerListener) -> None:
        self._listeners.append(listener)

    def crash_guest(self, host: str, instance_uuid: str) -> None:
        """Make a guest stop by itself, as a kernel panic would. For tests."""
        self._change(self._need(host, instance_uuid), power_state=PowerState.SHUTDOWN)
        for listener in self._listeners:
            listener(instance_uuid, PowerState.SHUTDOWN)

    def reboot_host(self, host: str) -> None:
        """What a host is like after a power failure: no guest runs, nothing is plugged, disks are there. For tests."""
        for found in self._store.on(host):
            self._change(found, power_state=None if found.power_state is None else PowerState.SHUTDOWN, plugged=())

    def fill_disk(self, host: str, *, full: bool = True) -> None:
        """Make a host's disk full, or not any more. For tests."""
        (self._full.add if full else self._full.discard)(host)

    def console_output(self, guest: GuestRef) -> bytes:
        known = self._need(guest.host, guest.uuid)
        return b"".join(
            b"FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE\n" if n == 0 else b"booted again\nFAKE CONSOLE OUTPUT\n"
            for n in range(known.boots)
        )

    def vnc_console(self, guest: GuestRef) -> ConsoleLocation:
        self._need(guest.host, guest.uuid)
        if not self.conf.vnc.enabled:
            raise errors.ConsoleTypeUnavailable(console_type="novnc")
        return ConsoleLocation(host=self.conf.vnc.server_proxyclient_address, port=6969)


def _info(resident: Resident) -> GuestInfo | None:
    if resident.power_state is None:
        return None
    return GuestInfo(
        instance_uuid=resident.instance_uuid,
        instance_name=resident.instance_name,
        power_state=resident.power_state,
        memory_mb=resident.memory_mb,
        vcpus=resident.vcpus,
    )


def _host_names(conf: cfg.ConfigOpts) -> tuple[str, ...]:
    count, prefix = conf.fake.hosts, conf.fake.host_prefix
    if prefix is None and count == 1:
        return (conf.host,)
    width = max(3, len(str(count)))
    return tuple(f"{prefix or conf.host}{n:0{width}}" for n in range(1, count + 1))
