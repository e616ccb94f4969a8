"""What becomes of the conductor's answers about servers: statuses and messages, over a stub of the bus."""

from typing import Any

import falcon.testing
import pytest

from novalike.objects import errors
from tests.fakes import records
from tests.unit.api.stub import SERVER, Stub


@pytest.mark.parametrize(
    ("error", "status", "name", "message"),
    [
        (errors.InstanceNotFound(instance_id=SERVER), 404, "itemNotFound", f"Instance {SERVER} could not be found."),
        (errors.InstanceIsLocked(instance_id=SERVER), 409, "conflictingRequest", f"Instance {SERVER} is locked"),
        (
            errors.InstanceInvalidState(action="stop", instance_id=SERVER, attr="vm_state", state="stopped"),
            409, "conflictingRequest", f"Cannot 'stop' instance {SERVER} while it is in vm_state stopped",
        ),
        (errors.InstanceNotReady(instance_id=SERVER), 409, "conflictingRequest", f"Instance {SERVER} is not ready"),
        (errors.HostDown(host="h1"), 409, "conflictingRequest", "Compute service of h1 is unavailable at this time."),
        (errors.Unavailable(reason="the message bus can't be reached"), 503, "serviceUnavailable", "can't be reached"),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, Exception) else None,
)  # fmt: skip
def test_refused_actions(
    api: falcon.testing.TestClient, stub: Stub, error: Exception, status: int, name: str, message: str
) -> None:
    stub.answers["start_operation"] = error
    bodies: list[Any] = [{"os-stop": None}, {"os-start": None}, {"reboot": {"type": "HARD"}}]
    answers = [api.simulate_post(f"/v2.1/servers/{SERVER}/action", json=body) for body in bodies]
    answers.append(api.simulate_delete(f"/v2.1/servers/{SERVER}"))
    for answer in answers:
        assert answer.status_code == status
        assert answer.json[name]["code"] == status
        assert message in answer.json[name]["message"]
    assert ("retry-after" in answers[0].headers) is (status == 503)


def test_a_fault_of_ours_tells_nothing_of_the_inside(api: falcon.testing.TestClient, stub: Stub) -> None:
    stub.answers["start_operation"] = RuntimeError("secret")
    answer = api.simulate_delete(f"/v2.1/servers/{SERVER}")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json["computeFault"]["message"].startswith("Unexpected API Error.")


UNLOCK_OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override"


@pytest.mark.parametrize(
    ("api", "roles", "override"),
    [
        (None, "member,reader", False),
        (None, "admin,member,reader", True),
        ({"context_is_admin": "role:boss"}, "boss", True),
        ({"context_is_admin": "role:boss"}, "admin,member,reader", False),
        # Who may unlock may not therefore act on what is locked.
        ({UNLOCK_OVERRIDE: "role:member"}, "member,reader", False),
        ({UNLOCK_OVERRIDE: "!"}, "admin,member,reader", True),
    ],
    indirect=["api"],
)
def test_administrators_heed_no_locks_whatever_the_action(
    api: falcon.testing.TestClient, stub: Stub, roles: str, override: bool
) -> None:
    stub.answers["start_operation"] = "operation"
    stub.answers["update_metadata"] = {}
    headers = {"X-Roles": roles}
    assert api.simulate_delete(f"/v2.1/servers/{SERVER}", headers=headers).status_code == 204
    path = f"/v2.1/servers/{SERVER}"
    for body in ({"os-stop": None}, {"os-start": None}, {"reboot": {"type": "HARD"}}):
        assert api.simulate_post(f"{path}/action", json=body, headers=headers).status_code == 202
    assert api.simulate_post(f"{path}/metadata", json={"metadata": {"a": "b"}}, headers=headers).status_code == 200
    assert [given["override_lock"] for name, given in stub.asked if "override_lock" in given] == [override] * 5


@pytest.mark.parametrize(
    ("api", "roles", "status"),
    [
        (None, "member,reader", 403),
        (None, "admin,member,reader", 202),
        ({UNLOCK_OVERRIDE: "role:member"}, "member,reader", 202),
        ({UNLOCK_OVERRIDE: "!"}, "admin,member,reader", 403),
    ],
    indirect=["api"],
)
def test_to_unlock_what_somebody_else_has_locked_is_a_right_of_its_own(
    api: falcon.testing.TestClient, stub: Stub, roles: str, status: int
) -> None:
    stub.answers["get_server"] = records.server(uuid=SERVER, project_id="mine", vm_state="active", locked_by="admin")
    stub.answers["unlock"] = None
    path = f"/v2.1/servers/{SERVER}/action"
    assert api.simulate_post(path, json={"unlock": None}, headers={"X-Roles": roles}).status_code == status


@pytest.mark.parametrize("roles", ["reader", ""])
def test_readers_change_nothing(api: falcon.testing.TestClient, stub: Stub, roles: str) -> None:
    path, headers = f"/v2.1/servers/{SERVER}", {"X-Roles": roles}
    for method, end, body in (
        ("DELETE", "", None), ("PUT", "", {"server": {"name": "x"}}), ("POST", "/action", {"os-stop": None}),
        ("POST", "/metadata", {"metadata": {}}), ("PUT", "/metadata/a", {"meta": {"a": "b"}}),
        ("DELETE", "/metadata/a", None),
    ):  # fmt: skip
        answer = api.simulate_request(method, path + end, json=body, headers=headers)
        assert answer.status_code == 403, (method, end)
        assert answer.json["forbidden"]["message"].startswith("Policy doesn't allow os_compute_api:")
    assert {name for name, _ in stub.asked} == {"get_server"}
    assert api.simulate_get(path, headers=headers).status_code == (200 if roles else 403)


def test_a_servers_fault_is_for_everybody_its_details_are_not(api: falcon.testing.TestClient, stub: Stub) -> None:
    from novalike.objects.record import utcnow
    from novalike.objects.server import Fault

    for code, shown in ((500, False), (400, True)):
        fault = Fault(code=code, message="why", created_at=utcnow(), details="inside")
        stub.answers["get_server"] = records.server(uuid=SERVER, project_id="mine", vm_state="error", fault=fault)
        server = api.simulate_get(f"/v2.1/servers/{SERVER}").json["server"]
        assert server["status"] == "ERROR"
        assert server["fault"]["message"] == "why"
        assert ("details" in server["fault"]) is shown
        seen = api.simulate_get(f"/v2.1/servers/{SERVER}", headers={"X-Roles": "admin"}).json["server"]
        assert seen["fault"]["details"] == "inside"
