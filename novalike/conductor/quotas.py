"""Quotas: answers and changes. Counting them against a request is in ``quota``."""

import math
from collections.abc import Mapping

from oslo_config import cfg

from novalike.conductor import quota_check
from novalike.conductor.cells import Cells
from novalike.db import handled_requests
from novalike.db.api import quotas as quotas_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.quota import OF_PROJECTS_ONLY, Quotas


class QuotaReadsHandler:
    """Serves ``bus.quotas.QuotaReads``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def get_quotas(
        self, ctx: RequestContext, *, project_id: str, user_id: str | None = None, with_usage: bool = False
    ) -> Quotas:
        limits = self._cells.api.query(lambda c: quota_check.effective_limits(c, self._conf, project_id, user_id or ""))
        return Quotas(limits=limits, used=quota_check.usage(self._cells, project_id, user_id) if with_usage else {})

    def get_class_quotas(self, ctx: RequestContext, *, name: str) -> dict[str, int]:
        return self._cells.api.query(lambda c: _of_class(c, self._conf, name))


def _of_class(connection: Connection, conf: cfg.ConfigOpts, name: str) -> dict[str, int]:
    set_ = quotas_db.class_limits(connection, name)
    return {resource: set_.get(resource, limit) for resource, limit in quota_check.configured_limits(conf).items()}


class QuotaCommandsHandler:
    """Serves ``bus.quotas.QuotaCommands``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def set_quotas(
        self, ctx: RequestContext, *, project_id: str, limits: dict[str, int], user_id: str | None = None, force: bool
    ) -> Quotas:
        used = {} if force or not limits else quota_check.usage(self._cells, project_id, user_id)
        now = self._cells.api.utcnow()

        def write(connection: Connection) -> dict[str, int]:
            if not handled_requests.is_new(connection, ctx.request_id, f"set_quotas {project_id}", now):
                return quota_check.effective_limits(connection, self._conf, project_id, user_id or "")
            if not force:
                _check(connection, self._conf, project_id, user_id, limits, used)
            for resource, limit in limits.items():
                owner = "" if user_id is None or resource in OF_PROJECTS_ONLY else user_id
                quotas_db.set_limit(connection, project_id, owner, resource, limit)
            return quota_check.effective_limits(connection, self._conf, project_id, user_id or "")

        return Quotas(limits=self._cells.api.write(write))

    def reset_quotas(self, ctx: RequestContext, *, project_id: str, user_id: str | None = None) -> None:
        now = self._cells.api.utcnow()

        def write(connection: Connection) -> None:
            if handled_requests.is_new(connection, ctx.request_id, f"reset_quotas {project_id}", now):
                quotas_db.forget(connection, project_id, user_id)

        self._cells.api.write(write)

    def set_class_quotas(self, ctx: RequestContext, *, name: str, limits: dict[str, int]) -> dict[str, int]:
        now = self._cells.api.utcnow()

        def write(connection: Connection) -> dict[str, int]:
            if handled_requests.is_new(connection, ctx.request_id, f"set_class_quotas {name}", now):
                for resource, limit in limits.items():
                    quotas_db.set_class_limit(connection, name, resource, limit)
            return _of_class(connection, self._conf, name)

        return self._cells.api.write(write)


def _check(
    connection: Connection,
    conf: cfg.ConfigOpts,
    project_id: str,
    user_id: str | None,
    limits: Mapping[str, int],
    used: Mapping[str, int],
) -> None:
    """
    :raises Invalid: less than is used or was given to users, or more than the project has left for this user.
    """
    of_project = quota_check.effective_limits(connection, conf, project_id)
    own = quotas_db.limits(connection, project_id, user_id)["user"] if user_id else {}
    given = quotas_db.given_to_users(connection, project_id)
    for resource, limit in limits.items():
        bound = of_project[resource]
        left = bound - given.get(resource, 0)
        if user_id:
            minimum = used.get(resource, 0)
            mine = own.get(resource, 0)
            maximum = -1 if left <= -1 or mine <= -1 else left + mine
        else:
            minimum = max(-1 if bound <= -1 or left <= -1 else bound - left, used.get(resource, 0))
            maximum = -1
        if _ranked(limit) < _ranked(minimum):
            raise errors.Invalid(
                f"Quota limit {limit} for {resource} must be greater than or equal to already used and reserved "
                f"{minimum}."
            )
        if _ranked(limit) > _ranked(maximum):
            raise errors.Invalid(f"Quota limit {limit} for {resource} must be less than or equal to {maximum}.")


def _ranked(limit: int) -> float:
    return math.inf if limit == -1 else limit
