"""Creating servers: from a body to a ServerRequest."""

import secrets
import string
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oslo_config import cfg
from oslo_utils import strutils

from novalike.api.policies import servers as policies
from novalike.api.request import Answer, ApiRequest
from novalike.api.resources.disk_config import read_disk_config
from novalike.api.resources.server_create.devices import read_devices
from novalike.api.resources.server_create.images import find_image
from novalike.api.resources.server_create.networks import (
    read_networks,
    validate_networks,
    validate_security_groups,
)
from novalike.api.resources.servers import address
from novalike.bus.servers import ServerCommands
from novalike.bus.transport import Transport
from novalike.clients.glance import GlanceClient
from novalike.clients.neutron import NeutronClient
from novalike.objects import errors
from novalike.objects.image import Image
from novalike.objects.server import ServerRequest

_PASSWORD_ALPHABET = "".join(c for c in string.ascii_letters + string.digits if c not in "Il1O0o")
_PASSWORD_LENGTH = 12
_IMAGES_AT_A_TIME = 64
_RESERVATION_ALPHABET = string.ascii_lowercase + string.digits


class ServerCreate:
    """``POST /servers``."""

    def __init__(
        self, conf: cfg.ConfigOpts, transport: Transport, glance: GlanceClient, neutron: NeutronClient
    ) -> None:
        self._conf = conf
        self._glance = glance
        self._neutron = neutron
        self._images = ThreadPoolExecutor(_IMAGES_AT_A_TIME, thread_name_prefix="images")
        self._commands: ServerCommands = transport.client(ServerCommands)

    def create(self, req: ApiRequest) -> Answer:
        """Record servers and set their builds going."""
        wanted = req.body["server"]
        request = self._read(req, wanted)
        try:
            made = self._commands.create_servers(req.ctx, request=request)
        except errors.FlavorNotFound as error:
            raise errors.Invalid(error.message) from None
        except errors.KeypairNotFound:
            raise errors.Invalid("Invalid key_name provided.") from None
        if strutils.bool_from_string(wanted.get("return_reservation_id", False)):
            return Answer({"reservation_id": request.reservation_id})
        server_id = made.server_ids[0]
        shown: dict[str, Any] = {
            "id": server_id,
            "links": req.links("servers", server_id),
            "OS-DCF:diskConfig": "AUTO" if request.auto_disk_config else "MANUAL",
            "security_groups": wanted.get("security_groups", [{"name": "default"}]),
        }
        if self._conf.api.enable_instance_password:
            shown["adminPass"] = request.admin_password
        return Answer({"server": shown}, headers={"Location": req.link("servers", server_id)})

    def _read(self, req: ApiRequest, wanted: dict[str, Any]) -> ServerRequest:
        """
        :raises Invalid: something can't be.
        :raises Forbidden: something isn't for this caller.
        """
        minimum, maximum = _counts(wanted)
        if wanted.get("networks"):
            req.authorize(policies.ATTACH_NETWORK)
        if wanted.get("trusted_image_certificates"):
            req.authorize(policies.TRUSTED_CERTS)
            raise errors.NotSupported(reason="image signatures are not verified yet, so no certificates are taken")
        if wanted.get("personality"):
            raise errors.NotSupported(reason="files are not injected; use user_data or a config drive")
        zone, host, node, forced = self._place(req, wanted)
        devices = read_devices(wanted)
        if any(device.destination_type == "volume" for device in devices):
            req.authorize(policies.ATTACH_VOLUME)
            raise errors.NotSupported(reason="volumes are not supported yet")
        asking = self._images.submit(self._image, req, wanted, devices)  # Glance, while Neutron is asked
        groups = _group_names(wanted)
        try:
            networks = validate_networks(
                req.ctx,
                self._neutron,
                read_networks(wanted.get("networks", ())),
                min_count=minimum,
                max_count=maximum,
                may_attach_external=req.may(policies.EXTERNAL_NETWORK),
            )
        except errors.NovalikeError:
            asking.result()  # what is wrong with the image is said first
            raise
        image = asking.result()
        group_ids = validate_security_groups(req.ctx, self._neutron, groups) if groups else ()
        return ServerRequest(
            name=wanted["name"].strip(),
            flavor_id=str(wanted["flavorRef"]).rpartition("/")[2],
            image=image,
            min_count=minimum,
            max_count=min(maximum, networks.max_count),
            hostname=_hostname(wanted, maximum),
            description=wanted.get("description") if req.since("2.19") else wanted["name"].strip(),
            key_name=wanted.get("key_name"),
            user_data=wanted.get("user_data"),
            metadata=wanted.get("metadata", {}),
            tags=tuple(dict.fromkeys(wanted.get("tags", ()))),
            config_drive="True" if strutils.bool_from_string(wanted.get("config_drive", False)) else "",
            availability_zone=zone,
            host=host,
            node=node,
            force_host=forced,
            access_ip_v4=address(wanted.get("accessIPv4")),
            access_ip_v6=address(wanted.get("accessIPv6")),
            auto_disk_config=self._auto_disk_config(wanted, image),
            networks=networks.networks,
            security_groups=group_ids,
            block_devices=devices,
            scheduler_hints=_hints(req.body),
            admin_password=wanted.get("adminPass") or _password(),
            reservation_id="r-" + "".join(secrets.choice(_RESERVATION_ALPHABET) for _ in range(8)),
            may_use_zero_disk=req.may(policies.ZERO_DISK),
        )

    def _image(self, req: ApiRequest, wanted: dict[str, Any], devices: tuple[Any, ...]) -> Image | None:
        """
        :raises Invalid: none was named, or it can't be used.
        """
        reference = wanted.get("imageRef") or ""
        if not reference:
            boots = [d for d in devices if d.boot_index == 0]
            if not boots:
                raise errors.Invalid(
                    "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device "
                    "mapping combination is not valid."
                    if devices
                    else "Missing imageRef attribute"
                )
            reference = boots[0].image_id or ""
        image = find_image(req.ctx, self._glance, reference)
        for other in {d.image_id for d in devices if d.image_id and d.image_id != reference}:
            try:
                self._glance.get(req.ctx, other)
            except errors.ImageNotFound:
                raise errors.Invalid(f"Block Device Mapping is Invalid: failed to get image {other}.") from None
        return image

    def _place(self, req: ApiRequest, wanted: dict[str, Any]) -> tuple[str | None, str | None, str | None, bool]:
        """Zone, host, node, whether the host is forced.

        :raises Invalid: contradictions.
        :raises Forbidden: choosing a host isn't for this caller.
        """
        zone, host, node, forced = (wanted.get("availability_zone") or "").strip() or None, None, None, False
        if zone and ":" in zone:
            parts = zone.split(":")
            if len(parts) > 3:
                raise errors.Invalid("Invalid input received: Unable to parse availability_zone")
            zone, host, node = (*(part or None for part in parts), None, None)[:3]
            forced = bool(host or node)
            if forced:
                req.authorize(policies.CREATE_FORCED)
        if "host" in wanted or "hypervisor_hostname" in wanted:
            req.authorize(policies.REQUESTED_DESTINATION)
            if forced:
                raise errors.Invalid(
                    "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are "
                    "mutually exclusive."
                )
            host, node = wanted.get("host"), wanted.get("hypervisor_hostname")
        return zone or self._conf.default_schedule_zone, host, node, forced

    @staticmethod
    def _auto_disk_config(wanted: dict[str, Any], image: Image | None) -> bool:
        """
        :raises Invalid: the image forbids it.
        """
        said = image.properties.get("auto_disk_config") if image is not None else None
        choice = read_disk_config(wanted, image.id if image is not None else None, said)
        if choice is not None:
            return choice
        return strutils.bool_from_string(said) if said is not None else False


