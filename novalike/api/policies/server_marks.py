"""Rules about locks and about the state of servers."""

from novalike.api.policies.base import ADMIN_API, MEMBER_OR_ADMIN, rule

LOCK = "os_compute_api:os-lock-server:lock"
UNLOCK = "os_compute_api:os-lock-server:unlock"
UNLOCK_OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override"
RESET_STATE = "os_compute_api:os-admin-actions:reset_state"

_ACTION = "/servers/{server_id}/action"

RULES = [
    rule(LOCK, MEMBER_OR_ADMIN, "Lock a server.", ("POST", f"{_ACTION} (lock)")),
    rule(UNLOCK, MEMBER_OR_ADMIN, "Unlock a server.", ("POST", f"{_ACTION} (unlock)")),
    rule(UNLOCK_OVERRIDE, ADMIN_API, "Unlock a server that somebody else has locked.", ("POST", f"{_ACTION} (unlock)")),
    rule(RESET_STATE, ADMIN_API, "Say what state a server is in.", ("POST", f"{_ACTION} (os-resetState)")),
]
