"""Where a create request wants its servers: that there are such places at all."""

import threading
import time
from collections.abc import Callable
from typing import Any

from novalike.conductor.cells import Cells
from novalike.db.api import mappings
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.server import ServerRequest

# Seconds: availability zones hardly ever change, and servers come in crowds.
_FRESH, _FRESH_ENOUGH_TO_SAY_NO = 10.0, 1.0


class UnknownHost(errors.Invalid):
    """Of a create request, whose other parts may be right."""

    template = "Compute host {host} could not be found."


class Destinations:
    """Checks where servers are wanted.

    :param zones: gives the names of all availability zones that have a service which is enabled.
    """

    def __init__(self, cells: Cells, zones: Callable[[], set[str]]) -> None:
        self._cells = cells
        self._read_zones = zones
        self._lock = threading.Lock()
        self._zones: set[str] = set()
        self._read_at = -1000.0

    def check(self, request: ServerRequest) -> None:
        """
        :raises Invalid: no such availability zone, host or node.
        """
        if request.force_host:
            return  # an administrator knows; the scheduler will tell otherwise
        if request.availability_zone and not self._has_zone(request.availability_zone):
            raise errors.Invalid("The requested availability zone is not available")
        if request.host:
            self.check_host(request.host)
        if request.node and not self._has_node(request.host, request.node):
            raise UnknownHost(host=request.node)

    def check_host(self, host: str) -> None:
        """
        :raises UnknownHost: no such host.
        """
        if not self._cells.api.query(lambda c: mappings.hosts(c, [host])):
            raise UnknownHost(host=host)

    def _has_zone(self, name: str) -> bool:
        for patience in (_FRESH, _FRESH_ENOUGH_TO_SAY_NO):
            with self._lock:
                if time.monotonic() - self._read_at > patience:
                    self._zones, self._read_at = self._read_zones(), time.monotonic()
            if name in self._zones:
                return True
        return False

    def _has_node(self, host: str | None, node: str) -> bool:
        n = t.compute_nodes.c
        where: list[Any] = [n.hypervisor_hostname == node]
        if host:
            where.append(n.host == host)
        return any(cell.database.query(lambda c: hosts_db.nodes(c, *where)) for cell in self._cells.compute_cells())
