"""Who asks, in which microversion, for which project: Falcon middleware, before routing."""

import re
from collections.abc import Callable

import falcon
from oslo_config import cfg

from novalike.api import microversion
from novalike.api.middleware import request_id
from novalike.objects import errors
from novalike.objects.context import RequestContext

_NOWHERE = "/-/-/-"
_PROJECT = re.compile(r"^[0-9a-f-]+$")


class Context:
    """Fills ``req.context``: ``ctx``, ``version``, ``url``, ``prefix``; cuts version and project off the path.

    :param is_admin: decides whether the caller is an administrator.
    :param collections: first path segments that are resources, and so no project ids.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, is_admin: Callable[[RequestContext], bool], collections: frozenset[str]
    ) -> None:
        self._conf = conf
        self._is_admin = is_admin
        self._collections = collections

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Called by Falcon before it looks for the route."""
        req.context.version = None
        req.context.prefix = ""
        req.context.project = None
        req.context.url = (self._conf.api.compute_link_prefix or req.prefix).rstrip("/")
        prefix, _, rest = req.path.lstrip("/").partition("/")
        if prefix not in ("v2.1", "v2"):
            # Below no version there are no resources, only a choice of versions.
            req.context.asked_path, req.path = req.path, _NOWHERE
            return
        req.context.prefix = prefix
        if prefix == "v2":
            req.context.version = microversion.MINIMUM
        else:
            try:
                req.context.version = microversion.of_request(_headers(req))
            except microversion.Unsupported as error:
                req.context.asked_version = error.version
                raise
        req.context.ctx = self._context(req)
        segment, _, after = rest.partition("/")
        if segment not in self._collections and _PROJECT.match(segment):
            req.context.project = segment
            rest = after
        if rest.endswith("/"):
            raise falcon.HTTPRouteNotFound()
        # One set of routes serves both versions and both ways to write a path.
        req.path = f"/{rest}" if rest else "/v2.1"

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        """Called by Falcon once it has found the route.

        :raises Invalid: the path names a project that isn't the caller's.
        """
        project = req.context.project
        if project is not None and project != req.context.ctx.project_id:
            raise errors.Invalid(
                f"Malformed request URL: URL's project_id '{project}' doesn't match Context's project_id "
                f"'{req.context.ctx.project_id}'"
            )

    def _context(self, req: falcon.Request) -> RequestContext:
        environ = req.env
        ctx: RequestContext = RequestContext.from_environ(
            environ,
            request_id=environ.get(request_id.ENVIRON),
            global_request_id=environ.get(request_id.GLOBAL_ENVIRON),
            overwrite=True,
        )
        ctx.is_admin = False
        ctx.is_admin = self._is_admin(ctx)
        return ctx

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Called by Falcon after the answer is known: say which microversion it is in."""
        version = getattr(req.context, "asked_version", None) or getattr(req.context, "version", None)
        # HTML is the answer to a path that is none, which has no version.
        if version is None or req.context.prefix == "v2":
            return
        if resp.status_code >= 400 and (resp.content_type or "").startswith("text/html"):
            return
        resp.set_header("OpenStack-API-Version", f"compute {version}")
        resp.set_header("X-OpenStack-Nova-API-Version", str(version))
        resp.append_header("Vary", "OpenStack-API-Version")
        resp.append_header("Vary", "X-OpenStack-Nova-API-Version")


def _headers(req: falcon.Request) -> dict[str, str]:
    return {
        name: value
        for name, value in (
            ("openstack-api-version", req.get_header("OpenStack-API-Version")),
            ("x-openstack-nova-api-version", req.get_header("X-OpenStack-Nova-API-Version")),
        )
        if value is not None
    }


