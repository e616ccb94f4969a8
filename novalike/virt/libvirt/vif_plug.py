"""The host's side of network interfaces, made by os-vif, and what the guest's XML must say about them."""

import logging
import os
import threading
import uuid
from pathlib import Path

import os_vif
import os_vif.objects
from os_vif.objects import instance_info as osv_instance
from os_vif.objects import network as osv_network
from os_vif.objects import vif as osv_vif

from novalike.objects.image import Image
from novalike.objects.network import Vif
from novalike.objects.server import ServerSpec
from novalike.virt.driver import GuestFailed
from novalike.virt.libvirt import hardware
from novalike.virt.libvirt.guestspec import Interface
from novalike.virt.libvirt.ovs_ports import OvsPort, OvsPorts
from novalike.virt.native_threads import NativeThreads

LOG = logging.getLogger(__name__)

# os-vif's records refer to each other by name, so all of them must have been imported.
os_vif.objects.register_all()

_NAME_LENGTH = 14
# os-vif speaks netlink through an asyncio loop, of which a real thread has one: green threads must take turns.
_ONE_AT_A_TIME = threading.Lock()


def device_name(vif: Vif) -> str:
    """The tap's name on the host, the one Neutron's agents expect."""
    return (vif.devname or f"tap{vif.port_id}")[:_NAME_LENGTH]


def check(vif: Vif) -> None:
    """See that this driver can connect the interface.

    :raises GuestFailed: it can't; the port is named.
    """
    if vif.vif_type in (None, "unbound", "binding_failed"):
        raise GuestFailed(reason=f"Port {vif.port_id} could not be bound on this host (vif_type {vif.vif_type})")
    if vif.vif_type not in ("ovs", "bridge", "tap") or vif.vnic_type != "normal":
        raise GuestFailed(
            reason=f"Port {vif.port_id} needs an interface of type {vif.vif_type}/{vif.vnic_type}, "
            "which this hypervisor's driver does not have"
        )


def interface(vif: Vif, image: Image | None, queues: int) -> Interface:
    """What the guest's XML says.

    :raises GuestFailed: as :func:`check`.
    """
    check(vif)
    model = hardware.vif_model(image)
    bridge = None
    if vif.vif_type == "bridge":
        bridge = _linux_bridge(vif)
    elif _is_hybrid(vif):
        bridge = _hybrid_bridge(vif)
    return Interface(
        kind="bridge" if bridge else "ethernet",
        mac=vif.mac,
        device=device_name(vif),
        model=model,
        bridge=bridge,
        mtu=vif.mtu,
        tap_exists=vif.vif_type == "ovs" and _makes_tap(vif),
        queues=queues if model == "virtio" else 1,
    )


