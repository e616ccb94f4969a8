"""From errors to HTTP: the one table, and the body of a fault."""

import http
from collections.abc import Callable
from typing import Any

import msgspec

from novalike.objects import errors

# Seconds after which whoever was told 503 may ask again: about what a broker or a database takes to be restarted.
RETRY_AFTER = "5"
CONTENT_TYPE = "application/json; charset=UTF-8"

# Kinds of error, most specific first.
STATUS: tuple[tuple[type[errors.NovalikeError], int], ...] = (
    (errors.BuildAborted, 400),
    (errors.Invalid, 400),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.NotAcceptable, 406),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.UnsupportedMedia, 415),
    (errors.NotSupported, 501),
    (errors.Unavailable, 503),
)

NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}

UNEXPECTED = (
    "Unexpected API Error. Please report it with the request id in this answer's X-Openstack-Request-Id header, "
    "and attach the novalike API log if possible."
)


def status_of(error: errors.NovalikeError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def body(status: int, message: str) -> dict[str, object]:
    """A fault as clients know it."""
    fault: dict[str, object] = {"code": status, "message": message}
    if status in (413, 429):
        fault["retryAfter"] = "0"
    return {NAMES.get(status, "computeFault"): fault}


def answer(start_response: Callable[..., Any], status: int, message: str) -> list[bytes]:
    """A fault as a WSGI answer, for what is answered outside of the application."""
    start_response(f"{status} {http.HTTPStatus(status).phrase}", [("Content-Type", CONTENT_TYPE)])
    return [msgspec.json.encode(body(status, message))]
