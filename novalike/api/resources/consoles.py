"""Consoles of servers: the log, and URLs of screens."""

from typing import Any

from novalike.api.policies import consoles as policies
from novalike.api.request import ApiRequest
from novalike.api.resources.servers import target_of
from novalike.bus.consoles import ConsoleCommands, ConsoleReads
from novalike.bus.servers import ServerReads
from novalike.bus.transport import Transport
from novalike.objects import errors

_LINES_MAX = 2**31 - 1
# Terminals' control characters, all but tab and newline: they never reach clients.
_CONTROLS = dict.fromkeys(n for n in range(0x20) if n not in (0x09, 0x0A))
_GONE = "The server could not comply with the request since it is either malformed or otherwise incorrect."


class Consoles:
    """``os-getConsoleOutput``, ``os-get…Console`` and ``/servers/{id}/remote-consoles``."""

    def __init__(self, transport: Transport) -> None:
        self._servers: ServerReads = transport.client(ServerReads)
        self._commands: ConsoleCommands = transport.client(ConsoleCommands)

    def _authorize(self, req: ApiRequest, server_id: str, rule: str) -> None:
        req.authorize(rule, target_of(self._servers.get_server(req.ctx, server_id=server_id)))

    def output(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """The last lines of the console log; -1 and none given are all of it."""
        self._authorize(req, server_id, policies.OUTPUT)
        asked = req.body["os-getConsoleOutput"].get("length")
        length = None if asked is None or int(asked) < 0 else min(int(asked), _LINES_MAX)
        text = self._commands.console_output(req.ctx, server_id=server_id, length=length)
        return {"output": text.translate(_CONTROLS)}

    def _open(self, req: ApiRequest, server_id: str, protocol: str, console_type: str) -> str:
        self._authorize(req, server_id, policies.REMOTE)
        return self._commands.open_console(
            req.ctx, server_id=server_id, protocol=protocol, console_type=console_type
        )

    def _by_action(self, req: ApiRequest, server_id: str, action: str, protocol: str) -> dict[str, Any]:
        kind = req.body[action]["type"]
        return {"console": {"type": kind, "url": self._open(req, server_id, protocol, kind)}}

    def vnc(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """A URL of a VNC console."""
        return self._by_action(req, server_id, "os-getVNCConsole", "vnc")

    def spice(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """A URL of a SPICE console."""
        return self._by_action(req, server_id, "os-getSPICEConsole", "spice")

    def serial(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """A URL of a serial console."""
        return self._by_action(req, server_id, "os-getSerialConsole", "serial")

    def rdp(self, req: ApiRequest, server_id: str) -> None:
        """There was one with Hyper-V only.

        :raises Invalid: always.
        """
        raise errors.Invalid(_GONE)

    def create(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """A URL of a console of any kind."""
        asked = req.body["remote_console"]
        protocol, kind = asked["protocol"], asked["type"]
        if protocol == "rdp":
            self._authorize(req, server_id, policies.REMOTE)
            raise errors.Invalid(_GONE)
        url = self._open(req, server_id, protocol, kind)
        return {"remote_console": {"protocol": protocol, "type": kind, "url": url}}


class ConsoleTokens:
    """``/os-console-auth-tokens/{token}``."""

    def __init__(self, reads: ConsoleReads) -> None:
        self._reads = reads

    def show(self, req: ApiRequest, token: str) -> dict[str, Any]:
        """What a token opens."""
        if not req.since("2.31"):
            raise errors.Invalid(_GONE)  # it was for RDP only
        req.authorize(policies.TOKENS)
        grant = self._reads.validate_token(req.ctx, token=token)
        return {
            "console": {
                "instance_uuid": grant.instance_uuid,
                "host": grant.host,
                "port": grant.port,
                "internal_access_path": grant.internal_access_path,
            }
        }
