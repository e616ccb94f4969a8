"""Falcon resources made from the route table: what happens around every endpoint, in order.

microversion → endpoint exists in it → body and query match their schemas → policy → handler → answer as JSON.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import falcon
import msgspec
from oslo_config import cfg

from novalike.api import faults, microversion, validation
from novalike.api.request import Answer, ApiRequest
from novalike.api.route import Route
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)

ANY_QUERY: validation.Schema = {"type": "object"}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


# Query parameters at most. The longest list of filters that means anything has about sixty.
QUERY_MAX = 128
# How deep a body may be nested: far deeper than any that means something, far less deep than Python's recursion.
DEPTH_MAX = 64

# The kinds of body that are read as JSON.
JSON_TYPES = frozenset({"application/json", "application/vnd.openstack.compute+json", "text/plain"})


class OtherMicroversion(errors.NotFound):
    """The endpoint is there, but not in this microversion."""

    template = "The resource could not be found."


class Dispatcher:
    """Makes Falcon resources from routes.

    :param allowed: decides policy.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        allowed: Callable[[RequestContext, str, Mapping[str, Any]], bool],
    ) -> None:
        self._conf = conf
        self._allowed = allowed

    def resource(self, routes: Sequence[Route]) -> object:
        """A Falcon resource for all routes of one path."""
        by_method: dict[str, list[Route]] = {}
        for route in routes:
            by_method.setdefault(route.method, []).append(route)
        body = {f"on_{method.lower()}": self._responder(found) for method, found in by_method.items()}
        return type("Resource", (), body)()

    def _responder(self, routes: list[Route]) -> Callable[..., None]:
        def respond(_self: object, req: falcon.Request, resp: falcon.Response, **params: str) -> None:
            self._respond(routes, req, resp, params)

        return respond

    def _respond(
        self, routes: list[Route], req: falcon.Request, resp: falcon.Response, params: dict[str, str]
    ) -> None:
        if any("\0" in value for value in params.values()):
            raise errors.NotFound("The resource could not be found.")  # PostgreSQL takes no such text
        version: microversion.Version = req.context.version
        data = self._read_body(req) if any(route.body for route in routes) else None
        route = _choose(routes, version, data)
        request = ApiRequest(
            req.context.ctx,
            version,
            data,
            _read_query(req),
            req.context.url,
            req.context.prefix,
            req.path,
            self._allowed,
            req.context.project,
        )
        relaxed = req.context.prefix == "v2"
        if route.body is not None:
            schema = route.body.at(version)
            if schema is not None:
                validation.check(data, schema, relaxed=relaxed)
        schema = route.query.at(version) if route.query is not None else None
        if schema is not None:
            _check_query(request, schema)
        if route.policy is not None:
            request.authorize(route.policy)
        answer = route.handler(request, **params)
        if not request.authorized:
            raise errors.Internal(f"{route.method} {route.path} answered without asking for permission")
        self._answer(resp, route, answer)

    def _read_body(self, req: falcon.Request) -> Any:
        """
        :raises TooLarge: larger than [api] max_request_body_size.
        :raises UnsupportedMedia: of another kind.
        :raises Invalid: no JSON.
        """
        limit = self._conf.api.max_request_body_size
        if (req.content_length or 0) > limit:
            raise errors.TooLarge("Request is too large.")
        raw = req.bounded_stream.read(limit + 1)
        if len(raw) > limit:
            raise errors.TooLarge("Request is too large.")
        if req.content_type and req.content_type.partition(";")[0].strip().lower() not in JSON_TYPES:
            raise errors.UnsupportedMedia()
        if not raw:
            return None
        try:
            data = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise errors.Invalid("Malformed request body") from None
        if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _is_deeper(data, DEPTH_MAX):
            raise errors.Invalid(f"Malformed request body: it is nested more than {DEPTH_MAX} levels deep")
        return data

    @staticmethod
    def _answer(resp: falcon.Response, route: Route, answer: Any) -> None:
        status = route.status
        headers: Mapping[str, str] = {}
        if isinstance(answer, Answer):
            status, headers, answer = answer.status or status, answer.headers, answer.body
            for name, value in headers.items():
                resp.set_header(name, value)
        resp.status = status
        if answer is not None:
            resp.data = _encode(answer)
        elif status not in (204, 304):
            resp.data = b""
        if "Content-Type" not in headers:
            resp.content_type = falcon.MEDIA_JSON  # also of nothing, as clients have always seen it


