"""Who may see and change key pairs: their owner, and administrators."""

from novalike.api.policies import base

LIST = "os_compute_api:os-keypairs:index"
SHOW = "os_compute_api:os-keypairs:show"
CREATE = "os_compute_api:os-keypairs:create"
DELETE = "os_compute_api:os-keypairs:delete"

_OWNER_OR_ADMIN = f"({base.ADMIN_API}) or user_id:%(user_id)s"
_ONE = "/os-keypairs/{name}"

RULES = [
    base.rule(LIST, _OWNER_OR_ADMIN, "List a user's key pairs.", ("GET", "/os-keypairs")),
    base.rule(SHOW, _OWNER_OR_ADMIN, "See a user's key pair.", ("GET", _ONE)),
    base.rule(CREATE, _OWNER_OR_ADMIN, "Generate a key pair for a user, or record one.", ("POST", "/os-keypairs")),
    base.rule(DELETE, _OWNER_OR_ADMIN, "Delete a user's key pair.", ("DELETE", _ONE)),
]
