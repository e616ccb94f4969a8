"""Whose guest asks: said and signed by Neutron's proxy, or found by the address that the request comes from."""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from typing import NamedTuple

from novalike.clients.neutron import NeutronClient
from novalike.objects import errors

LOG = logging.getLogger(__name__)


class Caller(NamedTuple):
    """:param address: the guest's own, as far as it is known."""

    server_id: str
    project_id: str
    address: str | None


def from_proxy(headers: Mapping[str, str], secret: str) -> Caller:
    """The guest that Neutron's proxy says it is, and its address: who can sign is believed in its X-Forwarded-For.

    :param headers: by upper-case name.
    :raises Invalid: a header is missing.
    :raises Forbidden: the signature is wrong.
    """
    server_id = headers.get("X-INSTANCE-ID")
    signature = headers.get("X-INSTANCE-ID-SIGNATURE")
    project_id = headers.get("X-TENANT-ID")
    if server_id is None:
        raise errors.Invalid("X-Instance-ID header is missing from request.")
    if signature is None:
        raise errors.Invalid("X-Instance-ID-Signature header is missing from request.")
    if project_id is None:
        raise errors.Invalid("X-Tenant-ID header is missing from request.")
    expected = hmac.new(secret.encode(), server_id.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        LOG.warning("A request for the metadata of instance %s has a wrong signature", server_id)
        raise errors.Forbidden("Invalid proxy request signature.")
    address = (headers.get("X-FORWARDED-FOR") or "").split(",")[0].strip()
    return Caller(server_id, project_id, address or None)


def from_address(neutron: NeutronClient, address: str) -> Caller:
    """The guest that has this address, where guests reach us without a proxy and addresses don't overlap.

    :raises InstanceNotFound: nobody has it, or several have.
    """
    fields = ["device_id", "device_owner", "tenant_id"]
    ports = neutron.ports(fixed_ips=f"ip_address={address}", fields=fields)
    owners = {(p["device_id"], p["tenant_id"]) for p in ports if p["device_owner"].startswith("compute:")}
    if len(owners) != 1:
        LOG.warning("%s servers have the address %s that asks for metadata", len(owners) or "No", address)
        raise errors.InstanceNotFound(instance_id=address)
    server_id, project_id = owners.pop()
    return Caller(server_id, project_id, address)
