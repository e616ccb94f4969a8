"""The host's side of network interfaces, made by os-vif."""

import os
import threading
import uuid
from pathlib import Path

import os_vif
import os_vif.objects
from os_vif.objects import instance_info as osv_instance
from os_vif.objects import network as osv_network
from os_vif.objects import vif as osv_vif

from novalike.objects.network import Vif
from novalike.virt.driver import GuestFailed
from novalike.virt.guest import Guest
from novalike.virt.vif.ovs_ports import OvsPort, OvsPorts

# os-vif's records refer to each other by name, so all of them must have been imported.
os_vif.objects.register_all()

_NAME_LENGTH = 14
# os-vif speaks netlink through an asyncio loop, of which a real thread has one: green threads must take turns.
_ONE_AT_A_TIME = threading.Lock()


def device_name(vif: Vif) -> str:
    """Return the tap's name on the host, the one Neutron's agents expect."""
    return (vif.devname or f"tap{vif.port_id}")[:_NAME_LENGTH]


def check(vif: Vif) -> None:
    """See that the interface is one that can be connected here.

    :raises GuestFailed: it isn't; the port is named.
    """
    if vif.vif_type in (None, "unbound", "binding_failed"):
        raise GuestFailed(reason=f"Port {vif.port_id} could not be bound on this host (vif_type {vif.vif_type})")
    if vif.vif_type not in ("ovs", "bridge", "tap") or vif.vnic_type != "normal":
        raise GuestFailed(
            reason=f"Port {vif.port_id} needs an interface of type {vif.vif_type}/{vif.vnic_type}, "
            "which this hypervisor's driver does not have"
        )


class VifPlugger:
    """Plugs and unplugs.

    :param ovs_bridge: the Open vSwitch bridge of ports that name none.
    """

    def __init__(self, ovs_bridge: str) -> None:
        self._ovs_bridge = ovs_bridge
        self._ports = OvsPorts()

    def start(self) -> None:
        """Load os-vif's plugins."""
        os_vif.initialize()
        if os.geteuid() == 0:
            _use_no_helper()

    def plug(self, guest: Guest, vif: Vif, queues: int = 1) -> None:
        """Connect an interface, unless it is.

        :param queues: pairs of queues of a tap that is made beforehand.
        :raises GuestFailed: it can't be.
        """
        check(vif)
        if vif.vif_type == "bridge":
            bridge = linux_bridge(vif)
            if not Path("/sys/class/net", bridge, "bridge").is_dir():
                raise GuestFailed(reason=f"Port {vif.port_id} needs bridge {bridge}, which this host does not have")
        elif vif.vif_type == "ovs":
            try:
                with _ONE_AT_A_TIME:
                    os_vif.plug(self._ovs(vif, queues), _instance(guest))
            except Exception as e:  # os-vif and its plugins raise all kinds
                raise GuestFailed(reason=f"Port {vif.port_id} could not be plugged: {_reason(e)}") from e

    def unplug(self, guest: Guest, vif: Vif) -> None:
        """Take an interface away, as far as it is there.

        :raises GuestFailed: it can't be.
        """
        if vif.vif_type == "ovs":
            try:
                with _ONE_AT_A_TIME:
                    os_vif.unplug(self._ovs(vif), _instance(guest))
            except Exception as e:
                raise GuestFailed(reason=f"Port {vif.port_id} could not be unplugged: {_reason(e)}") from e

    def plugged(self) -> list[OvsPort]:
        """Return all interfaces on this host's Open vSwitch, of all instances; none where there is no Open vSwitch.

        Interfaces of other kinds come and go with their guests.

        :raises Unavailable: it is there and can't be asked.
        """
        with _ONE_AT_A_TIME:
            return self._ports.listed()

    def unplug_all(self, guest: Guest) -> None:
        """Take all interfaces of an instance away, those of its record and those that only the switch still knows.

        :raises GuestFailed: one can't be.
        :raises Unavailable: the switch can't be asked.
        """
        for vif in guest.vifs:
            self.unplug(guest, vif)
        for port in self.plugged():
            if port.instance_uuid == guest.uuid:
                self.unplug(guest, _as_plugged(port))

    def _ovs(self, vif: Vif, queues: int = 1) -> osv_vif.VIFBase:
        bridge = vif.bridge or vif.details.get("bridge_name") or self._ovs_bridge
        network = osv_network.Network(id=vif.network_id, bridge=bridge, label=vif.network_name)
        if vif.mtu:
            network.mtu = vif.mtu
        profile = osv_vif.VIFPortProfileOpenVSwitch(interface_id=vif.port_id, create_port=True)
        if vif.details.get("datapath_type"):
            profile.datapath_type = vif.details["datapath_type"]
        if makes_tap(vif):
            profile.create_tap = True
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
        if is_hybrid(vif):
            return osv_vif.VIFBridge(vif_name=device_name(vif), bridge_name=hybrid_bridge(vif), **shared)
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


def is_hybrid(vif: Vif) -> bool:
    """Return whether there is a Linux bridge between tap and Open vSwitch, as Neutron's iptables firewall wants it."""
    return vif.vif_type == "ovs" and bool(vif.details.get("ovs_hybrid_plug"))


def hybrid_bridge(vif: Vif) -> str:
    """Return the name of the Linux bridge between tap and Open vSwitch."""
    return f"qbr{vif.port_id}"[:_NAME_LENGTH]


def linux_bridge(vif: Vif) -> str:
    """Return the name of the network's Linux bridge."""
    bridge = vif.bridge or vif.details.get("bridge_name") or f"brq{vif.network_id}"[:_NAME_LENGTH]
    return str(bridge)


def makes_tap(vif: Vif) -> bool:
    """Return whether os-vif makes the tap beforehand (so that OVN can prepare it before the guest starts)."""
    return (
        bool(vif.details.get("ovs_create_tap"))
        and not is_hybrid(vif)
        and "create_tap" in osv_vif.VIFPortProfileOpenVSwitch.fields
    )


def _instance(guest: Guest) -> osv_instance.InstanceInfo:
    return osv_instance.InstanceInfo(uuid=guest.uuid, name=guest.name, project_id=guest.spec.server.project_id)


def _reason(error: Exception) -> object:
    """os-vif wraps what happened in a dump of its own objects; only what happened is of use."""
    return getattr(error, "kwargs", {}).get("err", error)


def _use_no_helper() -> None:
    """Root needs no second process that is root: os-vif's privileged functions are called as they are."""
    from vif_plug_ovs import privsep

    privsep.vif_plug.set_client_mode(False)
