"""Who may see and change quotas."""

from novalike.api.policies import base

SHOW = "os_compute_api:os-quota-sets:show"
DETAIL = "os_compute_api:os-quota-sets:detail"
DEFAULTS = "os_compute_api:os-quota-sets:defaults"
UPDATE = "os_compute_api:os-quota-sets:update"
DELETE = "os_compute_api:os-quota-sets:delete"
SHOW_CLASS = "os_compute_api:os-quota-class-sets:show"
UPDATE_CLASS = "os_compute_api:os-quota-class-sets:update"
LIMITS = "os_compute_api:limits"
LIMITS_OF_OTHERS = "os_compute_api:limits:other_project"

_SET = "/os-quota-sets/{project_id}"
_CLASS = "/os-quota-class-sets/{name}"

RULES = [
    base.rule(SHOW, base.READER_OR_ADMIN, "See a project's quota.", ("GET", _SET)),
    base.rule(DETAIL, base.READER_OR_ADMIN, "See a project's quota and its use.", ("GET", f"{_SET}/detail")),
    base.rule(
        DEFAULTS, base.ANYONE, "See the quota of projects that have none of their own.", ("GET", f"{_SET}/defaults")
    ),
    base.rule(UPDATE, base.ADMIN_API, "Set a project's quota.", ("PUT", _SET)),
    base.rule(DELETE, base.ADMIN_API, "Reset a project's quota.", ("DELETE", _SET)),
    base.rule(SHOW_CLASS, base.ADMIN_API, "See the limits of a quota class.", ("GET", _CLASS)),
    base.rule(UPDATE_CLASS, base.ADMIN_API, "Set the limits of a quota class.", ("PUT", _CLASS)),
    base.rule(LIMITS, base.ANYONE, "See the own project's limits and their use.", ("GET", "/limits")),
    base.rule(LIMITS_OF_OTHERS, base.ADMIN_API, "See another project's limits and their use.", ("GET", "/limits")),
]
