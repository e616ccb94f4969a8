"""``/os-aggregates``."""

from typing import Any

from novalike.api.request import ApiRequest
from novalike.api.schemas.parameters import MAX_INT
from novalike.api.views import aggregates as views
from novalike.bus.aggregates import AggregateCommands, AggregateReads
from novalike.objects import errors
from novalike.objects.aggregate import ZONE_KEY


class Aggregates:
    """Groups of hosts."""

    def __init__(self, reads: AggregateReads, commands: AggregateCommands) -> None:
        self._reads = reads
        self._commands = commands

    def index(self, req: ApiRequest) -> dict[str, Any]:
        return {"aggregates": [views.aggregate(req, each) for each in self._reads.list_aggregates(req.ctx)]}

    def create(self, req: ApiRequest) -> dict[str, Any]:
        asked = req.body["aggregate"]
        zone = asked.get("availability_zone")
        made = self._commands.create_aggregate(req.ctx, name=asked["name"], zone=zone)
        return {"aggregate": views.aggregate(req, made, members=False)}

    def show(self, req: ApiRequest, aggregate_id: str) -> dict[str, Any]:
        found = self._reads.get_aggregate(req.ctx, aggregate_id=_parse_id(aggregate_id))
        return {"aggregate": views.aggregate(req, found)}

    def update(self, req: ApiRequest, aggregate_id: str) -> dict[str, Any]:
        asked = req.body["aggregate"]
        name = asked["name"].strip() if "name" in asked else None
        metadata = {ZONE_KEY: asked[ZONE_KEY]} if ZONE_KEY in asked else None
        changed = self._commands.update_aggregate(
            req.ctx, aggregate_id=_parse_id(aggregate_id), name=name, metadata=metadata
        )
        return {"aggregate": views.aggregate(req, changed)}

    def delete(self, req: ApiRequest, aggregate_id: str) -> None:
        self._commands.delete_aggregate(req.ctx, aggregate_id=_parse_id(aggregate_id))

    def add_host(self, req: ApiRequest, aggregate_id: str) -> dict[str, Any]:
        host = req.body["add_host"]["host"]
        changed = self._commands.add_host(req.ctx, aggregate_id=_parse_id(aggregate_id), host=host)
        return {"aggregate": views.aggregate(req, changed)}

    def remove_host(self, req: ApiRequest, aggregate_id: str) -> dict[str, Any]:
        host = req.body["remove_host"]["host"]
        changed = self._commands.remove_host(req.ctx, aggregate_id=_parse_id(aggregate_id), host=host)
        return {"aggregate": views.aggregate(req, changed)}

    def set_metadata(self, req: ApiRequest, aggregate_id: str) -> dict[str, Any]:
        changed = self._commands.update_aggregate(
            req.ctx,
            aggregate_id=_parse_id(aggregate_id),
            metadata=req.body["set_metadata"]["metadata"],
            what="update metadata of",
        )
        return {"aggregate": views.aggregate(req, changed)}


def _parse_id(text: str) -> int:
    """
    :raises Invalid: no integer.
    :raises AggregateNotFound: larger than any.
    """
    try:
        number = int(text)
    except ValueError:
        raise errors.Invalid("Invalid input received: id must be an integer") from None
    if abs(number) > MAX_INT:
        raise errors.AggregateNotFound(aggregate_id=text)
    return number
