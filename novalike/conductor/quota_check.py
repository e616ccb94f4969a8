"""Limits, and what is used of them."""

from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.db.api import quotas
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.quota import RESOURCES


def configured_limits(conf: cfg.ConfigOpts) -> dict[str, int]:
    """What holds where nothing was set."""
    return {resource: -1 if option is None else conf.quota[option] for resource, option in RESOURCES.items()}


def effective_limits(
    connection: Connection, conf: cfg.ConfigOpts, project_id: str, user_id: str = ""
) -> dict[str, int]:
    """What a project (or a user in it) may have of each resource; -1 is without limit."""
    found = quotas.limits(connection, project_id, user_id)
    limits = configured_limits(conf)
    for level in ("class", "project", "user"):
        limits.update({k: v for k, v in found[level].items() if k in limits})
    return limits


def usage(
    cells: Cells,
    project_id: str,
    user_id: str | None = None,
    *,
    within: tuple[Cell, Connection] | None = None,
) -> dict[str, int]:
    """What a project (or a user in it) has, over all cells.

    :param within: count this cell on this connection, inside its transaction.
    """

    def count(cell: Cell) -> tuple[int, int, int]:
        if within is not None and within[0].id == cell.id:
            return servers_db.usage(within[1], project_id, user_id)
        return cell.database.query(lambda c: servers_db.usage(c, project_id, user_id))

    per_cell = cells.each(count)
    instances, cores, ram = (sum(column) for column in zip(*per_cell, strict=True))
    return {"instances": instances, "cores": cores, "ram": ram}


def most(limits: dict[str, int], each: dict[str, int], maximum: int) -> int:
    """Return how many servers of a size would fit if there were no others, at most ``maximum``."""
    room = [limits[resource] // cost for resource, cost in each.items() if limits[resource] >= 0 and cost > 0]
    return min([maximum, *room])


def fit(limits: dict[str, int], used: dict[str, int], each: dict[str, int], minimum: int, maximum: int) -> int:
    """How many servers of a size fit, at most ``maximum``.

    :raises OverQuota: fewer than ``minimum`` do.
    """
    room = {
        resource: (limits[resource] - used[resource]) // cost
        for resource, cost in each.items()
        if limits[resource] >= 0 and cost > 0
    }
    count = min([maximum, *room.values()])
    if count >= minimum:
        return count
    overs = sorted(resource for resource, n in room.items() if n < minimum)
    raise errors.OverQuota(
        overs=", ".join(overs),
        requested=", ".join(str(each[r] * minimum) for r in overs),
        used=", ".join(str(used[r]) for r in overs),
        allowed=", ".join(str(limits[r]) for r in overs),
    )
