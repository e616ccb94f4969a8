"""``/os-migrations``: the migrations of all servers."""

from typing import Any

from oslo_config import cfg
from oslo_utils import strutils

from novalike.api.policies import migrations as policies
from novalike.api.request import ApiRequest, parse_changes, parse_page
from novalike.api.views import migrations as views
from novalike.bus.migrations import MigrationQuery, MigrationReads
from novalike.objects.migration import Migration

# The query's word for what is compared with a value.
_FILTERS = ("host", "instance_uuid", "source_compute", "status", "migration_type", "user_id", "project_id")


class Migrations:
    """Migrations that are not hidden, of servers that are not deleted."""

    def __init__(self, conf: cfg.ConfigOpts, reads: MigrationReads) -> None:
        self._conf = conf
        self._reads = reads

    def index(self, req: ApiRequest) -> dict[str, Any]:
        """All of them; from 2.59 the newest first, in pages."""
        project_id = req.last("project_id")
        if not project_id or project_id != req.ctx.project_id:
            req.authorize(policies.INDEX_ALL_PROJECTS)
        query = self._read_query(req)
        found: tuple[Migration, ...] = ()
        # Hidden ones may be asked for, and are not shown.
        if not strutils.bool_from_string(req.last("hidden", "false")):
            found = self._reads.list_migrations(req.ctx, query=query)
        with_hosts = req.may(policies.INDEX_HOST)
        answer: dict[str, Any] = {"migrations": [views.migration(req, each, with_hosts=with_hosts) for each in found]}
        if query.limit and len(found) == query.limit:
            answer["migrations_links"] = req.next_link(found[-1].uuid, "os-migrations")
        return answer

    def _read_query(self, req: ApiRequest) -> MigrationQuery:
        """
        :raises Invalid: a limit that is none, or a period that ends before it begins.
        """
        filters: dict[str, Any] = {name: req.last(name) for name in _FILTERS}
        if not req.since("2.59"):
            return MigrationQuery(newest_first=False, **filters)
        limit, marker = parse_page(req, self._conf.api.max_limit)
        since, before = parse_changes(req)
        return MigrationQuery(
            limit=limit, marker=marker or None, changes_since=since, changes_before=before, **filters
        )
