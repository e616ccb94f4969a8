"""Scheduler hints, as users give them: single values or lists of one."""

from typing import Any

from novalike.objects.scheduling import SchedulingRequest


def hint(request: SchedulingRequest, name: str, default: Any = None) -> Any:
    """A hint's value; a list of one is that one.

    :param default: for a hint that was not given.
    """
    value = request.hints.get(name, default)
    if isinstance(value, list | tuple) and len(value) == 1:
        return value[0]
    return value


def hinted_servers(request: SchedulingRequest, name: str) -> tuple[str, ...]:
    """A hint that names servers."""
    value = request.hints.get(name)
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(uuid) for uuid in value)
