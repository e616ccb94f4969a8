"""A service session without a network: answers are given by a function."""

import io
import json as jsonlib
from collections.abc import Callable
from typing import Any, NamedTuple

import requests
from urllib3 import HTTPResponse

from novalike.objects import errors


class Asked(NamedTuple):
    method: str
    path: str
    json: Any
    params: Any
    headers: dict[str, str]
    token: str | None


def answer(status: int, body: Any = None, *, headers: dict[str, str] | None = None) -> requests.Response:
    """A response; a body of bytes is sent as it is, anything else as JSON."""
    raw = body if isinstance(body, bytes) else b"" if body is None else jsonlib.dumps(body).encode()
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    response.raw = HTTPResponse(body=io.BytesIO(raw), preload_content=False, headers=headers, status=status)
    return response


class FakeSession:
    """Has ``ServiceSession``'s interface. ``respond`` gives a response, or raises."""

    section = "fake"

    def __init__(self, respond: Callable[[Asked], requests.Response]) -> None:
        self.respond = respond
        self.asked: list[Asked] = []

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Any = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
        **options: Any,
    ) -> requests.Response:
        asked = Asked(method, path, json, params, dict(headers or {}), token)
        self.asked.append(asked)
        return self.respond(asked)


def refuse(_asked: Asked) -> requests.Response:
    """A service that isn't there."""
    raise errors.Unavailable(reason="fake can't be reached")
