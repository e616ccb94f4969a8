"""From a list request's query to a ServerQuery."""

import datetime
from typing import Any

from oslo_utils import strutils, timeutils

from novalike.api.policies import servers as policies
from novalike.api.request import ApiRequest, parse_page
from novalike.api.schemas import servers as schemas
from novalike.api.schemas.parameters import MAX_INT
from novalike.api.schemas.server_tags import MAX_TAGS
from novalike.bus.servers import ServerQuery
from novalike.objects import errors, lifecycle

# What users who are no administrators may filter by; the rest is ignored.
_FOR_ALL = frozenset({"reservation_id", "name", "status", "image", "flavor", "ip", "changes-since", "all_tenants"})
_FOR_ALL_SINCE = (
    ("2.5", frozenset({"ip6"})),
    ("2.26", frozenset({"tags", "tags-any", "not-tags", "not-tags-any"})),
    ("2.66", frozenset({"changes-before"})),
    ("2.73", frozenset({"locked"})),
    (
        "2.83",
        frozenset({"availability_zone", "config_drive", "key_name", "created_at", "launched_at", "terminated_at",
                   "power_state", "task_state", "vm_state", "progress", "user_id"}),
    ),
    ("2.90", frozenset({"hostname"})),
)  # fmt: skip
# Not filters: how the list is ordered and cut.
_NO_FILTERS = frozenset({"sort_key", "sort_dir", "limit", "marker", "all_tenants", "status", "deleted",
                         "soft_deleted", "changes-since", "changes-before", "tags", "tags-any", "not-tags",
                         "not-tags-any", "locked", "tenant_id", "project_id", "description"})  # fmt: skip
# The API's word → ours.
_RENAMED = {"image": "image_ref", "flavor": "flavor_id", "display_name": "name", "display_description": "description"}
# What no server shows as its status can't be asked for.
_STATUSES = lifecycle.STATUSES - {"UNKNOWN"}
_NUMBERS = frozenset({"power_state", "progress", "launch_index"})


def read_query(req: ApiRequest, max_limit: int, all_rule: str) -> ServerQuery | None:
    """What a list request means; None is "nothing can match".

    :param all_rule: the policy of looking at all projects.
    :raises Invalid: a filter that isn't one, or a value that can't be.
    :raises Forbidden: not for this caller.
    """
    given = _allowed(req)
    for name in given:
        if name in schemas.JOINED or name.startswith("_"):
            raise errors.Invalid(f"Invalid filter field: {name}.")
    statuses = tuple(value.upper() for value in given.get("status", ())) or None
    if statuses is not None and not _STATUSES.intersection(statuses):
        if req.since("2.38"):
            raise errors.Invalid("Invalid status value")
        return None
    since, before = _time(given, "changes-since"), _time(given, "changes-before")
    if since and before and before < since:
        raise errors.Invalid("The value of changes-since must be less than or equal to changes-before.")
    deleted = _deleted(req, given, statuses, bool(since or before))
    all_projects = _all_tenants(req)
    if all_projects:
        req.authorize(all_rule)
    limit, marker = parse_page(req, max_limit)
    sort = _sort(req)
    tags, not_tags = _tags(given, "tags"), _tags(given, "not-tags")
    if len(tags) > MAX_TAGS:
        return None  # no server has so many
    try:
        filters = _filters(given)
    except _NothingMatches:
        return None
    return ServerQuery(
        project_id=_project(req, given, all_projects),
        filters=filters,
        deleted=deleted,
        changes_since=since,
        changes_before=before,
        statuses=statuses,
        tags=tags,
        tags_any=_tags(given, "tags-any"),
        # No server has all of so many.
        not_tags=not_tags if len(not_tags) <= MAX_TAGS else (),
        not_tags_any=_tags(given, "not-tags-any"),
        sort=sort,
        limit=limit,
        marker=marker or None,
    )


def _allowed(req: ApiRequest) -> dict[str, list[str]]:
    """The parameters that this caller may use."""
    if req.may(policies.ALL_FILTERS):
        return dict(req.query)
    names = set(_FOR_ALL) | {"sort_key", "sort_dir", "limit", "marker"}
    for version, more in _FOR_ALL_SINCE:
        if req.since(version):
            names |= more
    return {name: values for name, values in req.query.items() if name in names}


