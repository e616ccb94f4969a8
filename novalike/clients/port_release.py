"""Letting go of a server's ports: needed by the host that runs it, and by the conductor when that host is gone."""

import logging
from collections.abc import Sequence
from typing import Any

from novalike.clients import neutron_vifs
from novalike.clients.neutron import NeutronClient
from novalike.objects import errors
from novalike.objects.network import Vif

LOG = logging.getLogger(__name__)

# What a port's binding profile holds only while it is bound to a host.
_HOST_KEYS = frozenset(
    {"pci_vendor_info", "pci_slot", "allocation", "arq_uuid", "physical_network", "card_serial_number", "vf_num",
     "pf_mac_address", "device_mac_address", "migrating_to", neutron_vifs.MARK}
)  # fmt: skip


def release_ports(neutron: NeutronClient, uuid: str, known: Sequence[Vif], given: frozenset[str]) -> None:
    """Delete the ports that we made for a server; free those that the user brought. Safe to repeat.

    :param known: the server's interfaces as recorded.
    :param given: the ports that the user asked for by id.
    :raises Unavailable: Neutron doesn't answer.
    :raises NeutronRefused: Neutron will not.
    """
    present = neutron.ports(device_id=uuid)
    neutron.together([lambda port=port: _release(neutron, port, known, given) for port in present])  # type: ignore[misc]


def _release(neutron: NeutronClient, port: dict[str, Any], known: Sequence[Vif], given: frozenset[str]) -> None:
    if neutron_vifs.was_created_here(port, known, given):
        neutron.delete_port(port["id"])
        return
    changes: dict[str, Any] = {
        "device_id": "",
        "device_owner": "",
        "binding:host_id": None,
        "binding:profile": {k: v for k, v in (port.get("binding:profile") or {}).items() if k not in _HOST_KEYS},
    }
    if port.get("dns_name"):
        changes["dns_name"] = ""
    try:
        neutron.update_port(port["id"], changes)
    except errors.PortNotFound:
        LOG.debug("Port %s is gone already", port["id"])
