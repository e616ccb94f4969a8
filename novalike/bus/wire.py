"""The two envelopes of a message: what is asked, and what is answered.

Asked is ``{"p": <arguments as JSON>}``; answered is ``{"r": <result as JSON>}`` or ``{"e": {...}}`` for an error,
which is raised again at the caller's as the same class (``objects.errors``). oslo.messaging's own remote exceptions
are not used: they cost a traceback's worth of text per expected error.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from novalike.bus.interface import Method
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)


def ask(method: Method, arguments: dict[str, Any]) -> str:
    """The arguments, encoded.

    :raises TypeError: an argument is missing or unknown.
    """
    return method.encode(method.arguments(**arguments)).decode()


def answer(
    method: Method, handler: Callable[..., Any], context: dict[str, Any], payload: str | msgspec.Raw
) -> dict[str, Any] | None:
    """Run a handler on what was asked, and encode what it says."""
    ctx = RequestContext.from_wire(context)
    ctx.update_store()
    try:
        asked = method.decode_arguments(payload)
        result = handler(ctx, **{name: getattr(asked, name) for name in asked.__struct_fields__})
        return None if method.is_cast else {"r": method.encode(result)}
    except errors.NovalikeError as error:
        if method.is_cast:
            LOG.warning("%s failed: %s", method.name, error)
            return None
        return {"e": error.to_wire()}
    except Exception as error:
        LOG.exception("%s failed", method.name)
        if method.is_cast:
            return None
        return {"e": errors.Internal(f"{type(error).__name__} in {method.name}").to_wire()}


def read(method: Method, reply: dict[str, Any]) -> Any:
    """What was answered.

    :raises NovalikeError: the server raised it.
    """
    if "e" in reply:
        raise errors.NovalikeError.from_wire(reply["e"])
    return method.decode_result(reply["r"])
