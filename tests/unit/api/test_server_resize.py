"""Resizes and cold migrations: what requests may say, what the conductor is asked, and what users are told."""

from typing import Any

import falcon.testing
import pytest

from novalike.objects import errors
from tests.fakes import records
from tests.unit.api.stub import SERVER, Stub

ACTION = f"/v2.1/servers/{SERVER}/action"
MOVES = ("resize", "confirm_resize", "revert_resize", "migrate")
BODIES: dict[str, Any] = {
    "resize": {"resize": {"flavorRef": "2"}}, "confirm_resize": {"confirmResize": None},
    "revert_resize": {"revertResize": None}, "migrate": {"migrate": None},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _moves(stub: Stub) -> None:
    """The conductor does whatever it is asked for."""
    stub.answers.update(dict.fromkeys(MOVES))


def act(
    api: falcon.testing.TestClient, body: Any, version: str = "2.1", roles: str = "admin,manager,member,reader"
) -> falcon.testing.Result:
    headers = {"OpenStack-API-Version": f"compute {version}", "X-Roles": roles}
    return api.simulate_post(ACTION, json=body, headers=headers)


def asked(stub: Stub) -> list[tuple[str, dict[str, Any]]]:
    """What the conductor was asked to do, without what all are asked."""
    found = [(name, dict(given)) for name, given in stub.asked if name in MOVES]
    for name, given in found:
        assert (given.pop("server_id"), given.pop("override_lock")) == (SERVER, True)
        assert name != "resize" or given.pop("may_use_zero_disk") is True  # an administrator
    return found


@pytest.mark.parametrize(
    ("body", "version", "method", "given"),
    [
        ({"resize": {"flavorRef": "2"}}, "2.1", "resize", {"flavor_id": "2", "auto_disk_config": None}),
        ({"resize": {"flavorRef": 2}}, "2.104", "resize", {"flavor_id": "2", "auto_disk_config": None}),
        # Other than in a create, no URL is taken apart.
        ({"resize": {"flavorRef": "a/2"}}, "2.1", "resize", {"flavor_id": "a/2", "auto_disk_config": None}),
        (
            {"resize": {"flavorRef": "2", "OS-DCF:diskConfig": "AUTO"}}, "2.1", "resize",
            {"flavor_id": "2", "auto_disk_config": True},
        ),
        (
            {"resize": {"flavorRef": "2", "OS-DCF:diskConfig": "MANUAL"}}, "2.104", "resize",
            {"flavor_id": "2", "auto_disk_config": False},
        ),
        ({"confirmResize": None}, "2.1", "confirm_resize", {}),
        ({"confirmResize": {"whatever": 1}}, "2.104", "confirm_resize", {}),
        ({"revertResize": None}, "2.1", "revert_resize", {}),
        ({"revertResize": "whatever"}, "2.104", "revert_resize", {}),
        ({"migrate": None}, "2.1", "migrate", {"host": None}),
        ({"migrate": "whatever"}, "2.1", "migrate", {"host": None}),
        ({"migrate": {"host": "h", "more": 1}}, "2.55", "migrate", {"host": None}),
        ({"migrate": None}, "2.56", "migrate", {"host": None}),
        ({"migrate": {}}, "2.56", "migrate", {"host": None}),
        ({"migrate": {"host": None}}, "2.104", "migrate", {"host": None}),
        ({"migrate": {"host": "h"}}, "2.56", "migrate", {"host": "h"}),
        ({"migrate": {"host": "a_b.example-1.org"}}, "2.104", "migrate", {"host": "a_b.example-1.org"}),
    ],
)  # fmt: skip
def test_what_the_conductor_is_asked(
    api: falcon.testing.TestClient, stub: Stub, body: Any, version: str, method: str, given: dict[str, Any]
) -> None:
    answer = act(api, body, version)
    assert (answer.status_code, answer.text) == (204 if "confirmResize" in body else 202, "")
    assert asked(stub) == [(method, given)]


@pytest.mark.parametrize(
    ("body", "version", "message"),
    [
        ({"resize": None}, "2.1", "for field/attribute resize. Value: None. None is not of type 'object'"),
        ({"resize": {}}, "2.1", "Value: {}. 'flavorRef' is a required property"),
        ({"resize": {"flavorRef": ""}}, "2.1", "field/attribute flavorRef. Value: ."),
        ({"resize": {"flavorRef": None}}, "2.1", "None is not of type 'string', 'integer'"),
        ({"resize": {"flavorRef": ["2"]}}, "2.1", "['2'] is not of type 'string', 'integer'"),
        ({"resize": {"flavorRef": "2", "OS-DCF:diskConfig": "auto"}}, "2.1", "'auto' is not one of ['AUTO', 'MANUAL']"),
        ({"resize": {"flavorRef": "2", "OS-DCF:diskConfig": None}}, "2.1", "attribute OS-DCF:diskConfig. Value: None."),
        ({"resize": {"flavorRef": "2", "more": 1}}, "2.104", "Additional properties are not allowed ('more' was unex"),
        ({"migrate": "h"}, "2.56", "'h' is not of type 'object', 'null'"),
        ({"migrate": {"host": ""}}, "2.56", "field/attribute host. Value: ."),
        ({"migrate": {"host": 1}}, "2.56", "1 is not of type 'string', 'null'"),
        ({"migrate": {"host": "a/b"}}, "2.56", "'a/b' does not match '^[a-zA-Z0-9-._]*$'"),
        ({"migrate": {"host": "h" * 256}}, "2.104", "is too long"),
        ({"migrate": {"host": "h", "more": 1}}, "2.56", "Additional properties are not allowed ('more' was unex"),
        ({"confirmResize": None, "revertResize": None}, "2.1", "Malformed request body"),
    ],
)  # fmt: skip
def test_requests_that_are_none(
    api: falcon.testing.TestClient, stub: Stub, body: Any, version: str, message: str
) -> None:
    answer = act(api, body, version)
    assert answer.status_code == 400
    assert message in answer.json["badRequest"]["message"]
    assert stub.asked == []


def invalid_state(action: str) -> errors.InstanceInvalidState:
    return errors.InstanceInvalidState(action=action, instance_id=SERVER, attr="vm_state", state="error")


OVER = errors.OverQuota(overs="cores", requested="4", used="7", allowed="8")
WHATEVER_IT_IS = [
    (errors.InstanceNotFound(instance_id=SERVER), 404, f"Instance {SERVER} could not be found."),
    (errors.InstanceIsLocked(instance_id=SERVER), 409, f"Instance {SERVER} is locked"),
    (errors.InstanceNotReady(instance_id=SERVER), 409, f"Instance {SERVER} is not ready"),
    # Users don't hear the name of a host.
    (errors.HostDown(host="secret"), 409, "Service is unavailable at this time."),
]
OF_ONE = [
    ("resize", invalid_state("resize"), 409, f"Cannot 'resize' instance {SERVER} while it is in vm_state error"),
    ("resize", errors.FlavorNotFound(flavor_id="2"), 400, "Flavor 2 could not be found."),
    ("resize", errors.CannotResizeToSameFlavor(), 400, "When resizing, instances must change flavor!"),
    (
        "resize", errors.CannotResizeDisk(reason="it is small."), 400,
        "Server disk was unable to be resized because: it is small.",
    ),
    ("resize", errors.Invalid("Flavor's memory is too small for requested image."), 400, "Flavor's memory is too"),
    ("resize", OVER, 403, "Quota exceeded for cores: Requested 4, but already used 7 of 8 cores"),
    (
        "confirm_resize", invalid_state("confirmResize"), 409,
        f"Cannot 'confirmResize' instance {SERVER} while it is in vm_state error",
    ),
    ("confirm_resize", errors.InstanceHasNotBeenResized(), 400, "Instance has not been resized."),
    ("revert_resize", errors.InstanceHasNotBeenResized(), 400, "Instance has not been resized."),
    ("revert_resize", OVER, 403, "Quota exceeded for cores: Requested 4, but already used 7 of 8 cores"),
    ("migrate", invalid_state("migrate"), 409, f"Cannot 'migrate' instance {SERVER} while it is in vm_state error"),
    ("migrate", errors.CannotMigrateToSameHost(), 400, "Cannot migrate to the host where the server exists."),
    ("migrate", errors.Invalid("Compute host x could not be found."), 400, "Compute host x could not be found."),
]  # fmt: skip
KINDS = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest"}


@pytest.mark.parametrize(
    ("method", "error", "status", "message"),
    [*((method, *case) for method in MOVES for case in WHATEVER_IT_IS), *OF_ONE],
)
def test_what_is_refused(
    api: falcon.testing.TestClient, stub: Stub, method: str, error: Exception, status: int, message: str
) -> None:
    stub.answers[method] = error
    answer = act(api, BODIES[method])
    assert answer.status_code == status
    assert answer.json[KINDS[status]]["code"] == status
    assert message in answer.json[KINDS[status]]["message"]
    assert "secret" not in answer.text


@pytest.mark.parametrize("method", MOVES)
def test_a_server_that_is_not_there_is_not_moved(api: falcon.testing.TestClient, stub: Stub, method: str) -> None:
    stub.answers["get_server"] = errors.InstanceNotFound(instance_id=SERVER)
    assert act(api, BODIES[method]).status_code == 404
    assert asked(stub) == []


SERVERS, MIGRATE = "os_compute_api:servers:", "os_compute_api:os-migrate-server:migrate"


@pytest.mark.parametrize(
    ("body", "version", "rule", "least"),
    [
        (BODIES["resize"], "2.1", f"{SERVERS}resize", "member"),
        (BODIES["confirm_resize"], "2.1", f"{SERVERS}confirm_resize", "member"),
        (BODIES["revert_resize"], "2.1", f"{SERVERS}revert_resize", "member"),
        (BODIES["migrate"], "2.104", MIGRATE, "manager"),
        ({"migrate": {"host": "h"}}, "2.55", MIGRATE, "manager"),
        ({"migrate": {"host": "h"}}, "2.56", f"{MIGRATE}:host", "admin"),
    ],
)
@pytest.mark.parametrize("project", ["mine", "another"])
def test_who_may(
    api: falcon.testing.TestClient, stub: Stub, body: Any, version: str, rule: str, least: str, project: str
) -> None:
    stub.answers["get_server"] = records.server(uuid=SERVER, project_id=project, vm_state="active")
    ranks = ["", "reader", "member", "manager", "admin"]
    for rank in ranks:
        roles = ",".join(ranks[1 : ranks.index(rank) + 1])
        answer = act(api, body, version, roles)
        if ranks.index(rank) >= ranks.index(least) and (project == "mine" or rank == "admin"):
            assert answer.status_code in (202, 204), rank
        else:
            assert answer.status_code == 403, rank
            assert answer.json["forbidden"]["message"] == f"Policy doesn't allow {rule} to be performed."


@pytest.mark.parametrize(
    ("api", "body", "status"),
    [
        ({f"{MIGRATE}:host": "role:member"}, {"migrate": {"host": "h"}}, 202),
        # A right of its own: neither implies the other.
        ({f"{MIGRATE}:host": "role:member"}, {"migrate": None}, 403),
        ({MIGRATE: "role:member"}, {"migrate": {"host": "h"}}, 403),
        ({MIGRATE: "role:member"}, {"migrate": {"host": None}}, 202),
        ({f"{SERVERS}resize": "!"}, BODIES["resize"], 403),
        ({f"{SERVERS}resize": "!"}, BODIES["revert_resize"], 202),
    ],
    indirect=["api"],
)
def test_operators_say_who_may(api: falcon.testing.TestClient, body: Any, status: int) -> None:
    assert act(api, body, "2.56", "member,reader").status_code == status


@pytest.mark.parametrize(("roles", "override"), [("member,reader,manager", False), ("admin,member,reader", True)])
def test_only_administrators_move_what_is_locked(
    api: falcon.testing.TestClient, stub: Stub, roles: str, override: bool
) -> None:
    for body in BODIES.values():
        assert act(api, body, roles=roles).status_code in (202, 204)
    assert [(name, given["override_lock"]) for name, given in stub.asked if name in MOVES] == [
        (name, override) for name in MOVES
    ]


@pytest.mark.parametrize(
    ("says", "choice", "status"),
    [
        ("disabled", "AUTO", 400), (" Disabled", "AUTO", 400), ("disabled", "MANUAL", 202), ("disabled", None, 202),
        ("false", "AUTO", 202), (None, "AUTO", 202),
    ],
)  # fmt: skip
def test_an_image_may_forbid_disks_to_be_filled(
    api: falcon.testing.TestClient, stub: Stub, says: str | None, choice: str | None, status: int
) -> None:
    stub.answers["get_server"] = records.server(
        uuid=SERVER, project_id="mine", vm_state="active", image_ref="image-1",
        system_metadata={"image_auto_disk_config": says} if says else {},
    )  # fmt: skip
    more = {"OS-DCF:diskConfig": choice} if choice else {}
    answer = act(api, {"resize": {"flavorRef": "2", **more}})
    assert answer.status_code == status
    if status == 400:
        message = "Requested image image-1 has automatic disk resize disabled."
        assert answer.json["badRequest"]["message"] == message
        assert asked(stub) == []


@pytest.mark.parametrize(
    ("vm_state", "task_state", "status", "with_progress"),
    [
        ("active", "resize_prep", "RESIZE", True), ("active", "resize_migrating", "RESIZE", True),
        ("stopped", "resize_migrating", "RESIZE", True), ("stopped", "resize_finish", "RESIZE", True),
        ("resized", None, "VERIFY_RESIZE", True), ("resized", "deleting", "VERIFY_RESIZE", True),
        ("resized", "resize_reverting", "REVERT_RESIZE", False), ("error", "resize_migrating", "ERROR", False),
    ],
)  # fmt: skip
def test_how_a_server_looks_meanwhile(
    api: falcon.testing.TestClient, stub: Stub, vm_state: str, task_state: str | None, status: str, with_progress: bool
) -> None:
    stub.answers["get_server"] = records.server(
        uuid=SERVER, project_id="mine", vm_state=vm_state, task_state=task_state, progress=0
    )
    for version in ("2.1", "2.104"):
        headers = {"OpenStack-API-Version": f"compute {version}"}
        shown = api.simulate_get(f"/v2.1/servers/{SERVER}", headers=headers).json["server"]
        assert (shown["status"], shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:task_state"]) == (
            status, vm_state, task_state,
        )  # fmt: skip
        assert ("progress" in shown) is with_progress


@pytest.mark.parametrize("status", ["RESIZE", "VERIFY_RESIZE", "REVERT_RESIZE"])
def test_lists_may_be_of_such_servers(api: falcon.testing.TestClient, stub: Stub, status: str) -> None:
    stub.answers["list_servers"] = ()
    for version in ("2.1", "2.38", "2.104"):
        headers = {"OpenStack-API-Version": f"compute {version}"}
        answer = api.simulate_get(f"/v2.1/servers?status={status.lower()}", headers=headers)
        assert answer.json == {"servers": []}
    assert [given["query"].statuses for _, given in stub.asked] == [(status,)] * 3
