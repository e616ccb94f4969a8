"""A command that is asked again, and whose first asking is dealt with late, undoes nothing that newer requests did."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from novalike.bus import (
    aggregates,
    consoles,
    flavors,
    journal,
    keypairs,
    metadata,
    quotas,
    server_marks,
    server_resize,
    servers,
    services,
)
from novalike.bus.interface import Interface, methods
from novalike.objects.context import RequestContext
from tests.functional.harness import DEMO_PROJECT, Cloud

MakeCloud = Callable[..., Cloud]


class Case(NamedTuple):
    """A command that sets something.

    :ivar older, newer: arguments of the request that comes again late, and of the one that came after it.
    :ivar read: what is set now, as the administrator sees it.
    :ivar setting: another method that the newer request calls; None is the same one.
    """

    interface: type[Interface]
    method: str
    older: dict[str, Any]
    newer: dict[str, Any]
    read: Callable[[Cloud, str], Any]
    setting: str | None = None


def _server(field: str, version: str = "2.95") -> Callable[[Cloud, str], Any]:
    return lambda cloud, server_id: cloud.admin.at(version).get(f"/servers/{server_id}")["server"][field]


def _service(cloud: Cloud, _server_id: str) -> Any:
    (service,) = [s for s in cloud.admin.at("2.53").get("/os-services")["services"] if s["host"] == "fake001"]
    return service["status"], service.get("disabled_reason")


def _quota(cloud: Cloud, _server_id: str) -> Any:
    return cloud.admin.get(f"/os-quota-sets/{DEMO_PROJECT}")["quota_set"]["instances"]


def _class_quota(cloud: Cloud, _server_id: str) -> Any:
    return cloud.admin.get("/os-quota-class-sets/default")["quota_class_set"]["instances"]


def _aggregate(cloud: Cloud, _server_id: str) -> Any:
    return cloud.admin.get("/os-aggregates/1")["aggregate"]["metadata"]


def _flavor(cloud: Cloud, _server_id: str) -> Any:
    return cloud.admin.at("2.55").get("/flavors/1")["flavor"]["description"]


def _extra_specs(cloud: Cloud, _server_id: str) -> Any:
    return cloud.admin.get("/flavors/1/os-extra_specs")["extra_specs"]


ENABLED, DISABLED = services.ServiceChanges(disabled=False), services.ServiceChanges(disabled=True, disabled_reason="x")
MARKS, SERVERS, QUOTAS = server_marks.ServerMarks, servers.ServerCommands, quotas.QuotaCommands
CASES = [
    Case(MARKS, "lock", {}, {}, _server("locked"), "unlock"),
    Case(MARKS, "unlock", {}, {}, _server("locked"), "lock"),
    Case(MARKS, "reset_state", {"vm_state": "error"}, {"vm_state": "active"}, _server("status")),
    Case(
        SERVERS, "update_server", {"changes": {"name": "older"}}, {"changes": {"name": "newer"}}, _server("name"),
    ),
    Case(
        services.ServiceCommands, "update_service", {"service_id": "SERVICE", "changes": DISABLED},
        {"service_id": "SERVICE", "changes": ENABLED}, _service,
    ),
    Case(
        services.ServiceCommands, "update_compute_service", {"host": "fake001", "changes": DISABLED},
        {"host": "fake001", "changes": ENABLED}, _service,
    ),
    Case(
        QUOTAS, "set_quotas", {"project_id": DEMO_PROJECT, "limits": {"instances": 7}, "force": False},
        {"project_id": DEMO_PROJECT, "limits": {"instances": 9}, "force": False}, _quota,
    ),
    Case(
        QUOTAS, "reset_quotas", {"project_id": DEMO_PROJECT},
        {"project_id": DEMO_PROJECT, "limits": {"instances": 9}, "force": False}, _quota, "set_quotas",
    ),
    Case(
        QUOTAS, "set_class_quotas", {"name": "default", "limits": {"instances": 7}},
        {"name": "default", "limits": {"instances": 9}}, _class_quota,
    ),
    Case(
        aggregates.AggregateCommands, "update_aggregate", {"aggregate_id": 1, "metadata": {"k": "older"}},
        {"aggregate_id": 1, "metadata": {"k": "newer"}}, _aggregate,
    ),
    Case(
        flavors.FlavorCommands, "describe_flavor", {"flavor_id": "1", "description": "older"},
        {"flavor_id": "1", "description": "newer"}, _flavor,
    ),
    Case(
        flavors.FlavorCommands, "set_extra_specs", {"flavor_id": "1", "specs": {"k": "older"}},
        {"flavor_id": "1", "specs": {"k": "newer"}}, _extra_specs,
    ),
]  # fmt: skip
# Such as may be done twice, early or late: they only ask, or what they did is known by request id in another way, or
# what they name is gone for good.
HARMLESS = {
    "create_servers", "start_operation", "external_events", "console_output", "admit", "delete_service",
    # which note their request with the operation that they begin
    "resize", "migrate", "confirm_resize", "revert_resize",
}  # fmt: skip


def test_every_command_that_may_be_repeated_is_tried_here() -> None:
    modules = (
        aggregates, consoles, flavors, keypairs, metadata, quotas, server_marks, server_resize, servers, services,
    )  # fmt: skip
    interfaces = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Interface) and "Reads" not in value.__name__
    } - {Interface, journal.Journal}
    repeatable = {m.name for interface in interfaces for m in methods(interface).values() if m.repeatable}
    assert repeatable - HARMLESS == {case.method for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.method)
def test_a_late_repeat_undoes_nothing(make_cloud: MakeCloud, case: Case) -> None:
    cloud = make_cloud()
    server_id = cloud.demo.at("2.37").post("/servers", cloud.server_body(), 202)["server"]["id"]
    cloud.demo.wait_for(server_id, "ACTIVE")
    cloud.admin.post("/os-aggregates", {"aggregate": {"name": "a"}})
    client = cloud.bus.transport().client(case.interface)

    def ask(ctx: RequestContext, method: str, arguments: dict[str, Any]) -> None:
        if case.interface in (MARKS, SERVERS):
            arguments = {**arguments, "server_id": server_id}
        if "service_id" in arguments:
            found = cloud.admin.at("2.53").get("/os-services")["services"]
            arguments = {**arguments, "service_id": next(s["id"] for s in found if s["host"] == "fake001")}
        getattr(client, method)(ctx, **arguments)

    def request() -> RequestContext:
        return RequestContext(is_admin=True, overwrite=False, project_id=DEMO_PROJECT, user_id="demo-user")

    older = request()
    ask(older, case.method, case.older)
    was = case.read(cloud, server_id)
    ask(request(), case.setting or case.method, case.newer)
    now = case.read(cloud, server_id)
    assert was != now
    ask(older, case.method, case.older)
    assert case.read(cloud, server_id) == now
