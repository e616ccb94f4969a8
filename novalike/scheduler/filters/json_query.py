"""JsonFilter: the hint ``query``, a little language such as ``["and", [">=", "$free_ram_mb", 1024]]``."""

import json
import operator
from collections.abc import Callable
from typing import Any

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.compute_capabilities import capability
from novalike.scheduler.hints import hint

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
DEPTH = 32


class JsonFilter(Filter):
    """Refuses the hosts of which the hint's query isn't true."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        text = hint(request, "query")
        if not text:
            return None
        try:
            query = json.loads(text) if isinstance(text, str) else text
        except (ValueError, RecursionError):
            return lambda host: "the hint's query is no JSON"

        def check(host: Candidate) -> str | None:
            try:
                result = _evaluate(query, host, DEPTH)
            except (ValueError, TypeError) as error:
                return f"the hint's query can't be evaluated: {error}"
            held = any(result) if isinstance(result, list) else result
            return None if held else "the hint's query is not true of the host"

        return check


def _evaluate(query: Any, host: Candidate, depth: int) -> Any:
    """The value of a query.

    :raises ValueError: there is no such command, or the query is too deep.
    :raises TypeError: values can't be compared.
    """
    if not query:
        return True
    if not isinstance(query, list) or not depth:
        raise ValueError("it must be lists, not too deep")
    values = []
    for argument in query[1:]:
        if isinstance(argument, list):
            value = _evaluate(argument, host, depth - 1)
        elif isinstance(argument, str) and argument.startswith("$"):
            value = capability(argument[1:].split("."))(host)
        else:
            value = argument or None if isinstance(argument, str) else argument
        if value is not None:
            values.append(value)
    return _apply(query[0], values)


def _apply(command: Any, values: list[Any]) -> Any:
    if command == "and":
        return all(values)
    if command == "or":
        return any(values)
    if command == "not":
        return [not value for value in values]
    if command == "in":
        return len(values) > 1 and values[0] in values[1:]
    if command in COMPARISONS:
        compare = COMPARISONS[command]
        return len(values) > 1 and all(compare(values[0], value) for value in values[1:])
    raise ValueError(f"there is no command {command!r}")
