"""Rules about servers."""

from novalike.api.policies.base import ADMIN_API, MEMBER_OR_ADMIN, READER_OR_ADMIN, rule

ROOT = "os_compute_api:servers:%s"
INDEX, DETAIL, SHOW = ROOT % "index", ROOT % "detail", ROOT % "show"
INDEX_ALL, DETAIL_ALL = ROOT % "index:get_all_tenants", ROOT % "detail:get_all_tenants"
ALL_FILTERS = ROOT % "allow_all_filters"
HOST_STATUS, HOST_STATUS_UNKNOWN = ROOT % "show:host_status", ROOT % "show:host_status:unknown-only"
CREATE, CREATE_FORCED, REQUESTED_DESTINATION = (
    ROOT % "create", ROOT % "create:forced_host", "compute:servers:create:requested_destination",
)  # fmt: skip
ATTACH_NETWORK, ATTACH_VOLUME = ROOT % "create:attach_network", ROOT % "create:attach_volume"
TRUSTED_CERTS, ZERO_DISK = ROOT % "create:trusted_certs", ROOT % "create:zero_disk_flavor"
EXTERNAL_NETWORK = "network:attach_external_network"
UPDATE, DELETE = ROOT % "update", ROOT % "delete"
REBOOT, START, STOP = ROOT % "reboot", ROOT % "start", ROOT % "stop"
EXTENDED = "os_compute_api:os-extended-server-attributes"
IPS_INDEX, IPS_SHOW = "os_compute_api:ips:index", "os_compute_api:ips:show"
METADATA = "os_compute_api:server-metadata:%s"
TAGS = "os_compute_api:os-server-tags:%s"
FLAVOR_EXTRA_SPECS = ROOT % "show:flavor-extra-specs"

_SERVER = "/servers/{server_id}"
_ACTION = f"{_SERVER}/action"

RULES = [
    rule(INDEX, READER_OR_ADMIN, "List servers.", ("GET", "/servers")),
    rule(DETAIL, READER_OR_ADMIN, "List servers with details.", ("GET", "/servers/detail")),
    rule(INDEX_ALL, ADMIN_API, "List servers of all projects.", ("GET", "/servers")),
    rule(DETAIL_ALL, ADMIN_API, "List servers of all projects with details.", ("GET", "/servers/detail")),
    rule(ALL_FILTERS, ADMIN_API, "Use all filters of server lists.", ("GET", "/servers"), ("GET", "/servers/detail")),
    rule(SHOW, READER_OR_ADMIN, "Show a server.", ("GET", _SERVER)),
    rule(
        FLAVOR_EXTRA_SPECS, READER_OR_ADMIN, "See the extra specs of a server's flavor.",
        ("GET", _SERVER), ("GET", "/servers/detail"), ("PUT", _SERVER),
    ),
    rule(HOST_STATUS, ADMIN_API, "See the status of a server's host.", ("GET", _SERVER), ("GET", "/servers/detail")),
    rule(
        HOST_STATUS_UNKNOWN, ADMIN_API, "See the status of a server's host, if it is UNKNOWN.",
        ("GET", _SERVER), ("GET", "/servers/detail"),
    ),
    rule(CREATE, MEMBER_OR_ADMIN, "Create a server.", ("POST", "/servers")),
    rule(CREATE_FORCED, ADMIN_API, "Create a server on a host, past the scheduler.", ("POST", "/servers")),
    rule(REQUESTED_DESTINATION, ADMIN_API, "Create a server on a host, if the scheduler agrees.", ("POST", "/servers")),
    rule(ATTACH_VOLUME, MEMBER_OR_ADMIN, "Create a server with volumes.", ("POST", "/servers")),
    rule(ATTACH_NETWORK, MEMBER_OR_ADMIN, "Create a server with networks.", ("POST", "/servers")),
    rule(TRUSTED_CERTS, MEMBER_OR_ADMIN, "Create a server with trusted certificates.", ("POST", "/servers")),
    rule(ZERO_DISK, ADMIN_API, "Create an image-backed server with a flavor without disk.", ("POST", "/servers")),
    rule(EXTERNAL_NETWORK, ADMIN_API, "Attach an unshared external network to a server.", ("POST", "/servers")),
    rule(UPDATE, MEMBER_OR_ADMIN, "Update a server.", ("PUT", _SERVER)),
    rule(DELETE, MEMBER_OR_ADMIN, "Delete a server.", ("DELETE", _SERVER)),
    rule(REBOOT, MEMBER_OR_ADMIN, "Reboot a server.", ("POST", f"{_ACTION} (reboot)")),
    rule(START, MEMBER_OR_ADMIN, "Start a server.", ("POST", f"{_ACTION} (os-start)")),
    rule(STOP, MEMBER_OR_ADMIN, "Stop a server.", ("POST", f"{_ACTION} (os-stop)")),
    rule(EXTENDED, ADMIN_API, "See extended attributes of servers.", ("GET", _SERVER), ("GET", "/servers/detail")),
    rule(IPS_INDEX, READER_OR_ADMIN, "List a server's addresses.", ("GET", f"{_SERVER}/ips")),
    rule(IPS_SHOW, READER_OR_ADMIN, "Show a server's addresses in a network.", ("GET", f"{_SERVER}/ips/{{label}}")),
    *[
        rule(METADATA % name, check, f"{text} a server's metadata.", operation)
        for name, check, text, operation in (
            ("index", READER_OR_ADMIN, "List", ("GET", f"{_SERVER}/metadata")),
            ("show", READER_OR_ADMIN, "Show an item of", ("GET", f"{_SERVER}/metadata/{{key}}")),
            ("create", MEMBER_OR_ADMIN, "Add to", ("POST", f"{_SERVER}/metadata")),
            ("update_all", MEMBER_OR_ADMIN, "Replace", ("PUT", f"{_SERVER}/metadata")),
            ("update", MEMBER_OR_ADMIN, "Change an item of", ("PUT", f"{_SERVER}/metadata/{{key}}")),
            ("delete", MEMBER_OR_ADMIN, "Delete an item of", ("DELETE", f"{_SERVER}/metadata/{{key}}")),
        )
    ],
    *[
        rule(TAGS % name, check, f"{text} of a server.", operation)
        for name, check, text, operation in (
            ("index", READER_OR_ADMIN, "List the tags", ("GET", f"{_SERVER}/tags")),
            ("show", READER_OR_ADMIN, "Look for a tag", ("GET", f"{_SERVER}/tags/{{tag}}")),
            ("update", MEMBER_OR_ADMIN, "Add a tag", ("PUT", f"{_SERVER}/tags/{{tag}}")),
            ("update_all", MEMBER_OR_ADMIN, "Replace the tags", ("PUT", f"{_SERVER}/tags")),
            ("delete", MEMBER_OR_ADMIN, "Delete a tag", ("DELETE", f"{_SERVER}/tags/{{tag}}")),
            ("delete_all", MEMBER_OR_ADMIN, "Delete all tags", ("DELETE", f"{_SERVER}/tags")),
        )
    ],
]  # fmt: skip
