"""The fake driver."""

import random
import threading
import time
import uuid
from pathlib import Path

import msgspec
from oslo_config import cfg

from novalike.objects import errors
from novalike.objects.host import NodeReport
from novalike.objects.lifecycle import PowerState
from novalike.objects.network import Vif
from novalike.objects.server import ServerSpec
from novalike.virt.driver import (
    ConfigDrive,
    ConsoleLocation,
    Driver,
    GuestFailed,
    GuestInfo,
    GuestNotFound,
    ImageSource,
    PowerListener,
    capability_traits,
)
from novalike.virt.fake.guests import FakeGuest, GuestStore

# Nodes keep their identity over restarts, because it follows from their names.
_NAMESPACE = uuid.UUID("5f2c34f6-6f1c-4d19-9c1d-3a0c5f0b4a11")


class FakeDriver(Driver):
    """Guests are records; ``[fake]`` says how long things take and how often they fail."""

    def __init__(self, conf: cfg.ConfigOpts, images: ImageSource) -> None:
        super().__init__(conf, images)
        folder = Path(conf.state_path) / "fake-guests" if conf.fake.keep_guests else None
        self._folder = folder
        self._store = GuestStore(None)
        self._listeners: list[PowerListener] = []
        self._hosts = _host_names(conf)
        self._lock = threading.Lock()

    def start(self) -> None:
        self._store = GuestStore(self._folder)

    def stop(self) -> None:
        self._listeners.clear()

    def is_healthy(self) -> bool:
        return True

    def hosts(self) -> tuple[str, ...]:
        return self._hosts

    def node_reports(self) -> tuple[NodeReport, ...]:
        return tuple(self._report(host) for host in self._hosts)

    def _report(self, host: str) -> NodeReport:
        fake, guests = self.conf.fake, self._store.on(host)
        return NodeReport(
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
            cpu_allocation_ratio=self.conf.cpu_allocation_ratio,
            ram_allocation_ratio=self.conf.ram_allocation_ratio,
            disk_allocation_ratio=self.conf.disk_allocation_ratio,
            reserved_host_cpus=self.conf.reserved_host_cpus,
            reserved_host_memory_mb=self.conf.reserved_host_memory_mb,
            reserved_host_disk_mb=self.conf.reserved_host_disk_mb,
        )

    def guests(self, host: str) -> tuple[GuestInfo, ...]:
        return tuple(_info(guest) for guest in self._store.on(host))

    def guest(self, host: str, spec: ServerSpec) -> GuestInfo:
        return _info(self._need(host, spec.server.uuid))

    def _need(self, host: str, instance_uuid: str) -> FakeGuest:
        """
        :raises GuestNotFound: there is none.
        """
        guest = self._store.get(host, instance_uuid)
        if guest is None:
            raise GuestNotFound(instance_id=instance_uuid)
        return guest

    def prepare_disks(self, host: str, spec: ServerSpec) -> str:
        return "/dev/vda"

    def plug(self, host: str, spec: ServerSpec, vifs: tuple[Vif, ...]) -> None:
        for vif in vifs:
            if vif.vif_type in ("binding_failed", "unbound"):
                raise GuestFailed(reason=f"port {vif.port_id} could not be bound to host {host}")

    def unplug(self, host: str, spec: ServerSpec, vifs: tuple[Vif, ...]) -> None:
        """Nothing is plugged beyond the guest itself."""

    def spawn(
        self, host: str, spec: ServerSpec, vifs: tuple[Vif, ...], config_drive: ConfigDrive | None
    ) -> None:
        if self._store.get(host, spec.server.uuid) is not None:
            return
        time.sleep(self.conf.fake.spawn_latency)
        if random.random() < self.conf.fake.failure_rate:  # noqa: S311
            raise GuestFailed(reason="the fake hypervisor was told to fail now and then")
        self._store.put(
            FakeGuest(
                instance_uuid=spec.server.uuid,
                instance_name=spec.server.instance_name,
                host=host,
                memory_mb=spec.server.flavor.memory_mb,
                vcpus=spec.server.flavor.vcpus,
                plugged=tuple(vif.port_id for vif in vifs),
                has_config_drive=config_drive is not None,
            )
        )

    def destroy(self, host: str, spec: ServerSpec) -> None:
        time.sleep(self.conf.fake.operation_latency)
        self._store.remove(host, spec.server.uuid)

    def power_on(self, host: str, spec: ServerSpec, vifs: tuple[Vif, ...]) -> None:
        guest = self._need(host, spec.server.uuid)
        if guest.power_state == PowerState.RUNNING:
            return
        time.sleep(self.conf.fake.operation_latency)
        self._change(guest, power_state=PowerState.RUNNING, boots=guest.boots + 1)

    def power_off(self, host: str, spec: ServerSpec, timeout: float) -> None:
        guest = self._need(host, spec.server.uuid)
        time.sleep(self.conf.fake.operation_latency)
        self._change(guest, power_state=PowerState.SHUTDOWN)

    def reboot(self, host: str, spec: ServerSpec, vifs: tuple[Vif, ...], *, hard: bool) -> None:
        guest = self._need(host, spec.server.uuid)
        time.sleep(self.conf.fake.operation_latency)
        self._change(guest, power_state=PowerState.RUNNING, boots=guest.boots + 1)

    def _change(self, guest: FakeGuest, **changes: object) -> None:
        self._store.put(msgspec.structs.replace(guest, **changes))

    def on_power_change(self, listener: PowerListener) -> None:
        self._listeners.append(listener)

    def crash_guest(self, host: str, instance_uuid: str) -> None:
        """Make a guest stop by itself, as a kernel panic would. For tests."""
        self._change(self._need(host, instance_uuid), power_state=PowerState.SHUTDOWN)
        for listener in self._listeners:
            listener(instance_uuid, PowerState.SHUTDOWN)

    def console_output(self, host: str, spec_uuid: str, instance_name: str) -> bytes:
        guest = self._need(host, spec_uuid)
        return b"".join(
            b"FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE\n" if n == 0 else b"booted again\nFAKE CONSOLE OUTPUT\n"
            for n in range(guest.boots)
        )

    def vnc_console(self, host: str, spec_uuid: str, instance_name: str) -> ConsoleLocation:
        self._need(host, spec_uuid)
        if not self.conf.vnc.enabled:
            raise errors.ConsoleTypeUnavailable(console_type="novnc")
        return ConsoleLocation(host=self.conf.vnc.server_proxyclient_address, port=6969)


def _info(guest: FakeGuest) -> GuestInfo:
    return GuestInfo(
        instance_uuid=guest.instance_uuid,
        instance_name=guest.instance_name,
        power_state=guest.power_state,
        memory_mb=guest.memory_mb,
        vcpus=guest.vcpus,
    )


def _host_names(conf: cfg.ConfigOpts) -> tuple[str, ...]:
    count, prefix = conf.fake.hosts, conf.fake.host_prefix
    if prefix is None and count == 1:
        return (conf.host,)
    width = max(3, len(str(count)))
    return tuple(f"{prefix or conf.host}{n:0{width}}" for n in range(1, count + 1))
