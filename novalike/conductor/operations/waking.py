"""What is done to servers by itself when a time has come, which stands in their records."""

import datetime
import logging
from collections.abc import Mapping

from novalike.conductor.cells import Cell
from novalike.conductor.operations.start import OperationStarter
from novalike.db.cell import wakes as wakes_db
from novalike.db.cell.wakes import Wake
from novalike.objects import errors
from novalike.objects.context import admin_context

LOG = logging.getLogger(__name__)

# What a server's record names → the action's name, and its workflow.
WORKFLOWS: Mapping[str, tuple[str, str]] = {"confirm_resize": ("confirmResize", "resize_confirm")}
# At most so many at one look; and when another try is made.
_BATCH = 100
_AGAIN = datetime.timedelta(seconds=60)


class Waker:
    """Starts what is due."""

    def __init__(self, starter: OperationStarter) -> None:
        self._starter = starter

    def look_into(self, cell: Cell) -> int:
        """Start what is due in a cell. Return how many operations that were.

        :raises Unavailable: the cell's database can't be reached.
        """
        now = cell.database.utcnow()
        found = cell.database.query(lambda c: wakes_db.due(c, now, _BATCH))
        return sum(self._wake(cell, wake, now) for wake in found)

    def _wake(self, cell: Cell, wake: Wake, now: datetime.datetime) -> bool:
        if wake.action not in WORKFLOWS:
            return False  # a later release's: one of its conductors does it
        # Only one conductor does it; another one, should this one die.
        if not cell.database.write(lambda c: wakes_db.put_off(c, wake, now + _AGAIN)):
            return False
        action, workflow = WORKFLOWS[wake.action]
        try:
            self._starter.start(
                admin_context(), wake.instance_uuid, action, workflow, lambda _server: {}, override_lock=True
            )
        except errors.Unavailable:
            raise
        except errors.NovalikeError as error:
            LOG.warning("instance %s: %s is tried again later: %s", wake.instance_uuid, action, error)
            return False
        except Exception:  # the others don't have to wait for this one
            LOG.exception("instance %s: %s is tried again later", wake.instance_uuid, action)
            return False
        return True
