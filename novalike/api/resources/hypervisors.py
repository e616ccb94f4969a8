"""Hypervisors."""

from typing import Any

from oslo_config import cfg
from oslo_utils import strutils, uuidutils

from novalike.api.request import ApiRequest, parse_page
from novalike.api.views import hypervisors as views
from novalike.bus.hypervisors import HypervisorReads
from novalike.objects import errors
from novalike.objects.host import ComputeNode


class Hypervisors:
    """``/os-hypervisors``."""

    def __init__(self, conf: cfg.ConfigOpts, reads: HypervisorReads) -> None:
        self._conf = conf
        self._reads = reads

    def index(self, req: ApiRequest) -> dict[str, Any]:
        """The short list."""
        nodes, links = self._list(req, "os-hypervisors")
        return {"hypervisors": [views.short(req, node) for node in nodes], **links}

    def detail(self, req: ApiRequest) -> dict[str, Any]:
        """The long list."""
        nodes, links = self._list(req, "os-hypervisors", "detail")
        return {"hypervisors": [views.full(req, node) for node in nodes], **links}

    def _list(self, req: ApiRequest, *path: str) -> tuple[tuple[ComputeNode, ...], dict[str, Any]]:
        limit = marker = pattern = None
        if req.since("2.33"):
            limit, marker = parse_page(req, self._conf.api.max_limit)
        if req.since("2.53"):
            pattern = req.first("hypervisor_hostname_pattern")
        if pattern is not None:
            if req.first("limit") is not None or marker is not None:
                raise errors.Invalid("Paging over hypervisors with the hypervisor_hostname_pattern is not supported.")
            limit = None
        nodes = self._reads.list_hypervisors(
            req.ctx, limit=limit, marker=marker, pattern=pattern, with_servers=self._with_servers(req)
        )
        if pattern is not None and not nodes:
            raise errors.NotFound(f"No hypervisor matching '{pattern}' could be found.")
        links = {}
        if limit is not None and limit and len(nodes) >= limit:
            last = nodes[-1]
            links["hypervisors_links"] = req.next_link(last.uuid if req.since("2.53") else str(last.id), *path)
        return nodes, links

    @staticmethod
    def _with_servers(req: ApiRequest) -> bool:
        return req.since("2.53") and strutils.bool_from_string(req.first("with_servers", "false"), strict=True)

    def show(self, req: ApiRequest, hypervisor_id: str) -> dict[str, Any]:
        """One hypervisor."""
        return {"hypervisor": views.full(req, self._get(req, hypervisor_id, with_servers=self._with_servers(req)))}

    def _get(self, req: ApiRequest, hypervisor_id: str, *, with_servers: bool = False) -> ComputeNode:
        """
        :raises Invalid: no uuid, where there must be one.
        :raises ComputeNodeNotFound: none such.
        """
        if req.since("2.53"):
            if not uuidutils.is_uuid_like(hypervisor_id):
                raise errors.Invalid(f"Invalid uuid {hypervisor_id}")
        elif not hypervisor_id.isdecimal():
            raise errors.ComputeNodeNotFound(hypervisor_id=hypervisor_id)
        return self._reads.get_hypervisor(req.ctx, hypervisor_id=hypervisor_id, with_servers=with_servers)

    def uptime(self, req: ApiRequest, hypervisor_id: str) -> dict[str, Any]:
        """How long a hypervisor has been up (until 2.87)."""
        node = self._get(req, hypervisor_id)
        if not node.service_up:
            raise errors.Invalid(f"Compute service of {node.host} is unavailable at this time.")
        if node.uptime is None:
            raise errors.NotSupported("The requested functionality is not supported.")
        return {"hypervisor": {**views.short(req, node), "uptime": node.uptime}}

    def statistics(self, req: ApiRequest) -> dict[str, Any]:
        """All hypervisors, summed up (until 2.87)."""
        return {"hypervisor_statistics": views.statistics(self._reads.list_hypervisors(req.ctx))}

    def search(self, req: ApiRequest, hypervisor_id: str) -> dict[str, Any]:
        """Those with something in their names (until 2.52)."""
        return self._search(req, hypervisor_id, with_servers=False)

    def servers(self, req: ApiRequest, hypervisor_id: str) -> dict[str, Any]:
        """The same, with their servers (until 2.52)."""
        return self._search(req, hypervisor_id, with_servers=True)

    def _search(self, req: ApiRequest, pattern: str, *, with_servers: bool) -> dict[str, Any]:
        nodes = self._reads.list_hypervisors(req.ctx, pattern=pattern, with_servers=with_servers)
        if not nodes:
            raise errors.NotFound(f"No hypervisor matching '{pattern}' could be found.")
        return {"hypervisors": [views.short(req, node) for node in nodes]}
