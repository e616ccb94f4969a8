"""``/servers/{id}/os-instance-actions``: what was done to a server."""

from typing import Any

from oslo_config import cfg

from novalike.api.policies import instance_actions as policies
from novalike.api.request import ApiRequest, parse_changes, parse_page
from novalike.api.views import instance_actions as views
from novalike.bus.servers import ServerReads
from novalike.objects import errors
from novalike.objects.operation import ServerOperations


class InstanceActions:
    """Actions of a server, and their events."""

    def __init__(self, conf: cfg.ConfigOpts, reads: ServerReads) -> None:
        self._conf = conf
        self._reads = reads

    def index(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """All of them; from 2.58 in pages."""
        limit: int | None = None
        page: dict[str, Any] = {}
        if req.since("2.58"):
            limit, marker = parse_page(req, self._conf.api.max_limit)
            since, before = parse_changes(req)
            page = {"limit": limit, "marker": marker, "changes_since": since, "changes_before": before}
        found = self._reads.list_operations(req.ctx, server_id=server_id, deleted=req.since("2.21"), **page)
        req.authorize(policies.LIST, _target(found))
        answer: dict[str, Any] = {"instanceActions": [views.action(req, each) for each in found.operations]}
        if limit and len(found.operations) == limit:
            last = found.operations[-1].request_id
            answer["links"] = req.next_link(last, "servers", server_id, "os-instance-actions")
        return answer

    def show(self, req: ApiRequest, server_id: str, request_id: str) -> dict[str, Any]:
        """One of them."""
        found = self._reads.get_operation(
            req.ctx, server_id=server_id, request_id=request_id, deleted=req.since("2.21")
        )
        target = _target(found)
        req.authorize(policies.SHOW, target)
        if not found.operations:
            raise errors.InstanceActionNotFound(
                f"Action {request_id} not found", request_id=request_id, instance_id=server_id
            )
        sight = views.Sight.of(req, target)
        return {"instanceAction": views.with_events(req, found.operations[0], found.project_id, sight)}


def _target(found: ServerOperations) -> dict[str, str]:
    return {"project_id": found.project_id, "user_id": found.user_id}
