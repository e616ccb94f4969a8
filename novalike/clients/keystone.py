"""Projects, from Keystone."""

import logging
from urllib.parse import quote

from oslo_config import cfg

from novalike.clients.retrying import Retrying
from novalike.clients.session import ServiceSession
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)


class KeystoneClient:
    """What we ask of Keystone.

    :param session: how Keystone is reached; unset, as ``[keystone]`` says.
    """

    def __init__(self, conf: cfg.ConfigOpts, session: ServiceSession | None = None) -> None:
        self._session = session or ServiceSession(conf, "keystone")
        self._rest = Retrying(self._session, retries=conf.keystone.num_retries)

    def check_project(self, ctx: RequestContext, project_id: str) -> None:
        """Refuse an id that is certainly no project's.

        Asked in the user's name: who may not read projects, or asks while Keystone is away, is believed.

        :raises Invalid: there is no such project.
        """
        try:
            root = "" if self._session.endpoint().rstrip("/").endswith("/v3") else "/v3"
            status = self._rest.request("GET", f"{root}/projects/{quote(project_id, safe='')}", user=ctx).status_code
        except errors.Unavailable as error:
            LOG.info("project %s is taken for one that exists: %s", project_id, error)
            return
        if status == 404:
            raise errors.Invalid(f"Project ID {project_id} is not a valid project.")
        if status != 200:
            LOG.info("project %s is taken for one that exists: Keystone answered %s", project_id, status)
