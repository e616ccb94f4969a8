"""Rules about the live migrations of a server."""

from novalike.api.policies import base

INDEX = "os_compute_api:servers:migrations:index"
INDEX_HOST = f"{INDEX}:host"
SHOW = "os_compute_api:servers:migrations:show"

_ALL = "/servers/{server_id}/migrations"

RULES = [
    base.rule(
        INDEX,
        base.MANAGER_OR_ADMIN,
        "List the live migrations of a server that are in progress, without their hosts.",
        ("GET", _ALL),
    ),
    base.split_rule(
        INDEX_HOST, base.ADMIN_API, INDEX, "See the hosts of a server's live migrations in the list.", ("GET", _ALL)
    ),
    base.rule(
        SHOW,
        base.ADMIN_API,
        "Show a live migration of a server that is in progress.",
        ("GET", f"{_ALL}/{{migration_id}}"),
    ),
]
