"""Consoles: what guests have written, and tokens for their screens."""

import datetime
import hashlib
import logging
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from oslo_config import cfg

from novalike.bus.compute import Compute
from novalike.bus.consoles import ConsoleGrant
from novalike.bus.transport import Transport
from novalike.conductor.cells import Cell, Cells
from novalike.db.cell import console_tokens
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import TaskState
from novalike.objects.server import Server

LOG = logging.getLogger(__name__)

# The types of console that a protocol has and that the drivers know.
_TYPES = {"vnc": ("novnc",)}
# While a server is in one of these, its console is about to go.
_LEAVING = (TaskState.DELETING, "migrating")
_PURGE_SECONDS = 60.0


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def access_url(base: str, console_type: str, token: str) -> str:
    """A page's URL with a token.

    noVNC is told the path of its WebSocket, query and all, by the parameter ``path``; other pages read the token.
    """
    if console_type != "novnc":
        return f"{base}?token={token}"
    parts = urlsplit(base)
    parameters = parse_qs(parts.query)
    parameters["path"] = [f"{parameters.get('path', [''])[0]}?token={token}"]
    return parts._replace(query=urlencode(parameters, doseq=True)).geturl()


def find(cells: Cells, token: str) -> ConsoleGrant:
    """What a token opens.

    :raises ConsoleTokenInvalid: unknown or expired.
    :raises Unavailable: not found, but there are cells that don't answer.
    """
    wanted = digest(token)
    silent: errors.Unavailable | None = None
    for cell in cells.compute_cells():
        try:
            now = cell.database.utcnow()
            row = cell.database.query(lambda c: console_tokens.get(c, wanted, now))  # noqa: B023 (it is called here)
        except errors.Unavailable as error:
            silent = error
            continue
        if row is not None:
            return _grant(row)
    if silent is not None:
        raise silent
    raise errors.ConsoleTokenInvalid()


def _grant(row: Any) -> ConsoleGrant:
    return ConsoleGrant(**{field: getattr(row, field) for field in ConsoleGrant.__struct_fields__})


class ConsoleReadsHandler:
    """Serves ``bus.consoles.ConsoleReads``."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def validate_token(self, ctx: RequestContext, *, token: str) -> ConsoleGrant:
        return find(self._cells, token)


class ConsoleCommandsHandler:
    """Serves ``bus.consoles.ConsoleCommands``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells, transport: Transport) -> None:
        self._conf = conf
        self._cells = cells
        self._transport = transport
        self._purged: dict[int, float] = {}

    def console_output(self, ctx: RequestContext, *, server_id: str, length: int | None) -> str:
        _, server, compute = self._find_guest(server_id)
        return compute.console_output(
            ctx,
            host=server.host or "",
            instance_uuid=server_id,
            instance_name=server.instance_name,
            length=length,
        )

    def open_console(self, ctx: RequestContext, *, server_id: str, protocol: str, console_type: str) -> str:
        cell, server, compute = self._find_guest(server_id)
        if server.task_state in _LEAVING:
            raise errors.InstanceInvalidState(
                action=f"get_{protocol}_console", instance_id=server_id, attr="task_state", state=server.task_state
            )
        if protocol not in _TYPES:
            raise errors.ConsoleTypeUnavailable(console_type=console_type)
        if console_type not in _TYPES[protocol]:
            raise errors.ConsoleTypeInvalid(console_type=console_type)
        access = compute.console_access(
            ctx,
            host=server.host or "",
            instance_uuid=server_id,
            instance_name=server.instance_name,
            console_type=console_type,
        )
        if access.access_url_base is None:
            raise errors.ConsoleTypeUnavailable(console_type=console_type)
        token = str(uuid.uuid4())
        expires = cell.database.utcnow() + datetime.timedelta(seconds=self._conf.consoleauth.token_ttl)
        cell.database.write(
            lambda c: console_tokens.insert(
                c,
                token_hash=digest(token),
                instance_uuid=server_id,
                console_type=console_type,
                host=access.host,
                port=access.port,
                internal_access_path=access.internal_access_path,
                access_url_base=access.access_url_base,
                expires=expires,
            )
        )
        self._purge(cell)
        LOG.info("server %s: a %s console was opened until %s", server_id, console_type, expires)
        return access_url(access.access_url_base, console_type, token)

    def admit(self, ctx: RequestContext, *, token: str) -> ConsoleGrant:
        grant = find(self._cells, token)
        try:
            _, server, compute = self._find_guest(grant.instance_uuid)
            access = compute.console_access(
                ctx,
                host=server.host or "",
                instance_uuid=server.uuid,
                instance_name=server.instance_name,
                console_type=grant.console_type,
            )
        except (errors.InstanceNotFound, errors.InstanceNotReady, errors.ConsoleTypeUnavailable) as error:
            LOG.info("server %s: a token for its console is of no use: %s", grant.instance_uuid, error)
            raise errors.ConsoleTokenInvalid() from None
        if (access.host, access.port) != (grant.host, grant.port):
            LOG.info("server %s: a token for its console is of no use: it has moved", grant.instance_uuid)
            raise errors.ConsoleTokenInvalid()
        return grant

    def _find_guest(self, server_id: str) -> tuple[Cell, Server, Compute]:
        """A server and the process that has its guest.

        :raises InstanceNotFound: no such server.
        :raises InstanceNotReady: it is on no host.
        """
        cell = self._cells.of_instance(server_id)
        with cell.database.read() as connection:
            server = servers_db.get(connection, server_id)
            places = servers_db.places_of(connection, [server_id])
        if server is None:
            raise errors.InstanceNotFound(instance_id=server_id)
        if not server.host or not places or not places[0].endpoint:
            raise errors.InstanceNotReady(instance_id=server_id)
        compute: Compute = self._transport.client(Compute, places[0].endpoint)
        return cell, server, compute

    def _purge(self, cell: Cell) -> None:
        """Forget expired tokens now and then: whenever somebody makes new ones is often enough."""
        now = time.monotonic()
        if now - self._purged.get(cell.id, -_PURGE_SECONDS) < _PURGE_SECONDS:
            return
        self._purged[cell.id] = now
        try:
            expired = cell.database.utcnow()
            cell.database.write(lambda c: console_tokens.delete_expired(c, expired))
        except errors.Unavailable as error:
            LOG.warning("expired console tokens of cell %s are still there: %s", cell.name, error)
