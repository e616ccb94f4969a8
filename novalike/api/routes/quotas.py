"""Quotas and limits."""

from novalike.api.policies import quotas as may
from novalike.api.resources.quotas import Limits, QuotaClassSets, QuotaSets
from novalike.api.route import Backends, Route
from novalike.api.schemas import quotas as schemas
from novalike.bus.quotas import QuotaCommands, QuotaReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    reads, commands = backends.transport.client(QuotaReads), backends.transport.client(QuotaCommands)
    sets, classes = QuotaSets(reads, commands, backends.keystone), QuotaClassSets(reads, commands)
    one, one_class = "/os-quota-sets/{project_id}", "/os-quota-class-sets/{name}"
    return [
        Route("GET", "/limits", Limits(reads).index, may.LIMITS, query=schemas.limits_query),
        Route("GET", one, sets.show, None, query=schemas.user_query),
        Route("PUT", one, sets.update, None, body=schemas.update, query=schemas.user_query),
        Route("DELETE", one, sets.delete, None, 202, query=schemas.user_query),
        Route("GET", f"{one}/detail", sets.detail, None, query=schemas.user_query),
        Route("GET", f"{one}/defaults", sets.defaults, None),
        Route("GET", one_class, classes.show, may.SHOW_CLASS, query=schemas.class_query),
        Route("PUT", one_class, classes.update, may.UPDATE_CLASS, body=schemas.update_class),
    ]
