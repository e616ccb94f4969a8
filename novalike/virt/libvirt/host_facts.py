"""What this host's libvirt can do, asked once."""

import threading
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from novalike.objects.image import Image
from novalike.virt.driver import GuestFailed
from novalike.virt.libvirt import capabilities, hardware, traits
from novalike.virt.libvirt.capabilities import HostCapabilities, MachineCapabilities


class HostFacts:
    """Capabilities and traits of the host.

    :param call: calls a function with the connection to libvirt.
    """

    def __init__(self, conf: cfg.ConfigOpts, call: Callable[..., Any]) -> None:
        self._conf = conf
        self._call = call
        self._lock = threading.Lock()
        self._host: HostCapabilities | None = None
        self._machines: dict[str, MachineCapabilities] = {}
        self._traits: frozenset[str] | None = None

    @property
    def host(self) -> HostCapabilities:
        """What libvirt says of the host."""
        with self._lock:
            if self._host is None:
                self._host = self._call(capabilities.query_host)
            return self._host

    @property
    def arch(self) -> str:
        """The host's architecture."""
        return self.host.arch

    def machine_type(self, image: Image | None) -> str:
        """Return the machine type that a guest made from an image gets here; None: from any image."""
        return hardware.machine_type(self._conf, image, self.arch)

    def machine(self, machine: str) -> MachineCapabilities:
        """Return what libvirt says of a machine type."""
        arch = self.arch
        with self._lock:
            if machine not in self._machines:
                self._machines[machine] = self._call(
                    capabilities.query_machine, arch, machine, self._conf.libvirt.virt_type
                )
            return self._machines[machine]

    def check_firmware(self, image: Image | None) -> None:
        """
        :raises GuestFailed: an image wants firmware that isn't here.
        """
        if hardware.firmware(image) == "uefi":
            machine = self.machine_type(image)
            if "efi" not in self.machine(machine).firmwares:
                raise GuestFailed(reason=f"This host has no UEFI firmware for machine type {machine}")

    def traits(self) -> frozenset[str]:
        """Return the os-traits names that follow from the host's hardware and its libvirt."""
        if self._traits is None:
            arch, default = self.arch, self.machine_type(None)
            machines = [self.machine(name) for name in {default, *(("pc", "q35") if arch == "x86_64" else ())}]
            found = traits.compute_traits(arch, machines, has_screen=self._conf.vnc.enabled)
            cpu_xml = self.machine(default).guest_cpu_xml
            if cpu_xml:
                features = self._call(
                    capabilities.query_cpu_features, arch, self._conf.libvirt.virt_type, cpu_xml
                )
                found |= traits.cpu_traits(features)
            self._traits = frozenset(found)
        return self._traits
