"""Migrations of servers, as administrators and managers of projects see them."""

import datetime
import heapq
import itertools
from collections.abc import Sequence
from typing import Any

from novalike.bus.migrations import MigrationQuery, MigrationsOfServer
from novalike.conductor.cells import Cell, Cells, follows_moves
from novalike.conductor.servers.reads import owner_of
from novalike.db.cell import migration_records
from novalike.db.cell.migration_records import Place
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.migration import Migration

# What a column of ids can hold.
_ID_MAX = 2**31 - 1


class MigrationReadsHandler:
    """Serves ``bus.migrations.MigrationReads``."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def list_migrations(self, ctx: RequestContext, *, query: MigrationQuery) -> tuple[Migration, ...]:
        # No server has been on a host yet while it is in cell 0.
        cells = self._cells.compute_cells()
        after = None if query.marker is None else _place_of(cells, query.marker)
        per_cell = self._cells.each(
            lambda cell: cell.database.query(lambda c: migration_records.listed(c, query, after)), cells
        )
        merged = heapq.merge(*per_cell, key=_rank) if query.newest_first else itertools.chain(*per_cell)
        return tuple(itertools.islice(merged, query.limit))

    @follows_moves
    def list_server_migrations(self, ctx: RequestContext, *, server_id: str) -> MigrationsOfServer:
        with self._cells.of_instance(server_id).database.read() as connection:
            project_id, user_id = owner_of(connection, ctx, server_id)
            found = migration_records.live_in_progress(connection, server_id)
        return MigrationsOfServer(project_id=project_id, user_id=user_id, migrations=tuple(found))

    @follows_moves
    def get_server_migration(self, ctx: RequestContext, *, server_id: str, migration_id: str) -> MigrationsOfServer:
        number = _row_number(migration_id)
        with self._cells.of_instance(server_id).database.read() as connection:
            project_id, user_id = owner_of(connection, ctx, server_id)
            found = None if number is None else migration_records.of_server(connection, server_id, number)
        migrations = () if found is None else (found,)
        return MigrationsOfServer(project_id=project_id, user_id=user_id, migrations=migrations)


def _place_of(cells: Sequence[Cell], marker: str) -> Place:
    """
    :raises MarkerNotFound: no cell has such a migration.
    """
    for cell in cells:
        place = cell.database.query(lambda c: migration_records.place_of(c, marker))
        if place is not None:
            return place
    raise errors.MarkerNotFound(f"Marker {marker} could not be found.", marker=marker)


def _row_number(text: str) -> int | None:
    """Return the number that a text is; None when it is none that a column of ids can hold."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_ID_MAX))
    return int(text) if is_number and int(text) <= _ID_MAX else None


def _rank(migration: Migration) -> tuple[Any, ...]:
    """What sorts migrations as the database does, newest first, and those of several cells the same way each time."""
    return datetime.datetime.max - migration.created_at, -migration.id, migration.uuid
