"""``/flavors/{flavor_id}/os-extra_specs``."""

from typing import Any

from novalike.api.extra_specs import check
from novalike.api.microversion import Version
from novalike.api.request import ApiRequest
from novalike.bus.flavors import FlavorCommands, FlavorReads
from novalike.objects import errors

_VALIDATES = Version(2, 86)


class FlavorExtraSpecs:
    """What else a flavor asks of its hosts."""

    def __init__(self, reads: FlavorReads, commands: FlavorCommands) -> None:
        self._reads = reads
        self._commands = commands

    def index(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        return {"extra_specs": self._reads.get_flavor(req.ctx, flavor_id=flavor_id).extra_specs}

    def show(self, req: ApiRequest, flavor_id: str, key: str) -> dict[str, Any]:
        specs = self._reads.get_flavor(req.ctx, flavor_id=flavor_id).extra_specs
        if key not in specs:
            raise errors.FlavorExtraSpecNotFound(flavor_id=flavor_id, key=key)
        return {key: specs[key]}

    def create(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        self._set(req, flavor_id, req.body["extra_specs"])
        return {"extra_specs": req.body["extra_specs"]}

    def update(self, req: ApiRequest, flavor_id: str, key: str) -> dict[str, Any]:
        asked: dict[str, Any] = req.body
        _check(req, asked)
        if key not in asked:
            raise errors.Invalid("Request body and URI mismatch")
        self._set(req, flavor_id, asked)
        return asked

    def _set(self, req: ApiRequest, flavor_id: str, asked: dict[str, Any]) -> None:
        _check(req, asked)
        specs = {key: str(value) for key, value in asked.items()}
        self._commands.set_extra_specs(req.ctx, flavor_id=flavor_id, specs=specs)

    def delete(self, req: ApiRequest, flavor_id: str, key: str) -> None:
        self._commands.delete_extra_spec(req.ctx, flavor_id=flavor_id, key=key)


def _check(req: ApiRequest, asked: dict[str, Any]) -> None:
    for key, value in asked.items():
        text = str(value)
        if len(text) > 255:
            raise errors.Invalid(f"extra_specs value has {len(text)} characters, more than 255.")
        if req.version >= _VALIDATES:
            check(key, text)
