"""What Open vSwitch says of the interfaces that os-vif plugged: whose they are is written on each of them."""

from typing import Any

from oslo_config import cfg
from ovs.stream import Stream
from ovsdbapp.backend.ovs_idl import idlutils
from vif_plug_ovs.ovsdb.ovsdb_lib import BaseOVS

from novalike.objects.errors import Unavailable
from novalike.objects.record import Record

# What os-vif writes on an interface.
_WRITTEN = frozenset({"vm-uuid", "iface-id", "attached-mac"})
# Milliseconds.
_PATIENCE = 5000


class OvsPort(Record, frozen=True):
    """An interface of an instance. ``port_id`` is Neutron's, ``name`` the host's."""

    name: str
    bridge: str
    port_id: str
    mac: str
    instance_uuid: str


class OvsPorts:
    """Reads Open vSwitch's database, over the connection that os-vif is configured for.

    A copy of it is kept in memory by a thread of ovsdbapp, so that looking costs next to nothing. To be used by one
    thread at a time.
    """

    def __init__(self) -> None:
        self._database: Any = None

    def listed(self) -> list[OvsPort]:
        """The interfaces of all instances; none where there is no Open vSwitch.

        :raises Unavailable: it is there and doesn't answer.
        """
        try:
            if self._database is None:
                options = cfg.CONF.os_vif_ovs
                if not _is_there(options.ovsdb_connection):
                    return []
                self._database = BaseOVS(options).ovsdb
            with self._database.ovsdb_connection.lock:
                return self._read()
        except Exception as e:  # ovsdbapp raises all kinds
            raise Unavailable(reason=f"Open vSwitch's database can't be read: {e}") from e

    def _read(self) -> list[OvsPort]:
        interfaces = self._database.db_list("Interface", columns=["name", "external_ids"])
        return [
            OvsPort(
                name=row["name"],
                bridge=self._database.iface_to_br(row["name"]).execute(check_error=True),
                port_id=row["external_ids"]["iface-id"],
                mac=row["external_ids"]["attached-mac"],
                instance_uuid=row["external_ids"]["vm-uuid"],
            )
            for row in interfaces.execute(check_error=True)
            if row["external_ids"].keys() >= _WRITTEN
        ]


def _is_there(connection: str) -> bool:
    """Whether anybody listens: asking in vain is an error in ovsdbapp's eyes, and not every host has a switch."""
    for place in idlutils.parse_connection(connection):
        error, stream = Stream.open_block(Stream.open(place), _PATIENCE)
        if not error:
            stream.close()
            return True
    return False
