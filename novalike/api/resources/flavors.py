"""``/flavors``."""

import uuid
from typing import Any

from oslo_config import cfg
from oslo_utils import strutils

from novalike.api.policies import flavors as policies
from novalike.api.request import ApiRequest, parse_page
from novalike.api.schemas.parameters import MAX_INT
from novalike.api.views import flavors as views
from novalike.bus.flavors import FlavorCommands, FlavorQuery, FlavorReads
from novalike.objects import errors
from novalike.objects.flavor import Flavor


class Flavors:
    """Sizes of servers."""

    def __init__(self, conf: cfg.ConfigOpts, reads: FlavorReads, commands: FlavorCommands) -> None:
        self._conf = conf
        self._reads = reads
        self._commands = commands

    def index(self, req: ApiRequest) -> dict[str, Any]:
        flavors, limit = self._search(req, with_extra_specs=False)
        return views.page(req, flavors, lambda flavor: views.brief(req, flavor), limit, "flavors")

    def detail(self, req: ApiRequest) -> dict[str, Any]:
        with_specs = _shows_extra_specs(req)
        flavors, limit = self._search(req, with_extra_specs=with_specs)
        return views.page(
            req, flavors, lambda f: views.full(req, f, with_extra_specs=with_specs), limit, "flavors", "detail"
        )

    def _search(self, req: ApiRequest, *, with_extra_specs: bool) -> tuple[tuple[Flavor, ...], int]:
        req.authorized = True  # everybody with a token may know
        limit, marker = parse_page(req, self._conf.api.max_limit)
        query = FlavorQuery(
            limit=limit,
            marker=marker,
            is_public=_parse_is_public(req.last("is_public")) if req.ctx.is_admin else True,
            include_disabled=bool(req.ctx.is_admin),
            min_ram=_parse_minimum(req, "minRam"),
            min_disk=_parse_minimum(req, "minDisk"),
            name=req.last("name"),
            sort_key=req.last("sort_key") or "flavorid",
            descending=req.last("sort_dir") == "desc",
            with_extra_specs=with_extra_specs,
        )
        return self._reads.list_flavors(req.ctx, query=query), limit

    def show(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        req.authorized = True  # everybody with a token may know
        return _answer(req, self._reads.get_flavor(req.ctx, flavor_id=flavor_id))

    def create(self, req: ApiRequest) -> dict[str, Any]:
        asked = req.body["flavor"]
        flavor = Flavor(
            flavor_id=str(asked.get("id") or uuid.uuid4()),
            name=asked["name"].strip(),
            memory_mb=int(asked["ram"]),
            vcpus=int(asked["vcpus"]),
            root_gb=int(asked["disk"]),
            ephemeral_gb=int(asked.get("OS-FLV-EXT-DATA:ephemeral", 0)),
            swap=int(asked.get("swap", 0)),
            rxtx_factor=_parse_rxtx_factor(asked.get("rxtx_factor", 1.0)),
            is_public=strutils.bool_from_string(asked.get("os-flavor-access:is_public", True)),
            description=asked.get("description"),
        )
        return _answer(req, self._commands.create_flavor(req.ctx, flavor=flavor))

    def update(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        description = req.body["flavor"]["description"]
        return _answer(req, self._commands.describe_flavor(req.ctx, flavor_id=flavor_id, description=description))

    def delete(self, req: ApiRequest, flavor_id: str) -> None:
        self._commands.delete_flavor(req.ctx, flavor_id=flavor_id)


def _answer(req: ApiRequest, flavor: Flavor) -> dict[str, Any]:
    return {"flavor": views.full(req, flavor, with_extra_specs=_shows_extra_specs(req))}


def _shows_extra_specs(req: ApiRequest) -> bool:
    return req.version >= views.V2_61 and req.may(policies.LIST_SPECS)


def _parse_is_public(text: str | None) -> bool | None:
    """
    :raises Invalid: neither a boolean nor ``none``, which is "all".
    """
    if text is None:
        return True
    if text.lower() == "none":
        return None
    try:
        return bool(strutils.bool_from_string(text, strict=True))
    except ValueError:
        raise errors.Invalid(f"Invalid is_public filter [{text}]") from None


def _parse_minimum(req: ApiRequest, name: str) -> int | None:
    """
    :raises Invalid: no integer.
    """
    text = req.last(name)
    try:
        # What no column can hold is as much as the most that one can.
        return None if text is None else max(-MAX_INT, min(int(text), MAX_INT))
    except ValueError:
        raise errors.Invalid(f"Invalid {name} filter [{text}]") from None


def _parse_rxtx_factor(value: Any) -> float:
    """
    :raises Invalid: a string of a number that it can't be.
    """
    factor = float(value)
    if not 0 < factor <= 3.40282e38:
        raise errors.Invalid(f"Invalid input for field/attribute rxtx_factor. Value: {value}. It must be more than 0.")
    return factor
