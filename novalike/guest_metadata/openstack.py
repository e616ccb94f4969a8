"""The OpenStack metadata: a folder of documents per version."""

import base64
import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from novalike.guest_metadata.guest import Guest
from novalike.guest_metadata.network_data import network_data

Json = dict[str, Any]

VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14", "2025-04-04",
)  # fmt: skip

TEXT = "text/plain"
JSON = "application/json"
# Bytes: enough to seed the random numbers of any system.
_SEED_LENGTH = 512


class Document(NamedTuple):
    """A document in every version's folder.

    :param since: the first version that lists it. Documents are added in later versions only.
    :param refused_before: the first version in which it can be read, when an older one refuses it.
    :param read: its content; None is "this guest has none".
    """

    name: str
    since: str
    refused_before: str | None
    content_type: str
    read: Callable[[Guest, str], bytes | None]


def version_of(name: str) -> str:
    """A version by its name.

    :raises KeyError: no such version.
    """
    if name == "latest":
        return VERSIONS[-1]
    if name not in VERSIONS:
        raise KeyError(name)
    return name


def meta_data(guest: Guest, version: str, *, admin_password: str | None = None) -> Json:
    """``meta_data.json``.

    :param admin_password: on a config drive only: a drive is read by its own guest, once.
    """
    server = guest.server
    data: Json = {"uuid": server.uuid}
    if server.metadata:
        data["meta"] = dict(server.metadata)
    if admin_password is not None:
        data["admin_pass"] = admin_password
    if guest.spec.keypair is not None:
        key = guest.spec.keypair
        data["public_keys"] = {key.name: key.public_key}
        data["keys"] = [{"name": key.name, "type": key.type, "data": key.public_key}]
    data["hostname"] = guest.hostname
    data["name"] = server.name
    data["launch_index"] = server.launch_index
    data["availability_zone"] = server.availability_zone
    # Versions are dates, so they compare as they are.
    if version >= "2013-04-04":
        data["random_seed"] = base64.b64encode(os.urandom(_SEED_LENGTH)).decode()
    if version >= "2015-10-15":
        data["project_id"] = server.project_id
    if version >= "2016-06-30":
        data["devices"] = _devices(guest, version)
    if version >= "2020-10-14":
        data["dedicated_cpus"] = []
    return data


def _devices(guest: Guest, version: str) -> list[Json]:
    """The devices that the user has tagged. Where they are on the guest's buses is not known here."""
    devices: list[Json] = []
    for vif in guest.vifs:
        if vif.tag:
            device: Json = {"type": "nic", "mac": vif.mac, "bus": "none", "address": "none", "tags": [vif.tag]}
            vlan = vif.details.get("vlan")
            if version >= "2017-02-22" and vlan:
                device["vlan"] = vlan
            if version >= "2018-08-27":
                device["vf_trusted"] = str(vif.profile.get("trusted", "")).lower() == "true"
            devices.append(device)
    for disk in guest.spec.block_devices or guest.server.block_devices:
        if disk.tag:
            found: Json = {"type": "disk", "bus": "none", "address": "none", "tags": [disk.tag]}
            if disk.device_name:
                found["path"] = disk.device_name
            devices.append(found)
    return devices


def encode(data: Json) -> bytes:
    return json.dumps(data).encode()


def _vendor_data(guest: Guest, _version: str) -> bytes | None:
    return None if guest.vendor_data is None else encode(guest.vendor_data)


def _vendor_data2(guest: Guest, _version: str) -> bytes:
    return encode({} if guest.vendor_data is None else {"static": guest.vendor_data})


DOCUMENTS = (
    Document("meta_data.json", VERSIONS[0], None, JSON, lambda guest, version: encode(meta_data(guest, version))),
    Document("user_data", VERSIONS[0], None, TEXT, lambda guest, _version: guest.user_data),
    Document("password", "2013-04-04", "2013-04-04", TEXT, lambda guest, _version: guest.password.encode()),
    Document("vendor_data.json", "2013-10-17", "2013-10-17", JSON, _vendor_data),
    # Old versions don't list it, but have always answered it.
    Document("network_data.json", "2015-10-15", None, TEXT, lambda guest, _v: encode(network_data(guest.vifs))),
    Document("vendor_data2.json", "2016-10-06", "2016-10-06", JSON, _vendor_data2),
)
BY_NAME = {document.name: document for document in DOCUMENTS}


def listing(guest: Guest, version: str) -> list[str]:
    """The names of a version's documents."""
    return [
        document.name
        for document in DOCUMENTS
        if version >= document.since and (document.name != "user_data" or guest.user_data is not None)
    ]
