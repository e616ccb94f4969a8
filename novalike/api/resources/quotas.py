"""``/os-quota-sets``, ``/os-quota-class-sets``, ``/limits``."""

from typing import Any

from oslo_utils import strutils

from novalike.api.policies import quotas as policies
from novalike.api.request import ApiRequest
from novalike.api.views import quotas as views
from novalike.bus.quotas import QuotaCommands, QuotaReads
from novalike.clients.keystone import KeystoneClient
from novalike.objects import errors


class QuotaSets:
    """What projects, and users in them, may have."""

    def __init__(self, reads: QuotaReads, commands: QuotaCommands, keystone: KeystoneClient) -> None:
        self._reads = reads
        self._commands = commands
        self._keystone = keystone

    def _check(self, req: ApiRequest, rule: str, project_id: str) -> None:
        """
        :raises Forbidden: not for this caller.
        :raises Invalid: there is no such project.
        """
        req.authorize(rule, {"project_id": project_id})
        self._keystone.check_project(req.ctx, project_id)

    def show(self, req: ApiRequest, project_id: str) -> dict[str, Any]:
        self._check(req, policies.SHOW, project_id)
        user_id = req.first("user_id") or None
        quotas = self._reads.get_quotas(req.ctx, project_id=project_id, user_id=user_id)
        return views.quota_set(req, project_id, quotas.limits)

    def detail(self, req: ApiRequest, project_id: str) -> dict[str, Any]:
        self._check(req, policies.DETAIL, project_id)
        user_id = req.last("user_id") or None
        quotas = self._reads.get_quotas(req.ctx, project_id=project_id, user_id=user_id, with_usage=True)
        return views.quota_set_detail(req, project_id, quotas)

    def defaults(self, req: ApiRequest, project_id: str) -> dict[str, Any]:
        self._check(req, policies.DEFAULTS, project_id)
        return views.quota_set(req, project_id, self._reads.get_class_quotas(req.ctx, name="default"))

    def update(self, req: ApiRequest, project_id: str) -> dict[str, Any]:
        self._check(req, policies.UPDATE, project_id)
        asked = dict(req.body["quota_set"])
        force = strutils.bool_from_string(asked.pop("force", False))
        limits = {resource: int(limit) for resource, limit in asked.items()}
        user_id = req.first("user_id") or None
        quotas = self._commands.set_quotas(
            req.ctx, project_id=project_id, limits=limits, user_id=user_id, force=force
        )
        return views.quota_set(req, None, quotas.limits)

    def delete(self, req: ApiRequest, project_id: str) -> None:
        req.authorize(policies.DELETE, {"project_id": project_id})
        self._commands.reset_quotas(req.ctx, project_id=project_id, user_id=req.first("user_id") or None)


class QuotaClassSets:
    """Limits under a name. Only the class ``default`` has an effect."""

    def __init__(self, reads: QuotaReads, commands: QuotaCommands) -> None:
        self._reads = reads
        self._commands = commands

    def show(self, req: ApiRequest, name: str) -> dict[str, Any]:
        return views.class_set(req, name, self._reads.get_class_quotas(req.ctx, name=name))

    def update(self, req: ApiRequest, name: str) -> dict[str, Any]:
        if len(name) > 255:
            raise errors.Invalid(f"quota_class_name has {len(name)} characters, more than 255.")
        limits = {resource: int(limit) for resource, limit in req.body["quota_class_set"].items()}
        return views.class_set(req, None, self._commands.set_class_quotas(req.ctx, name=name, limits=limits))


class Limits:
    """A project's limits and what is used of them."""

    def __init__(self, reads: QuotaReads) -> None:
        self._reads = reads

    def index(self, req: ApiRequest) -> dict[str, Any]:
        project_id = req.last("tenant_id")
        if project_id is None:
            project_id = str(req.ctx.project_id)
        else:
            req.authorize(policies.LIMITS_OF_OTHERS)
        return views.limits(req, self._reads.get_quotas(req.ctx, project_id=project_id, with_usage=True))