def _time(given: dict[str, list[str]], name: str) -> datetime.datetime | None:
    if name not in given:
        return None
    try:
        return timeutils.normalize_time(timeutils.parse_isotime(given[name][-1]))
    except (ValueError, OverflowError):  # none, or one before or after all time
        raise errors.Invalid(f"Invalid filter field: {name}.") from None


def _deleted(
    req: ApiRequest, given: dict[str, list[str]], statuses: tuple[str, ...] | None, by_changes: bool
) -> bool | None:
    """Whether deleted servers are meant; None is "as well".

    :raises Forbidden: that is for administrators.
    """
    if statuses == ("DELETED",):
        if not req.ctx.is_admin:
            raise errors.Forbidden("Only administrators may list deleted instances")
        return True
    if "deleted" in given:
        return strutils.bool_from_string(given["deleted"][-1], default=False)
    return None if by_changes else False


def _all_tenants(req: ApiRequest) -> bool:
    text = req.last("all_tenants")
    if text is None:
        return False
    if text == "":
        return True
    try:
        return strutils.bool_from_string(text, strict=True)
    except ValueError as error:
        raise errors.Invalid(str(error)) from None


def _project(req: ApiRequest, given: dict[str, list[str]], all_projects: bool) -> str | None:
    if not all_projects:
        return req.ctx.project_id or ""
    for name in ("project_id", "tenant_id"):
        if given.get(name):
            return given[name][-1]
    return None


class _NothingMatches(Exception):
    """A value that no server can have."""


def _filters(given: dict[str, list[str]]) -> dict[str, Any]:
    """
    :raises _NothingMatches: so the list is empty.
    :raises Invalid: ``locked`` is neither true nor false.
    """
    found: dict[str, Any] = {}
    for name, values in given.items():
        if name in _NO_FILTERS:
            continue
        value: Any = values[-1]
        if name in _NUMBERS:
            try:
                value = int(value)
            except ValueError:
                raise _NothingMatches() from None
            if abs(value) > MAX_INT:
                raise _NothingMatches()
        found[_RENAMED.get(name, name)] = value
    if "locked" in given:
        text = given["locked"][-1]
        try:
            found["locked"] = strutils.bool_from_string(text, strict=True)
        except ValueError as error:
            raise errors.Invalid(str(error)) from None
    return found


def _tags(given: dict[str, list[str]], name: str) -> tuple[str, ...]:
    """Different tags, in the order in which they were given."""
    return tuple(dict.fromkeys(given[name][-1].split(","))) if name in given else ()


def _sort(req: ApiRequest) -> tuple[tuple[str, str], ...]:
    """
    :raises Invalid: more directions than keys, or one that is none.
    :raises Forbidden: a key for administrators.
    """
    keys = list(req.query.get("sort_key", ["created_at"]))
    directions = list(req.query.get("sort_dir", ["desc"]))
    for key in [key for key in keys if _is_ignored(req, key)]:
        # It takes its direction along.
        place = keys.index(key)
        del keys[place], directions[place : place + 1]
    for key in keys:
        if key in ("host", "node") and not req.ctx.is_admin:
            raise errors.Forbidden(f"Only administrators can sort servers by {key}")
    if any(direction not in ("asc", "desc") for direction in directions):
        raise errors.Invalid("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
    if keys and len(directions) > len(keys):
        raise errors.Invalid("Invalid input received: Sort direction size exceeds sort key size")
    first = directions[0] if directions else "asc"
    directions += [first] * (len(keys) - len(directions))
    # Given again, a key sorts nothing that it hasn't sorted before.
    wanted: dict[str, str] = {}
    for key, direction in zip(keys, directions, strict=False):
        wanted.setdefault("locked_by" if key == "locked" else key, direction)
    return tuple(wanted.items())


def _is_ignored(req: ApiRequest, key: str) -> bool:
    if key == "locked":
        return not req.since("2.73")
    return key in schemas.IGNORED_SORT_KEYS
