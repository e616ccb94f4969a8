"""How an interface of the bus is declared, and what is derived from a declaration.

An interface is a class that lists methods with typed arguments and no bodies::

    class Greeter(Interface):
        topic = "greeter"

        @call(timeout=10, repeatable=True)
        def greet(self, ctx: RequestContext, *, name: str) -> str:
            "Say hello."

        @call(repeatable=True, since="1.1", added={"loudly": "1.2"})
        def say(self, ctx: RequestContext, *, text: str, loudly: bool = False) -> None:
            "Say something. There since version 1.1 of the interface, and ``loudly`` since 1.2."

The client (:func:`novalike.bus.transport.Transport.client`) and the server are made from it. Arguments and
results are encoded by msgspec into one JSON string;
values are checked against the annotations on arrival. What versions are for is in :mod:`novalike.bus.versions`.
"""

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
    :param since: the version of the interface that brought it.
    :param added: arguments that came later than the method → the version that brought them.
    :param arguments: the struct that the arguments are encoded as.
    :param result: what the answer is decoded to.
    """

    name: str
    is_cast: bool
    timeout: float | None
    repeatable: bool
    since: str
    added: dict[str, str]
    arguments: type
    result: Any
    encode: Callable[[Any], bytes]
    decode_arguments: Callable[[str | msgspec.Raw], Any]
    decode_result: Callable[[str | bytes | msgspec.Raw], Any]


class _Mark(typing.NamedTuple):
    """What a decorator says of a method."""

    is_cast: bool
    timeout: float | None
    repeatable: bool
    since: str
    added: dict[str, str]


def call(
    *, timeout: float | None = None, repeatable: bool = False, since: str = "1.0", added: dict[str, str] | None = None
) -> Callable[[F], F]:
    """A method that is answered.

    :param since: the version of the interface that brings it.
    :param added: arguments that came later → the version that brought them. They must have a default.
    """

    def mark(function: F) -> F:
        function._bus = _Mark(False, timeout, repeatable, since, added or {})  # type: ignore[attr-defined]
        return function

    return mark


@typing.overload
def cast(function: F) -> F: ...
@typing.overload
def cast(*, since: str = "1.0", added: dict[str, str] | None = None) -> Callable[[F], F]: ...
def cast(function: Any = None, *, since: str = "1.0", added: dict[str, str] | None = None) -> Any:
    """A method that is not answered: a hint, which may be lost, doubled or late. For the arguments see :func:`call`."""

    def mark(function: F) -> F:
        function._bus = _Mark(True, None, True, since, added or {})  # type: ignore[attr-defined]
        return function

    return mark if function is None else mark(function)


def parse_version(version: str) -> tuple[int, int]:
    """"1.2" as (1, 2).

    :raises ValueError: it is no version.
    """
    major, minor = version.split(".")
    return int(major), int(minor)


class Interface:
    """Base of all interfaces.

    :cvar topic: the queue's name, shared by interfaces of one purpose.
    :cvar version: the greatest version of all methods and arguments; a class that says one itself says one at least
        as great.
    """

    topic: typing.ClassVar[str]
    version: typing.ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Derive the version.

        :raises TypeError: methods and arguments have versions that don't fit together.
        """
        marks = {name: value._bus for name, value in vars(cls).items() if hasattr(value, "_bus")}
        for name, mark in marks.items():
            parameters = inspect.signature(vars(cls)[name]).parameters
            for argument, version in mark.added.items():
                if argument not in parameters or parameters[argument].default is inspect.Parameter.empty:
                    raise TypeError(f"{cls.__name__}.{name}: {argument} was added later, so it needs a default")
                if parse_version(version) <= parse_version(mark.since):
                    raise TypeError(f"{cls.__name__}.{name}: {argument} is not newer than its method")
        versions = {version for mark in marks.values() for version in (mark.since, *mark.added.values())} or {"1.0"}
        if len({parse_version(version)[0] for version in versions}) > 1:
            raise TypeError(f"{cls.__name__}: methods of several major versions, and a peer serves one")
        greatest = max(versions, key=parse_version)
        said = vars(cls).get("version", greatest)
        if parse_version(said)[0] != parse_version(greatest)[0] or parse_version(said) < parse_version(greatest):
            raise TypeError(f"{cls.__name__} says that it is version {said}, and its methods that it is {greatest}")
        cls.version = said


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
    mark: _Mark = function._bus  # type: ignore[attr-defined]
    result = hints.get("return")
    return Method(
        name=name,
        **mark._asdict(),
        arguments=arguments,
        result=result,
        encode=msgspec.json.Encoder().encode,
        decode_arguments=msgspec.json.Decoder(arguments).decode,
        decode_result=msgspec.json.Decoder(result).decode,
    )
