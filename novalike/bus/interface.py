"""How an interface of the bus is declared, and what is derived from a declaration.

An interface is a class that lists methods with typed arguments and no bodies::

    class Greeter(Interface):
        topic = "greeter"
        version = "1.0"

        @call(timeout=10, repeatable=True)
        def greet(self, ctx: RequestContext, *, name: str) -> str:
            "Say hello."

The client (:func:`novalike.bus.transport.Transport.client`) and the server are made from it. Arguments and
results are encoded by msgspec into one JSON string, so oslo.messaging carries a string and nothing else;
values are checked against the annotations on arrival.
"""

import hashlib
import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

F = TypeVar("F", bound=Callable[..., Any])


class Method(typing.NamedTuple):
    """A method of an interface.

    :param is_cast: nobody waits for an answer, and none is sent.
    :param timeout: seconds that a caller waits; None is the transport's default.
    :param repeatable: doing it twice does no harm, so a call that timed out may be sent again.
    :param arguments: the struct that the arguments are encoded as.
    :param result: what the answer is decoded to.
    """

    name: str
    is_cast: bool
    timeout: float | None
    repeatable: bool
    arguments: type
    result: Any
    encode: Callable[[Any], bytes]
    decode_arguments: Callable[[str | msgspec.Raw], Any]
    decode_result: Callable[[str | bytes | msgspec.Raw], Any]


def call(*, timeout: float | None = None, repeatable: bool = False) -> Callable[[F], F]:
    """A method that is answered."""

    def mark(function: F) -> F:
        function._bus = (False, timeout, repeatable)  # type: ignore[attr-defined]
        return function

    return mark


def cast(function: F) -> F:
    """A method that is not answered: a hint, which may be lost, doubled or late."""
    function._bus = (True, None, True)  # type: ignore[attr-defined]
    return function


class Interface:
    """Base of all interfaces."""

    topic: typing.ClassVar[str]
    version: typing.ClassVar[str]


def methods(interface: type[Interface]) -> dict[str, Method]:
    """The methods of an interface, by name. Computed once per class."""
    cached = interface.__dict__.get("_methods")
    if cached is None:
        cached = {
            name: _method(interface, name, function)
            for name, function in vars(interface).items()
            if hasattr(function, "_bus")
        }
        interface._methods = cached  # type: ignore[attr-defined]
    return cached


def _method(interface: type[Interface], name: str, function: Callable[..., Any]) -> Method:
    hints = typing.get_type_hints(function)
    fields: list[Any] = []
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        annotation = hints[parameter.name]
        if parameter.default is inspect.Parameter.empty:
            fields.append((parameter.name, annotation))
        else:
            fields.append((parameter.name, annotation, parameter.default))
    arguments = msgspec.defstruct(f"{interface.__name__}_{name}", fields, kw_only=True, omit_defaults=True)
    is_cast, timeout, repeatable = function._bus  # type: ignore[attr-defined]
    result = hints.get("return")
    return Method(
        name=name,
        is_cast=is_cast,
        timeout=timeout,
        repeatable=repeatable,
        arguments=arguments,
        result=result,
        encode=msgspec.json.Encoder().encode,
        decode_arguments=msgspec.json.Decoder(arguments).decode,
        decode_result=msgspec.json.Decoder(result).decode,
    )


def fingerprint(interface: type[Interface]) -> str:
    """A digest of all that a peer depends on: topic, methods, the shape of arguments and results.

    A test holds it against the recorded one: a changed signature needs a new version.
    """
    lines = [interface.topic]
    for method in sorted(methods(interface).values()):
        schema = msgspec.json.schema(method.arguments)
        answer = msgspec.json.schema(method.result) if method.result is not type(None) else None
        lines.append(f"{method.name} {method.is_cast} {_shape(schema)} {_shape(answer)}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _shape(schema: Any) -> str:
    """A JSON schema without its prose."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: strip(v) for k, v in sorted(node.items()) if k not in ("title", "description")}
        if isinstance(node, list):
            return [strip(v) for v in node]
        return node

    return msgspec.json.encode(strip(schema)).decode()
