"""Flavors, their extra specs, and who may use them."""

from novalike.api.policies import flavors as may
from novalike.api.resources.flavor_access import FlavorAccess
from novalike.api.resources.flavor_extra_specs import FlavorExtraSpecs
from novalike.api.resources.flavors import Flavors
from novalike.api.route import Action, Backends, Route, actions
from novalike.api.schemas import flavors as schemas
from novalike.bus.flavors import FlavorCommands, FlavorReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    reads, commands = backends.transport.client(FlavorReads), backends.transport.client(FlavorCommands)
    flavors = Flavors(backends.conf, reads, commands)
    access = FlavorAccess(reads, commands, backends.keystone)
    specs = FlavorExtraSpecs(reads, commands)
    one = "/flavors/{flavor_id}"
    return [
        Route("GET", "/flavors", flavors.index, None, query=schemas.index_query),
        Route("POST", "/flavors", flavors.create, may.CREATE, body=schemas.create),
        Route("GET", "/flavors/detail", flavors.detail, None, query=schemas.index_query),
        Route("GET", one, flavors.show, None, query=schemas.show_query),
        Route("PUT", one, flavors.update, may.UPDATE, body=schemas.update, first="2.55"),
        Route("DELETE", one, flavors.delete, may.DELETE, 202),
        *actions(
            f"{one}/action",
            [
                Action("addTenantAccess", access.add, may.ADD_ACCESS, 200, body=schemas.add_access),
                Action("removeTenantAccess", access.remove, may.REMOVE_ACCESS, 200, body=schemas.remove_access),
            ],
        ),
        Route("GET", f"{one}/os-flavor-access", access.index, may.LIST_ACCESS, query=schemas.show_query),
        Route("GET", f"{one}/os-extra_specs", specs.index, may.LIST_SPECS, query=schemas.show_query),
        Route("POST", f"{one}/os-extra_specs", specs.create, may.CREATE_SPECS, body=schemas.create_extra_specs),
        Route("GET", f"{one}/os-extra_specs/{{key}}", specs.show, may.SHOW_SPEC, query=schemas.show_query),
        Route("PUT", f"{one}/os-extra_specs/{{key}}", specs.update, may.UPDATE_SPEC, body=schemas.update_extra_spec),
        Route("DELETE", f"{one}/os-extra_specs/{{key}}", specs.delete, may.DELETE_SPEC),
    ]
