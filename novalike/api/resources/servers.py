"""Servers: list, show, update, delete."""

import ipaddress
from typing import Any

from oslo_config import cfg

from novalike.api.policies import servers as policies
from novalike.api.request import ApiRequest
from novalike.api.resources.server_filters import read_query
from novalike.api.views import servers as views
from novalike.bus.servers import ServerCommands, ServerReads
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.server import Server

_CHANGES = {
    "name": "name",
    "hostname": "hostname",
    "description": "description",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "pinned_availability_zone": "pinned_availability_zone",
}


def address(text: str | None) -> str | None:
    """An IP address as it is usually written."""
    return None if text is None else str(ipaddress.ip_address(text))


def target_of(server: Server) -> dict[str, str]:
    """What policies about a server look at."""
    return {"project_id": server.project_id, "user_id": server.user_id}


class Servers:
    """``/servers``, ``/servers/detail``, ``/servers/{id}``."""

    def __init__(self, conf: cfg.ConfigOpts, transport: Transport) -> None:
        self._conf = conf
        self._reads: ServerReads = transport.client(ServerReads)
        self._commands: ServerCommands = transport.client(ServerCommands)

    def index(self, req: ApiRequest) -> dict[str, Any]:
        """The short list."""
        query = read_query(req, self._conf.api.max_limit, policies.INDEX_ALL)
        found = self._reads.list_servers(req.ctx, query=query) if query is not None else ()
        shown = [views.short(req, server.uuid, server.name) for server in found]
        return self._page(req, shown, query.limit if query else None, "servers")

    def detail(self, req: ApiRequest) -> dict[str, Any]:
        """The long list."""
        query = read_query(req, self._conf.api.max_limit, policies.DETAIL_ALL)
        sight = views.Sight.of(req)
        found: tuple[Server, ...] = ()
        if query is not None:
            found = self._reads.list_servers_detail(
                req.ctx, query=query, with_user_data=sight.extended and req.since("2.3")
            )
        shown = [views.full(req, server, sight, in_list=True) for server in found]
        return self._page(req, shown, query.limit if query else None, "servers", "detail")

    @staticmethod
    def _page(req: ApiRequest, shown: list[dict[str, Any]], limit: int | None, *path: str) -> dict[str, Any]:
        page: dict[str, Any] = {"servers": shown}
        # A full page may have a successor; only a limit that the user gave makes a link to it.
        if shown and limit is not None and len(shown) >= limit:
            page["servers_links"] = req.next_link(shown[-1]["id"], *path)
        return page

    def show(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """One server."""
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.SHOW, target_of(server))
        return {"server": views.full(req, server, views.Sight.of(req))}

    def update(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """Change name, description, addresses …"""
        wanted = req.body["server"]
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.UPDATE, target_of(server))
        changes: dict[str, Any] = {column: wanted[key] for key, column in _CHANGES.items() if key in wanted}
        if "name" in changes:
            changes["name"] = changes["name"].strip()
        for column in ("access_ip_v4", "access_ip_v6"):
            if column in changes:
                changes[column] = address(changes[column])
        if "OS-DCF:diskConfig" in wanted:
            changes["auto_disk_config"] = wanted["OS-DCF:diskConfig"] == "AUTO"
        server = self._commands.update_server(req.ctx, server_id=server_id, changes=changes)
        return {"server": views.full(req, server, views.Sight.of(req), extended=req.since("2.75"))}

    def delete(self, req: ApiRequest, server_id: str) -> None:
        """Delete a server. It is gone once its host has let go of it."""
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.DELETE, target_of(server))
        self._commands.start_operation(
            req.ctx, server_id=server_id, action="delete", workflow="delete", override_lock=req.overrides_locks
        )


class ServerActions:
    """``/servers/{id}/action``: what changes a server's power."""

    def __init__(self, transport: Transport) -> None:
        self._reads: ServerReads = transport.client(ServerReads)
        self._commands: ServerCommands = transport.client(ServerCommands)

    def _begin(self, req: ApiRequest, server_id: str, rule: str, action: str, workflow: str) -> None:
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(rule, target_of(server))
        self._commands.start_operation(
            req.ctx,
            server_id=server_id,
            action=action,
            workflow=workflow,
            override_lock=req.overrides_locks,
        )

    def start(self, req: ApiRequest, server_id: str) -> None:
        """Start a stopped server."""
        self._begin(req, server_id, policies.START, "start", "start")

    def stop(self, req: ApiRequest, server_id: str) -> None:
        """Stop a server."""
        self._begin(req, server_id, policies.STOP, "stop", "stop")

    def reboot(self, req: ApiRequest, server_id: str) -> None:
        """Restart a server."""
        kind = req.body["reboot"]["type"].lower()
        self._begin(req, server_id, policies.REBOOT, "reboot", f"reboot_{kind}")


class ServerAddresses:
    """``/servers/{id}/ips``."""

    def __init__(self, transport: Transport) -> None:
        self._reads: ServerReads = transport.client(ServerReads)

    def index(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """Addresses in all networks."""
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.IPS_INDEX, target_of(server))
        return {"addresses": views.addresses(server.vifs, extended=False)}

    def show(self, req: ApiRequest, server_id: str, label: str) -> dict[str, Any]:
        """Addresses in one network."""
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.IPS_SHOW, target_of(server))
        found = views.addresses(server.vifs, extended=False)
        if label not in found:
            raise errors.NotFound("Instance is not a member of specified network")
        return {label: found[label]}