class VifPlugger:
    """Plugs and unplugs.

    :param ovs_bridge: the Open vSwitch bridge of ports that name none.
    """

    def __init__(self, ovs_bridge: str, threads: NativeThreads) -> None:
        self._ovs_bridge = ovs_bridge
        self._threads = threads
        self._ports = OvsPorts()

    def start(self) -> None:
        """Load os-vif's plugins."""
        os_vif.initialize()
        if os.geteuid() == 0:
            _use_no_helper()

    def plug(self, spec: ServerSpec, vif: Vif) -> None:
        """Connect an interface, unless it is.

        :raises GuestFailed: it can't be.
        """
        check(vif)
        if vif.vif_type == "bridge":
            bridge = _linux_bridge(vif)
            if not Path("/sys/class/net", bridge, "bridge").is_dir():
                raise GuestFailed(reason=f"Port {vif.port_id} needs bridge {bridge}, which this host does not have")
        elif vif.vif_type == "ovs":
            try:
                with _ONE_AT_A_TIME:
                    os_vif.plug(self._ovs(spec, vif), _instance(spec))
            except Exception as e:  # os-vif and its plugins raise all kinds
                raise GuestFailed(reason=f"Port {vif.port_id} could not be plugged: {_reason(e)}") from e

    def unplug(self, spec: ServerSpec, vif: Vif) -> None:
        """Take an interface away, as far as it is there.

        :raises GuestFailed: it can't be.
        """
        if vif.vif_type == "ovs":
            try:
                with _ONE_AT_A_TIME:
                    os_vif.unplug(self._ovs(spec, vif), _instance(spec))
            except Exception as e:
                raise GuestFailed(reason=f"Port {vif.port_id} could not be unplugged: {_reason(e)}") from e

    def plugged(self) -> list[OvsPort]:
        """All interfaces on this host's Open vSwitch, of all instances; none where there is no Open vSwitch.

        Interfaces of other kinds come and go with their guests.

        :raises Unavailable: it is there and can't be asked.
        """
        with _ONE_AT_A_TIME:
            return self._ports.listed()

    def unplug_all(self, spec: ServerSpec, vifs: tuple[Vif, ...]) -> None:
        """Take all interfaces of an instance away, those of its record and those that only the switch still knows.

        :raises GuestFailed: one can't be.
        :raises Unavailable: the switch can't be asked.
        """
        for vif in vifs:
            self.unplug(spec, vif)
        for port in self.plugged():
            if port.instance_uuid == spec.server.uuid:
                self.unplug(spec, _as_plugged(port))

    def _ovs(self, spec: ServerSpec, vif: Vif) -> osv_vif.VIFBase:
        bridge = vif.bridge or vif.details.get("bridge_name") or self._ovs_bridge
        network = osv_network.Network(id=vif.network_id, bridge=bridge, label=vif.network_name)
        if vif.mtu:
            network.mtu = vif.mtu
        profile = osv_vif.VIFPortProfileOpenVSwitch(interface_id=vif.port_id, create_port=True)
        if vif.details.get("datapath_type"):
            profile.datapath_type = vif.details["datapath_type"]
        if _makes_tap(vif):
            profile.create_tap = True
            queues = hardware.vif_queues(spec.image, spec.server.flavor)
            if queues > 1 and "multiqueue" in profile.fields:
                profile.multiqueue = True
        shared = {
            "id": vif.port_id,
            "address": vif.mac,
            "active": vif.active,
            "has_traffic_filtering": bool(vif.details.get("port_filter")),
            "plugin": "ovs",
            "port_profile": profile,
            "network": network,
        }
        if _is_hybrid(vif):
            return osv_vif.VIFBridge(vif_name=device_name(vif), bridge_name=_hybrid_bridge(vif), **shared)
        return osv_vif.VIFOpenVSwitch(vif_name=device_name(vif), bridge_name=bridge, **shared)


def _as_plugged(port: OvsPort) -> Vif:
    """What is needed of an interface to unplug it. Whether it has a Linux bridge or a tap, os-vif looks itself."""
    return Vif(
        port_id=port.port_id,
        network_id=str(uuid.UUID(int=0)),  # os-vif wants one
        network_name="",
        mac=port.mac,
        vif_type="ovs",
        bridge=port.bridge,
        devname=port.name,
        details={"ovs_create_tap": True},
    )


def _is_hybrid(vif: Vif) -> bool:
    """Neutron's iptables firewall wants a Linux bridge between tap and Open vSwitch."""
    return vif.vif_type == "ovs" and bool(vif.details.get("ovs_hybrid_plug"))


def _hybrid_bridge(vif: Vif) -> str:
    return f"qbr{vif.port_id}"[:_NAME_LENGTH]


def _linux_bridge(vif: Vif) -> str:
    bridge = vif.bridge or vif.details.get("bridge_name") or f"brq{vif.network_id}"[:_NAME_LENGTH]
    return str(bridge)


def _makes_tap(vif: Vif) -> bool:
    """Whether os-vif makes the tap beforehand (so that OVN can prepare it before the guest starts)."""
    return (
        bool(vif.details.get("ovs_create_tap"))
        and not _is_hybrid(vif)
        and "create_tap" in osv_vif.VIFPortProfileOpenVSwitch.fields
    )


def _instance(spec: ServerSpec) -> osv_instance.InstanceInfo:
    server = spec.server
    return osv_instance.InstanceInfo(uuid=server.uuid, name=server.instance_name, project_id=server.project_id)


def _reason(error: Exception) -> object:
    """os-vif wraps what happened in a dump of its own objects; only what happened is of use."""
    return getattr(error, "kwargs", {}).get("err", error)


def _use_no_helper() -> None:
    """Root needs no second process that is root: os-vif's privileged functions are called as they are."""
    from vif_plug_ovs import privsep

    privsep.vif_plug.set_client_mode(False)
