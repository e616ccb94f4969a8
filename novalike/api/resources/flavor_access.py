"""``/flavors/{flavor_id}/os-flavor-access``, and the actions that change it."""

from typing import Any

from novalike.api.microversion import Version
from novalike.api.request import ApiRequest
from novalike.api.views import flavors as views
from novalike.bus.flavors import FlavorCommands, FlavorReads
from novalike.clients.keystone import KeystoneClient

_REFUSES_PUBLIC = Version(2, 7)


class FlavorAccess:
    """Which projects may use a private flavor."""

    def __init__(self, reads: FlavorReads, commands: FlavorCommands, keystone: KeystoneClient) -> None:
        self._reads = reads
        self._commands = commands
        self._keystone = keystone

    def index(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        return views.access(flavor_id, self._reads.list_access(req.ctx, flavor_id=flavor_id))

    def add(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        project_id = req.body["addTenantAccess"]["tenant"]
        self._keystone.check_project(req.ctx, project_id)
        projects = self._commands.add_access(
            req.ctx, flavor_id=flavor_id, project_id=project_id, refuse_public=req.version >= _REFUSES_PUBLIC
        )
        return views.access(flavor_id, projects)

    def remove(self, req: ApiRequest, flavor_id: str) -> dict[str, Any]:
        # Whether the project still exists doesn't matter here.
        project_id = req.body["removeTenantAccess"]["tenant"]
        projects = self._commands.remove_access(req.ctx, flavor_id=flavor_id, project_id=project_id)
        return views.access(flavor_id, projects)
