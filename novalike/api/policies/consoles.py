"""Who may read a server's console log, and open its console."""

from novalike.api.policies import base

OUTPUT = "os_compute_api:os-console-output"
REMOTE = "os_compute_api:os-remote-consoles"
TOKENS = "os_compute_api:os-console-auth-tokens"

_ACTION = "/servers/{server_id}/action"

RULES = [
    base.rule(
        OUTPUT, base.MEMBER_OR_ADMIN, "Read a server's console log.", ("POST", f"{_ACTION} (os-getConsoleOutput)")
    ),
    base.rule(
        REMOTE,
        base.MEMBER_OR_ADMIN,
        "Make a URL that opens a server's console.",
        ("POST", f"{_ACTION} (os-getSerialConsole)"),
        ("POST", f"{_ACTION} (os-getSPICEConsole)"),
        ("POST", f"{_ACTION} (os-getVNCConsole)"),
        ("POST", "/servers/{server_id}/remote-consoles"),
    ),
    base.rule(
        TOKENS,
        f"rule:{base.ADMIN}",
        "See what a console token opens.",
        ("GET", "/os-console-auth-tokens/{console_token}"),
    ),
]
