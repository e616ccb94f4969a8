"""Events from outside, on their way to the hosts of their servers."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from novalike.bus.compute import NETWORK_CHANGED, Compute, ExternalEvent
from novalike.bus.transport import Transport
from novalike.conductor.cells import Cells
from novalike.db.api import mappings
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.network import VersionedVifs

LOG = logging.getLogger(__name__)

# Events of these kinds mean nothing without a tag.
TAGGED = frozenset({"volume-extended", "power-update", "accelerator-request-bound"})


class _Place(NamedTuple):
    endpoint: str | None
    host: str | None
    deleted: bool
    vifs: VersionedVifs


def deliver(
    cells: Cells, transport: Transport, ctx: RequestContext, events: Sequence[ExternalEvent]
) -> tuple[int, ...]:
    """Hand events to the hosts of their servers. Gives a status for each: 200 handed on, 400 a tag is missing,
    404 no such server, 422 the server has no host yet.
    """
    places = _places(cells, {event.instance_uuid for event in events})
    codes = tuple(_code(event, places.get(event.instance_uuid)) for event in events)
    batches: dict[tuple[str, str], list[ExternalEvent]] = {}
    for event, code in zip(events, codes, strict=True):
        place = places.get(event.instance_uuid)
        # The host of a deleted server has nothing to do any more.
        if code == 200 and place and place.endpoint and place.host and not place.deleted:
            known = place.vifs if event.name == NETWORK_CHANGED else None
            event = msgspec.structs.replace(event, vifs=known)
            batches.setdefault((place.endpoint, place.host), []).append(event)
    for (endpoint, host), batch in batches.items():
        client: Compute = transport.client(Compute, endpoint)
        for event in batch:
            LOG.info("event %s:%s for %s goes to %s", event.name, event.tag, event.instance_uuid, host)
        client.external_events(ctx, host=host, events=tuple(batch))
    return codes


def _code(event: ExternalEvent, place: _Place | None) -> int:
    if place is None:
        return 404
    if event.name in TAGGED and event.tag is None:
        return 400
    return 200 if place.host else 422


def _places(cells: Cells, server_ids: Iterable[str]) -> dict[str, _Place]:
    """Where servers are: one query for the cells of all, and one for each cell."""
    wanted = sorted(server_ids)
    by_cell: dict[int, list[str]] = {}
    for uuid, cell_id in cells.api.query(lambda c: mappings.cells_of_instances(c, wanted)).items():
        by_cell.setdefault(cell_id, []).append(uuid)
    found: dict[str, _Place] = {}
    for cell_id, uuids in by_cell.items():
        try:
            rows: list[Any] = cells.by_id(cell_id).database.query(
                lambda c, uuids=uuids: servers_db.places_of(c, uuids)  # type: ignore[misc]
            )
        except errors.Unavailable as error:
            LOG.warning("events for servers %s are lost: %s", ", ".join(uuids), error)
            continue
        found.update({row.uuid: _place(row) for row in rows})
    return found


def _place(row: Any) -> _Place:
    return _Place(row.endpoint, row.host, row.deleted, VersionedVifs(vifs=row.vifs, version=row.vifs_version))
