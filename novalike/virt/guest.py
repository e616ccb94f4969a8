"""Guests: servers as a driver is handed them, with the place where they are."""

from novalike.objects.network import Vif
from novalike.objects.record import Record
from novalike.objects.server import Server, ServerSpec


class Place(Record, frozen=True):
    """Where a server is, or is to be.

    :param host: the name of its host.
    :param node: the ``hypervisor_hostname`` of its node. Empty where only the host is known, which is so when
        something is left of a server that is not recorded there any more.
    """

    host: str
    node: str


def place_on(host: str, server: Server) -> Place:
    """Return the place of a server on a host, with the node that is recorded, if it is recorded on this host."""
    return Place(host=host, node=(server.node if server.host == host else None) or "")


class GuestRef(Record, frozen=True):
    """What a guest is found by, for questions that need nothing else of a server.

    :param uuid: the server's.
    :param name: the hypervisor's name for it, ``instance-…``.
    """

    host: str
    uuid: str
    name: str


class Guest(Record, frozen=True):
    """A server with all that a driver needs to know of it.

    What drivers are to know besides becomes another field, with a default: no method takes another argument for it.

    :param vifs: its interfaces, as far as they are known.
    """

    place: Place
    spec: ServerSpec
    vifs: tuple[Vif, ...] = ()

    @property
    def uuid(self) -> str:
        """The server's uuid."""
        return self.spec.server.uuid

    @property
    def name(self) -> str:
        """The hypervisor's name for it."""
        return self.spec.server.instance_name

    @property
    def host(self) -> str:
        """The name of its host."""
        return self.place.host

    @property
    def ref(self) -> GuestRef:
        """What it is found by."""
        return GuestRef(host=self.host, uuid=self.uuid, name=self.name)
