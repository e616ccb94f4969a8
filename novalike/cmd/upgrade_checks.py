"""``novalike-status upgrade check``: what must be right before and after an upgrade."""

import datetime

import sqlalchemy as sa
from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Code, Result, UpgradeCommands

from novalike.clients.placement import PlacementClient
from novalike.cmd.management.group import url_of
from novalike.conductor.cells import CELL0_UUID
from novalike.db import migration
from novalike.db.api import mappings
from novalike.db.cell import hosts as hosts_db
from novalike.db.engine import Database
from novalike.objects import errors

# The oldest version of each daemon's reports that this release still understands.
OLDEST_SERVICE_VERSION = 1

_FAILURES = (errors.NovalikeError, sa.exc.SQLAlchemyError, SystemExit)


class Checks(UpgradeCommands):
    """The checks, in the order in which they are worth looking at."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def _schemas(self) -> Result:
        """Whether the databases have this release's schemas."""
        wrong = []
        try:
            for name, url, which in self._databases():
                found, wanted = migration.version(url), migration.newest(which)
                if found != wanted:
                    wrong.append(f"{name} has schema version {found or 'none'} instead of {wanted}")
        except _FAILURES as error:
            return Result(Code.FAILURE, str(error))
        if wrong:
            return Result(Code.FAILURE, "; ".join(wrong) + ". Run 'novalike-manage api_db sync' and 'db sync'.")
        return Result(Code.SUCCESS)

    def _databases(self) -> list[tuple[str, str, migration.Which]]:
        url = url_of(self._conf, "api_database")
        found: list[tuple[str, str, migration.Which]] = [("the API database", url, "api")]
        if migration.version(url) is not None:
            found += [(row.name, row.database_connection, "cell") for row in self._cells()]
        return found

    def _cells(self) -> list[sa.Row]:
        database = Database(url_of(self._conf, "api_database"), self._conf)
        try:
            return database.query(mappings.cells)
        finally:
            database.close()

    def _cells_mapped(self) -> Result:
        """Whether there is a cell0 and at least one more cell."""
        try:
            uuids = {row.uuid for row in self._cells()}
        except _FAILURES as error:
            return Result(Code.FAILURE, str(error))
        if CELL0_UUID not in uuids:
            return Result(Code.FAILURE, "cell0 is not mapped. Run 'novalike-manage cell_v2 simple_cell_setup'.")
        if len(uuids) == 1:
            return Result(Code.FAILURE, "There is no cell but cell0. Run 'novalike-manage cell_v2 create_cell'.")
        return Result(Code.SUCCESS)

    def _service_versions(self) -> Result:
        """Whether all daemons that live are new enough to work with this release."""
        old, count = [], 0
        try:
            for cell in self._cells():
                database = Database(cell.database_connection, self._conf)
                since = database.utcnow() - datetime.timedelta(seconds=self._conf.service_down_time)
                for row in database.query(lambda c: hosts_db.services(c, hosts_db.S.last_seen_at >= since)):  # noqa: B023
                    count += 1
                    if row.version < OLDEST_SERVICE_VERSION:
                        old.append(f"{row.binary} on {row.host} (version {row.version})")
                database.close()
        except _FAILURES as error:
            return Result(Code.FAILURE, str(error))
        if old:
            return Result(Code.FAILURE, f"Older than {OLDEST_SERVICE_VERSION}: {', '.join(old)}")
        if not count:
            return Result(Code.WARNING, "No daemon has given a sign of life lately.")
        return Result(Code.SUCCESS)

    def _placement(self) -> Result:
        """Whether Placement answers with our credentials."""
        try:
            client = PlacementClient(self._conf)
            client.load()
            client.ping()
        except _FAILURES as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS)

    _upgrade_checks = (
        ("Database Schemas", _schemas),
        ("Cells", _cells_mapped),
        ("Service Versions", _service_versions),
        ("Placement API", _placement),
    )
