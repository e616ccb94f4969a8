"""``/os-services``: the cloud's daemons."""

import re
from typing import Any

from oslo_utils import strutils, uuidutils

from novalike.api.policies import services as policies
from novalike.api.request import ApiRequest
from novalike.api.schemas.parameters import MAX_INT
from novalike.api.views import services as views
from novalike.bus.services import ServiceChanges, ServiceCommands, ServiceReads
from novalike.objects import errors
from novalike.objects.host import internal_binary

_COMPUTE = ("nova-compute", "novalike-compute")


class Services:
    """Daemons; of compute daemons, whether they take new servers."""

    def __init__(self, reads: ServiceReads, commands: ServiceCommands) -> None:
        self._reads = reads
        self._commands = commands

    def index(self, req: ApiRequest) -> dict[str, Any]:
        """All, or those of a host or kind."""
        binary = req.last("binary") or None
        found = self._reads.list_services(
            req.ctx, host=req.last("host") or None, binary=internal_binary(binary) if binary else None
        )
        shown = [views.full(req, service) for service in found.services]
        if req.since("2.69"):
            shown += [views.unreachable(host) for host in found.unreachable]
        return {"services": shown}

    def update_by_action(self, req: ApiRequest, service_id: str) -> dict[str, Any]:
        """Until 2.52: what is to be done is in the path, the host in the body."""
        act = {
            "enable": self._enable,
            "disable": self._disable,
            "disable-log-reason": self._disable_for_reason,
        }.get(service_id)
        if act is None and service_id == "force-down" and req.since("2.11"):
            act = self._force_down
        if act is None:
            raise errors.NotFound("Unknown action")
        return act(req)

    def _enable(self, req: ApiRequest) -> dict[str, Any]:
        self._change(req, ServiceChanges(disabled=False))
        return _brief(req, status="enabled")

    def _disable(self, req: ApiRequest) -> dict[str, Any]:
        self._change(req, ServiceChanges(disabled=True))
        return _brief(req, status="disabled")

    def _disable_for_reason(self, req: ApiRequest) -> dict[str, Any]:
        reason = req.body.get("disabled_reason")
        if reason is None:
            raise errors.Invalid("Missing disabled reason field")
        self._change(req, ServiceChanges(disabled=True, disabled_reason=reason))
        return _brief(req, status="disabled", disabled_reason=reason)

    def _force_down(self, req: ApiRequest) -> dict[str, Any]:
        if "forced_down" not in req.body:
            raise errors.Invalid("Missing forced_down field")
        forced_down = strutils.bool_from_string(req.body["forced_down"])
        self._change(req, ServiceChanges(forced_down=forced_down))
        return _brief(req, forced_down=forced_down)

    def _change(self, req: ApiRequest, changes: ServiceChanges) -> None:
        binary = req.body["binary"]
        if binary not in _COMPUTE:
            raise errors.Invalid(
                f"Updating a {binary} service is not supported. Only nova-compute services can be updated."
            )
        self._commands.update_compute_service(req.ctx, host=req.body["host"], changes=changes)

    def update(self, req: ApiRequest, service_id: str) -> dict[str, Any]:
        """From 2.53: by uuid."""
        _check_uuid(service_id)
        req.authorize(policies.UPDATE)
        status, forced_down = req.body.get("status"), req.body.get("forced_down")
        changes = ServiceChanges(
            disabled=None if status is None else status == "disabled",
            disabled_reason=req.body.get("disabled_reason"),
            forced_down=None if forced_down is None else strutils.bool_from_string(forced_down, strict=True),
        )
        service = self._commands.update_service(req.ctx, service_id=service_id, changes=changes)
        return {"service": views.full(req, service)}

    def delete(self, req: ApiRequest, service_id: str) -> None:
        """Forget a service."""
        if req.since("2.53"):
            _check_uuid(service_id)
        elif not re.fullmatch(r"-?[0-9]+", service_id):
            raise errors.Invalid("Invalid input received: id must be an integer")
        elif len(service_id) > len(str(MAX_INT)) or int(service_id) > MAX_INT:
            raise errors.ServiceNotFound(f"Service {service_id} not found.", service_id=service_id)
        self._commands.delete_service(req.ctx, service_id=service_id)


def _brief(req: ApiRequest, **more: Any) -> dict[str, Any]:
    return {"service": {"host": req.body["host"], "binary": req.body["binary"], **more}}


def _check_uuid(text: str) -> None:
    """
    :raises Invalid: it is none.
    """
    if not uuidutils.is_uuid_like(text):
        raise errors.Invalid(f"Invalid uuid {text}")
