"""Locks, and states that an administrator sets."""

import pytest

from tests.functional.harness import Client, Cloud


@pytest.fixture
def server_id(cloud: Cloud) -> str:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("marked"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    return str(made["id"])


def act(client: Client, server_id: str, body: object) -> int:
    return client.request("POST", f"/servers/{server_id}/action", body).status_code


def test_locked_server_obeys_administrators_only(cloud: Cloud, server_id: str) -> None:
    demo, admin = cloud.demo.at("2.73"), cloud.admin.at("2.73")
    assert act(demo, server_id, {"lock": {"locked_reason": "mine"}}) == 202
    shown = demo.get(f"/servers/{server_id}")["server"]
    assert (shown["locked"], shown["locked_reason"]) == (True, "mine")
    assert act(demo, server_id, {"os-stop": None}) == 409
    assert demo.request("DELETE", f"/servers/{server_id}").status_code == 409
    # The owner's own second lock changes nothing; an administrator's takes it over.
    assert act(demo, server_id, {"lock": {"locked_reason": "other"}}) == 202
    assert demo.get(f"/servers/{server_id}")["server"]["locked_reason"] == "mine"
    assert act(admin, server_id, {"lock": None}) == 202
    assert act(demo, server_id, {"unlock": None}) == 403
    assert act(admin, server_id, {"unlock": None}) == 202
    shown = demo.get(f"/servers/{server_id}")["server"]
    assert (shown["locked"], shown["locked_reason"]) == (False, None)
    assert act(demo, server_id, {"os-stop": None}) == 202
    cloud.demo.wait_for(server_id, "SHUTOFF")
    actions = [entry["action"] for entry in demo.get(f"/servers/{server_id}/os-instance-actions")["instanceActions"]]
    assert actions == ["stop", "unlock", "lock", "lock", "create"]


def test_reason_is_for_those_who_know_it(cloud: Cloud, server_id: str) -> None:
    assert act(cloud.demo, server_id, {"lock": {"locked_reason": "early"}}) == 202
    assert cloud.demo.at("2.73").get(f"/servers/{server_id}")["server"]["locked_reason"] is None
    for wrong in ({"locked_reason": ""}, {"locked_reason": "x" * 256}, {"why": "x"}, "x"):
        assert act(cloud.demo.at("2.73"), server_id, {"lock": wrong}) == 400


def test_state_as_an_administrator_says(cloud: Cloud, server_id: str) -> None:
    assert act(cloud.demo, server_id, {"os-resetState": {"state": "error"}}) == 403
    assert act(cloud.admin, server_id, {"os-resetState": {"state": "gone"}}) == 400
    assert act(cloud.admin, "00000000-0000-0000-0000-000000000001", {"os-resetState": {"state": "error"}}) == 404
    for state in ("error", "active"):
        assert act(cloud.admin, server_id, {"os-resetState": {"state": state}}) == 202
        assert cloud.demo.get(f"/servers/{server_id}")["server"]["status"] == state.upper()
    assert act(cloud.admin, server_id, {"os-resetState": {"state": "error"}}) == 202
    # What is in error can still be deleted.
    cloud.demo.delete(f"/servers/{server_id}")
    cloud.demo.wait_gone(server_id)
