"""A guest, as its metadata see it."""

import base64
import binascii
from typing import Any

from novalike.objects.network import Vif
from novalike.objects.record import Record
from novalike.objects.server import Server, ServerSpec


class Guest(Record, frozen=True):
    """A server and what its surroundings add.

    :param vifs: its interfaces, as they are now.
    :param dhcp_domain: appended to its host name; empty is none.
    :param vendor_data: the operator's document for all guests; None is "not offered".
    :param address: where it asks from, when it has no recorded address.
    """

    spec: ServerSpec
    vifs: tuple[Vif, ...] = ()
    dhcp_domain: str = ""
    vendor_data: dict[str, Any] | None = None
    address: str | None = None

    @property
    def server(self) -> Server:
        return self.spec.server

    @property
    def hostname(self) -> str:
        """The full host name."""
        name = self.server.hostname or ""
        return f"{name}.{self.dhcp_domain}" if self.dhcp_domain else name

    @property
    def user_data(self) -> bytes | None:
        """The user's data, decoded; None when there is none."""
        encoded = self.spec.user_data or self.server.user_data
        if encoded is None:
            return None
        try:
            return base64.b64decode(encoded)
        except binascii.Error:
            # The API lets nothing else in; from another release it is better than no metadata at all.
            return encoded.encode()

    @property
    def password(self) -> str:
        """The password that the guest has posted, encrypted for the user's key; empty when it hasn't."""
        kept = self.server.system_metadata
        return "".join(kept[key] for key in sorted(kept) if key.startswith("password_"))

    @property
    def security_groups(self) -> list[str]:
        """Names of the security groups of its interfaces, each once."""
        names = dict.fromkeys(name for vif in self.vifs for name in vif.security_groups)
        return list(names) or list(self.spec.security_groups or self.server.security_groups)
