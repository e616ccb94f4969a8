"""Calls to libvirt about one guest. All of these run in a real thread: only libvirt calls, no logging, no waiting."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import libvirt
from lxml import etree

from novalike.objects.lifecycle import PowerState
from novalike.virt.driver import GuestInfo
from novalike.virt.libvirt.guestxml import metadata

R = TypeVar("R")

_POWER_STATES = {
    libvirt.VIR_DOMAIN_NOSTATE: PowerState.NOSTATE,
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    # "waiting for something": still running
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.SUSPENDED,
}
# How a guest is asked: the button that every machine has.
POWER_BUTTON = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
_GONE = frozenset({libvirt.VIR_ERR_NO_DOMAIN})
# What libvirt keeps of a guest that goes with it. (Its firmware's variables: see _nvram_flag.)
UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)


def find(connection: libvirt.virConnect, uuid: str) -> libvirt.virDomain | None:
    """The guest, or None."""
    return unless_gone(lambda: connection.lookupByUUIDString(uuid))


def unless_gone(function: Callable[[], R]) -> R | None:
    """What ``function`` gives; None when the guest it is about isn't there."""
    try:
        return function()
    except libvirt.libvirtError as e:
        if e.get_error_code() in _GONE:
            return None
        raise


def info(connection: libvirt.virConnect, uuid: str, node: str) -> GuestInfo | None:
    """What a guest is doing; None when there is none, or when it isn't this compute node's."""
    domain = find(connection, uuid)
    return None if domain is None else unless_gone(lambda: _describe(domain, node))


def infos(connection: libvirt.virConnect, node: str) -> list[GuestInfo]:
    """All guests of a compute node."""
    found = (unless_gone(functools.partial(_describe, domain, node)) for domain in connection.listAllDomains(0))
    return [guest for guest in found if guest is not None]


def uuids(connection: libvirt.virConnect) -> frozenset[str]:
    """Those of all guests of this libvirt, whoever's they are."""
    return frozenset(domain.UUIDString() for domain in connection.listAllDomains(0))


def _describe(domain: libvirt.virDomain, node: str) -> GuestInfo | None:
    try:
        if metadata.node_of(domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, metadata.NAMESPACE)) != node:
            return None
    except libvirt.libvirtError as e:
        if e.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return None  # somebody else's
        raise
    state, max_memory, _memory, vcpus, _time = domain.info()
    return GuestInfo(
        instance_uuid=domain.UUIDString(),
        instance_name=domain.name(),
        power_state=_POWER_STATES.get(state, PowerState.NOSTATE),
        memory_mb=max_memory // 1024,
        vcpus=vcpus,
    )


def is_active(connection: libvirt.virConnect, uuid: str) -> bool | None:
    """Whether the guest runs (or is paused); None when there is none."""
    domain = find(connection, uuid)
    return None if domain is None else unless_gone(lambda: bool(domain.isActive()))


def define(connection: libvirt.virConnect, xml: str) -> None:
    """Define a guest, or replace the definition of the one with this uuid."""
    connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)


def start(connection: libvirt.virConnect, uuid: str) -> bool:
    """Start a guest unless it runs. False: there is none."""
    domain = find(connection, uuid)
    if domain is None:
        return False
    try:
        if not domain.isActive():
            domain.createWithFlags(0)
    except libvirt.libvirtError as e:
        # somebody was faster
        if e.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID or not domain.isActive():
            raise
    return True


def ask_to_shut_down(connection: libvirt.virConnect, uuid: str) -> bool:
    """Press the guest's power button. False: there is nothing to press (no guest, not running, no ACPI)."""
    domain = find(connection, uuid)
    if domain is None:
        return False
    try:
        state, _reason = domain.state()
        if state == libvirt.VIR_DOMAIN_PAUSED:
            return False  # it would not notice
        domain.shutdownFlags(POWER_BUTTON)
    except libvirt.libvirtError as e:
        if e.get_error_code() in _GONE | {libvirt.VIR_ERR_OPERATION_INVALID}:
            return False
        raise
    return True


def switch_off(connection: libvirt.virConnect, uuid: str) -> None:
    """Stop a guest at once, if it runs."""
    domain = find(connection, uuid)
    if domain is None:
        return
    try:
        if domain.isActive():
            domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_DEFAULT)
    except libvirt.libvirtError as e:
        if e.get_error_code() not in _GONE | {libvirt.VIR_ERR_OPERATION_INVALID}:
            raise


def undefine(connection: libvirt.virConnect, uuid: str) -> None:
    """Forget a guest that doesn't run, if it is known."""
    domain = find(connection, uuid)
    if domain is None:
        return
    try:
        if domain.isPersistent():
            domain.undefineFlags(UNDEFINE | _nvram_flag(domain))
    except libvirt.libvirtError as e:
        if e.get_error_code() not in _GONE:
            raise


def nvram(connection: libvirt.virConnect, uuid: str) -> str | None:
    """Where the variables of a guest's firmware are; None when there is no guest, or it has none."""
    domain = find(connection, uuid)
    return None if domain is None else unless_gone(lambda: _nvram(domain))


def _nvram(domain: libvirt.virDomain) -> str | None:
    return etree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)).findtext("./os/nvram") or None


def _nvram_flag(domain: libvirt.virDomain) -> int:
    """What is in the guest's own folder stays, with its disks; what libvirt has put elsewhere goes."""
    path = _nvram(domain)
    if path is None:
        return 0
    own = Path(path).parent.name == domain.UUIDString()
    return int(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM if own else libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


def vnc_port(connection: libvirt.virConnect, uuid: str) -> int | None:
    """The port of the guest's VNC server; None when it has none; 0 when there is no guest."""
    domain = find(connection, uuid)
    xml = None if domain is None else unless_gone(lambda: domain.XMLDesc(0))
    if xml is None:
        return 0
    for graphics in etree.fromstring(xml).iterfind("./devices/graphics[@type='vnc']"):
        port = int(graphics.get("port", "-1"))
        if port > 0:
            return port
    return None
