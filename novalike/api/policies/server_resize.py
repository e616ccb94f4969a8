"""Rules about resizes and cold migrations of servers."""

from novalike.api.policies.base import ADMIN_API, MANAGER_OR_ADMIN, MEMBER_OR_ADMIN, rule

RESIZE = "os_compute_api:servers:resize"
CONFIRM_RESIZE = "os_compute_api:servers:confirm_resize"
REVERT_RESIZE = "os_compute_api:servers:revert_resize"
MIGRATE = "os_compute_api:os-migrate-server:migrate"
MIGRATE_HOST = f"{MIGRATE}:host"

_ACTION = "/servers/{server_id}/action"

RULES = [
    rule(RESIZE, MEMBER_OR_ADMIN, "Resize a server.", ("POST", f"{_ACTION} (resize)")),
    rule(CONFIRM_RESIZE, MEMBER_OR_ADMIN, "Confirm a resize of a server.", ("POST", f"{_ACTION} (confirmResize)")),
    rule(REVERT_RESIZE, MEMBER_OR_ADMIN, "Revert a resize of a server.", ("POST", f"{_ACTION} (revertResize)")),
    rule(MIGRATE, MANAGER_OR_ADMIN, "Migrate a server to whatever host.", ("POST", f"{_ACTION} (migrate)")),
    rule(MIGRATE_HOST, ADMIN_API, "Migrate a server to a certain host.", ("POST", f"{_ACTION} (migrate)")),
]
