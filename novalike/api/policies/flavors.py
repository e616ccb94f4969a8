"""Who may manage flavors, their extra specs and access to them. Reading flavors is for everybody."""

from novalike.api.policies import base

CREATE = "os_compute_api:os-flavor-manage:create"
UPDATE = "os_compute_api:os-flavor-manage:update"
DELETE = "os_compute_api:os-flavor-manage:delete"
LIST_ACCESS = "os_compute_api:os-flavor-access"
ADD_ACCESS = "os_compute_api:os-flavor-access:add_tenant_access"
REMOVE_ACCESS = "os_compute_api:os-flavor-access:remove_tenant_access"
LIST_SPECS = "os_compute_api:os-flavor-extra-specs:index"
SHOW_SPEC = "os_compute_api:os-flavor-extra-specs:show"
CREATE_SPECS = "os_compute_api:os-flavor-extra-specs:create"
UPDATE_SPEC = "os_compute_api:os-flavor-extra-specs:update"
DELETE_SPEC = "os_compute_api:os-flavor-extra-specs:delete"

_ACCESS = "/flavors/{flavor_id}/os-flavor-access"
_ACTION = "/flavors/{flavor_id}/action"
_SPECS = "/flavors/{flavor_id}/os-extra_specs"
_SPEC = _SPECS + "/{key}"

RULES = [
    base.rule(CREATE, base.ADMIN_API, "Create a flavor.", ("POST", "/flavors")),
    base.rule(UPDATE, base.ADMIN_API, "Change a flavor's description.", ("PUT", "/flavors/{flavor_id}")),
    base.rule(DELETE, base.ADMIN_API, "Delete a flavor.", ("DELETE", "/flavors/{flavor_id}")),
    base.rule(LIST_ACCESS, base.ADMIN_API, "See who may use a private flavor.", ("GET", _ACCESS)),
    base.rule(ADD_ACCESS, base.ADMIN_API, "Let a project use a flavor.", ("POST", f"{_ACTION} (addTenantAccess)")),
    base.rule(
        REMOVE_ACCESS,
        base.ADMIN_API,
        "Let a project use a flavor no longer.",
        ("POST", f"{_ACTION} (removeTenantAccess)"),
    ),
    base.rule(
        LIST_SPECS,
        base.READER_OR_ADMIN,
        "See a flavor's extra specs: by themselves, and from microversion 2.61 (2.47 for servers) within flavors.",
        ("GET", _SPECS),
        ("GET", "/flavors/detail"),
        ("GET", "/flavors/{flavor_id}"),
        ("GET", "/servers/detail"),
        ("GET", "/servers/{server_id}"),
    ),
    base.rule(SHOW_SPEC, base.READER_OR_ADMIN, "See one extra spec of a flavor.", ("GET", _SPEC)),
    base.rule(CREATE_SPECS, base.ADMIN_API, "Add extra specs to a flavor.", ("POST", _SPECS)),
    base.rule(UPDATE_SPEC, base.ADMIN_API, "Change an extra spec of a flavor.", ("PUT", _SPEC)),
    base.rule(DELETE_SPEC, base.ADMIN_API, "Remove an extra spec of a flavor.", ("DELETE", _SPEC)),
]
