"""What an endpoint gets to know of a request, and what it may answer."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from oslo_utils import timeutils

from novalike.api.microversion import Version, parse
from novalike.objects import errors
from novalike.objects.context import RequestContext


class Answer(NamedTuple):
    """An answer with a status or headers other than the endpoint's usual ones. No body: None."""

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = {}


class ApiRequest:
    """A request: who asks, in which microversion, with what.

    :param query: parameter → all its values.
    :param url: of the API's root, as the client sees it, without the version (``http://host:8774``).
    :param project: the project that the request's path names, if it does: links name it, too.
    """

    __slots__ = ("_allowed", "authorized", "body", "ctx", "path", "prefix", "project", "query", "url", "version")

    def __init__(
        self,
        ctx: RequestContext,
        version: Version,
        body: Any,
        query: dict[str, list[str]],
        url: str,
        prefix: str,
        path: str,
        allowed: Callable[[RequestContext, str, Mapping[str, Any]], bool],
        project: str | None = None,
    ) -> None:
        self.ctx = ctx
        self.project = (project,) if project else ()
        self.version = version
        self.body = body
        self.query = query
        self.url = url
        self.prefix = prefix
        self.path = path
        self.authorized = False
        self._allowed = allowed

    def since(self, version: str) -> bool:
        """Whether the request's microversion is at least this one."""
        return self.version >= parse(version)

    def may(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Whether policy lets the caller do this to the target (the caller's own project, unless given)."""
        if target is None:
            target = {"project_id": self.ctx.project_id, "user_id": self.ctx.user_id}
        return self._allowed(self.ctx, rule, target)

    def authorize(self, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Insist on it.

        :raises Forbidden: policy does not let the caller.
        """
        self.authorized = True
        if not self.may(rule, target):
            raise errors.Forbidden(f"Policy doesn't allow {rule} to be performed.")

    @property
    def overrides_locks(self) -> bool:
        """Whether the caller may act on locked servers: whoever ``context_is_admin`` says is an administrator, whatever
        the action. (To take a lock of somebody else away is another right, ``unlock_override``.)"""
        return bool(self.ctx.is_admin)

    def first(self, name: str, default: str | None = None) -> str | None:
        """A query parameter's first value."""
        values = self.query.get(name)
        return values[0] if values else default

    def last(self, name: str, default: str | None = None) -> str | None:
        """A query parameter's last value."""
        values = self.query.get(name)
        return values[-1] if values else default

    def link(self, *parts: str) -> str:
        """The URL of a resource under the request's API version."""
        return "/".join((self.url, self.prefix, *self.project, *parts))

    def bookmark(self, *parts: str) -> str:
        """The URL of a resource without a version."""
        return "/".join((self.url, *self.project, *parts))

    def links(self, *parts: str) -> list[dict[str, str]]:
        """The two links that every resource has."""
        return [
            {"rel": "self", "href": self.link(*parts)},
            {"rel": "bookmark", "href": self.bookmark(*parts)},
        ]

    def next_link(self, marker: str, *parts: str) -> list[dict[str, str]]:
        """The link to the next page: this request with another marker, parameters in alphabetical order."""
        parameters = {name: self.query[name][-1] for name in sorted(self.query)} | {"marker": marker}
        return [{"rel": "next", "href": f"{self.link(*parts)}?{urlencode(parameters)}"}]


def parse_page(req: ApiRequest, max_limit: int) -> tuple[int, str | None]:
    """``limit`` and ``marker`` of a list request; no ``limit`` is ``max_limit``.

    :raises Invalid: ``limit`` is no number of that kind.
    """
    text = req.last("limit")
    limit = max_limit
    if text is not None:
        try:
            limit = int(text)
        except ValueError:
            raise errors.Invalid("limit param must be an integer") from None
        if limit < 0:
            raise errors.Invalid("limit param must be positive")
    return min(max_limit, limit), req.last("marker")


def parse_changes(req: ApiRequest) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """``changes-since`` and ``changes-before`` of a list request, in UTC and without a time zone.

    :raises Invalid: the second one is before the first, or one is before or after all time.
    """
    since, before = _moment(req, "changes-since"), _moment(req, "changes-before")
    if since is not None and before is not None and before < since:
        raise errors.Invalid("The value of changes-since must be less than or equal to changes-before.")
    return since, before


def _moment(req: ApiRequest, name: str) -> datetime.datetime | None:
    text = req.last(name)
    try:
        return None if text is None else timeutils.normalize_time(timeutils.parse_isotime(text))
    except OverflowError:
        raise errors.Invalid(f"Invalid input for query parameters {name}. Value: {text}. It is out of range.") from None


def format_time(moment: datetime.datetime | None) -> str | None:
    """``2026-11-20T10:00:00Z``."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time_micro(moment: datetime.datetime | None) -> str | None:
    """``2026-11-20T10:00:00.000000``."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