def _counts(wanted: dict[str, Any]) -> tuple[int, int]:
    """
    :raises Invalid: more at least than at most.
    """
    minimum = int(wanted.get("min_count") or 1)
    maximum = int(wanted.get("max_count") or minimum)
    if minimum > maximum:
        raise errors.Invalid("min_count must be <= max_count")
    return minimum, maximum


def _hints(body: dict[str, Any]) -> dict[str, Any]:
    """
    :raises Invalid: they name a server group, and there is none.
    """
    key = "os:scheduler_hints" if "os:scheduler_hints" in body else "OS-SCH-HNT:scheduler_hints"
    hints = {name: value for name, value in body.get(key, {}).items() if not name.startswith("_nova")}
    group = hints.get("group")
    if group:
        name = group if isinstance(group, str) else group[0]
        raise errors.Invalid(f"Instance group {name} could not be found.")
    return hints


def _group_names(wanted: dict[str, Any]) -> list[str]:
    names = [group["name"] for group in wanted.get("security_groups", ()) if group.get("name")]
    return list(dict.fromkeys(names))


def _hostname(wanted: dict[str, Any], maximum: int) -> str | None:
    """
    :raises Invalid: one name for several servers.
    """
    name: str | None = wanted.get("hostname")
    if name is not None and maximum > 1:
        raise errors.Invalid("Unable to allocate a single hostname to multiple instances")
    return name


def _password() -> str:
    return "".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_PASSWORD_LENGTH))


