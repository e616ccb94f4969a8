"""How operations look as instance actions, by microversion."""

import hashlib
from typing import Any, NamedTuple

from novalike.api.policies import instance_actions as policies
from novalike.api.request import ApiRequest, format_time_micro
from novalike.objects.operation import JournalEntry, Operation


class Sight(NamedTuple):
    """What a caller may see of an action's events.

    :param inside: tracebacks, and from 2.62 hosts.
    """

    events: bool
    inside: bool
    details: bool

    @classmethod
    def of(cls, req: ApiRequest, target: dict[str, str]) -> "Sight":
        """What policy lets the caller of a request see."""
        inside = req.may(policies.EVENTS, target)
        return cls(
            events=inside or req.since("2.51"),
            inside=inside,
            details=req.since("2.84") and req.may(policies.EVENT_DETAILS, target),
        )


def action(req: ApiRequest, operation: Operation) -> dict[str, Any]:
    """An action without its events."""
    shown: dict[str, Any] = {
        "action": operation.action,
        "instance_uuid": operation.instance_uuid,
        "request_id": operation.request_id,
        "user_id": operation.user_id,
        "project_id": operation.project_id,
        "start_time": format_time_micro(operation.start_time),
        "message": operation.message,
    }
    if req.since("2.58"):
        shown["updated_at"] = format_time_micro(operation.updated_at)
    return shown


def with_events(req: ApiRequest, operation: Operation, owner: str, sight: Sight) -> dict[str, Any]:
    """An action with what may be seen of its events, newest first.

    :param owner: the server's project.
    """
    shown = action(req, operation)
    if sight.events:
        project_id = operation.project_id or owner
        shown["events"] = [_event(req, entry, project_id, sight) for entry in reversed(operation.journal)]
    return shown


def _event(req: ApiRequest, entry: JournalEntry, project_id: str, sight: Sight) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "event": entry.event,
        "start_time": format_time_micro(entry.start_time),
        "finish_time": format_time_micro(entry.finish_time),
        "result": entry.result,
    }
    if sight.inside:
        shown["traceback"] = entry.traceback
    if req.since("2.62"):
        if sight.inside:
            shown["host"] = entry.host
        shown["hostId"] = hashlib.sha224((project_id + entry.host).encode()).hexdigest() if entry.host else ""
    if sight.details:
        shown["details"] = entry.details
    return shown
