"""A bus on which everybody answers as a test wants."""

import inspect
from typing import Any

from novalike.bus.server_marks import ServerMarks
from novalike.bus.server_resize import ServerResize
from novalike.bus.servers import ServerCommands, ServerReads

INTERFACES = (ServerReads, ServerCommands, ServerMarks, ServerResize)
SERVER = "3057cd15-8181-4d1b-9d34-f6265025a2b9"


class Stub:
    """All that the bus offers about servers: gives or raises what a test has set, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def client(self, interface: type[Any], endpoint: str | None = None) -> "Stub":
        return self

    def __getattr__(self, name: str) -> Any:
        (interface,) = (each for each in INTERFACES if hasattr(each, name))

        def method(ctx: object, **given: Any) -> Any:
            inspect.signature(getattr(interface, name)).bind(self, ctx, **given)
            self.asked.append((name, given))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method