def _choose(routes: list[Route], version: microversion.Version, data: Any) -> Route:
    """The route that is meant: by microversion and, for actions, by the body's key.

    :raises OtherMicroversion: none exists in this microversion.
    :raises Invalid: the body names no action.
    :raises NotFound: the body isn't even of the kind that could.
    """
    if routes[0].name is None:
        for route in routes:
            if route.exists_at(version):
                return route
        raise OtherMicroversion()
    if data and not isinstance(data, dict):
        raise errors.NotFound("The resource could not be found.")
    if not data or len(data) != 1:
        raise errors.Invalid("Malformed request body")
    wanted = [r for r in routes if r.name in data]
    if not wanted:
        raise errors.Invalid(f"There is no such action: {next(iter(data))}")
    for route in wanted:
        if route.exists_at(version):
            return route
    raise OtherMicroversion()


def _is_deeper(data: Any, levels: int) -> bool:
    """Whether lists and objects are in each other more than so many levels deep."""
    level = [data]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _read_query(req: falcon.Request) -> dict[str, list[str]]:
    """
    :raises Invalid: too many parameters, or one that no database can hold.
    """
    if not req.query_string:
        return {}
    found: dict[str, list[str]] = {}
    try:
        parameters = parse_qsl(req.query_string, keep_blank_values=True, max_num_fields=QUERY_MAX)
    except ValueError:
        raise errors.Invalid(f"There are more than {QUERY_MAX} query parameters.") from None
    for name, value in parameters:
        if "\0" in name or "\0" in value:
            raise errors.Invalid(f"Invalid input for query parameters {name}. There is a null character in it.")
        found.setdefault(name, []).append(value)
    return found


def _check_query(request: ApiRequest, schema: validation.Schema) -> None:
    """Check the query, and drop what the schema doesn't know where it lets that pass.

    :raises Invalid: it doesn't match.
    """
    validation.check(request.query, schema, in_query=True)
    known = schema.get("properties", {})
    if schema.get("additionalProperties", True) and known:
        searches = [validation.expression(pattern) for pattern in schema.get("patternProperties", ())]
        request.query = {
            name: values
            for name, values in request.query.items()
            if name in known or any(search(name) for search in searches)
        }


def write_fault(req: falcon.Request, resp: falcon.Response, status: int, message: str) -> None:
    """Answer with a fault."""
    resp.status = status
    resp.data = _encode(faults.body(status, message))
    resp.content_type = "application/json; charset=UTF-8"
    if status == 503:
        resp.set_header("Retry-After", faults.RETRY_AFTER)


def handle_error(req: falcon.Request, resp: falcon.Response, error: Exception, params: Any) -> None:
    """Falcon's error handler for everything."""
    if isinstance(error, falcon.HTTPRouteNotFound | falcon.HTTPMethodNotAllowed):
        resp.status = 404
        resp.data = NOT_FOUND
        resp.content_type = "text/html; charset=UTF-8"
    elif isinstance(error, errors.NovalikeError):
        status = faults.status_of(error)
        if status == 500:
            LOG.error("%s %s: %s", req.method, req.path, error)
        write_fault(req, resp, status, faults.UNEXPECTED if status == 500 else error.message)
    elif isinstance(error, falcon.HTTPError):
        write_fault(req, resp, error.status_code, error.description or error.title or "")
    else:
        LOG.exception("%s %s failed", req.method, req.path)
        write_fault(req, resp, 500, f"{faults.UNEXPECTED}\n{type(error)}")


NOT_FOUND = (
    b"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
    b"  The resource could not be found.<br /><br />\n\n\n\n </body>\n</html>"
)
