"""Rules about migrations of servers."""

from novalike.api.policies import base

INDEX = "os_compute_api:os-migrations:index"
INDEX_ALL_PROJECTS = f"{INDEX}:all_projects"
INDEX_HOST = f"{INDEX}:host"

_ALL = "/os-migrations"

RULES = [
    base.rule(INDEX, base.MANAGER_OR_ADMIN, "List migrations, without their hosts.", ("GET", _ALL)),
    base.split_rule(
        INDEX_ALL_PROJECTS,
        base.ADMIN_API,
        INDEX,
        "List migrations that somebody of another project has asked for.",
        ("GET", _ALL),
    ),
    base.split_rule(INDEX_HOST, base.ADMIN_API, INDEX, "See the hosts of migrations in the list.", ("GET", _ALL)),
]
