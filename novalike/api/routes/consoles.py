"""Servers' consoles, and tokens for them."""

from novalike.api.resources.consoles import Consoles, ConsoleTokens
from novalike.api.route import Action, Backends, Route, actions
from novalike.api.schemas import consoles as schemas
from novalike.bus.consoles import ConsoleReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    consoles, tokens = Consoles(backends.transport), ConsoleTokens(backends.transport.client(ConsoleReads))
    one = "/servers/{server_id}"
    return [
        *actions(
            f"{one}/action",
            [
                Action("os-getConsoleOutput", consoles.output, None, 200, body=schemas.output),
                Action("os-getVNCConsole", consoles.vnc, None, 200, body=schemas.vnc, last="2.5"),
                Action("os-getSPICEConsole", consoles.spice, None, 200, body=schemas.spice, last="2.5"),
                Action("os-getSerialConsole", consoles.serial, None, 200, body=schemas.serial, last="2.5"),
                Action("os-getRDPConsole", consoles.rdp, None, 200, body=schemas.rdp, last="2.5"),
            ],
        ),
        Route("POST", f"{one}/remote-consoles", consoles.create, None, body=schemas.create, first="2.6"),
        Route("GET", "/os-console-auth-tokens/{token}", tokens.show, None, query=schemas.token_query),
    ]
