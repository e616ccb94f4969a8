"""What was done to a server, and what others say has happened to it."""

from typing import Any

import pytest

from tests.functional.harness import Cloud

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server(cloud: Cloud) -> str:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("watched"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    cloud.demo.post(f"/servers/{made}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(made, "SHUTOFF")
    return made


def test_lists(cloud: Cloud, server: str) -> None:
    path = f"/servers/{server}/os-instance-actions"
    found = cloud.demo.get(path)["instanceActions"]
    assert [a["action"] for a in found] == ["stop", "create"]
    assert set(found[0]) == {
        "action", "instance_uuid", "request_id", "user_id", "project_id", "start_time", "message",
    }  # fmt: skip
    assert "updated_at" in cloud.demo.at("2.58").get(path)["instanceActions"][0]
    page = cloud.demo.at("2.58").get(f"{path}?limit=1")
    rest = cloud.demo.at("2.58").get(f"{path}?" + page["links"][0]["href"].partition("?")[2])
    assert [a["action"] for a in rest["instanceActions"]] == ["create"]
    assert cloud.demo.at("2.58").get(f"{path}?limit=0") == {"instanceActions": []}
    future = cloud.demo.at("2.58").get(f"{path}?changes-since=2999-01-01T00:00:00Z")
    assert future == {"instanceActions": []}
    past = cloud.demo.at("2.66").get(f"{path}?changes-before=2000-01-01T00:00:00Z")
    assert past == {"instanceActions": []}


@pytest.mark.parametrize(
    ("version", "query", "status"),
    [
        ("2.57", "x=1", 200), ("2.58", "x=1", 400), ("2.58", "limit=1&limit=2", 400), ("2.58", "marker=x", 400),
        ("2.58", "changes-since=x", 400), ("2.58", "changes-before=2020-01-01", 400),
        ("2.66", "changes-since=2030-01-01&changes-before=2020-01-01", 400),
    ],
)  # fmt: skip
def test_queries(cloud: Cloud, server: str, version: str, query: str, status: int) -> None:
    answer = cloud.demo.at(version).request("GET", f"/servers/{server}/os-instance-actions?{query}")
    assert answer.status_code == status


def test_who_sees_what_of_events(cloud: Cloud, server: str) -> None:
    path = f"/servers/{server}/os-instance-actions"
    request_id = cloud.demo.get(path)["instanceActions"][-1]["request_id"]

    def event(client: Any, version: str) -> set[str]:
        shown = client.at(version).get(f"{path}/{request_id}")["instanceAction"]
        return set(shown["events"][0]) if "events" in shown else set()

    plain = {"event", "start_time", "finish_time", "result"}
    assert event(cloud.demo, "2.50") == set()
    assert event(cloud.demo, "2.51") == plain
    assert event(cloud.demo, "2.84") == plain | {"hostId"}
    assert event(cloud.admin, "2.1") == plain | {"traceback"}
    assert event(cloud.admin, "2.62") == plain | {"traceback", "host", "hostId"}
    assert event(cloud.admin, "2.84") == plain | {"traceback", "host", "hostId", "details"}
    missing = cloud.demo.request("GET", f"{path}/req-x")
    assert (missing.status_code, missing.json["itemNotFound"]["message"]) == (404, "Action req-x not found")


def test_one_call_each(cloud: Cloud, server: str) -> None:
    path = f"/servers/{server}/os-instance-actions"
    cloud.bus.sent.clear()
    cloud.demo.get(path)
    assert [sent for sent in cloud.bus.sent if sent[0] == "ServerReads"] == [("ServerReads", "list_operations")]


def test_of_deleted_servers_from_2_21(cloud: Cloud) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("gone"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    cloud.demo.delete(f"/servers/{made}")
    cloud.demo.wait_gone(made)
    path = f"/servers/{made}/os-instance-actions"
    assert cloud.demo.at("2.20").request("GET", path).status_code == 404
    assert [a["action"] for a in cloud.demo.at("2.21").get(path)["instanceActions"]] == ["delete", "create"]


def test_external_events(cloud: Cloud, server: str) -> None:
    known = {"name": "network-vif-plugged", "server_uuid": server, "tag": "x"}
    said = cloud.admin.post("/os-server-external-events", {"events": [known]}, 200)
    assert said == {"events": [{**known, "status": "completed", "code": 200}]}
    cloud.eventually(lambda: ("Compute", "external_events") in cloud.bus.sent)
    unknown = {"name": "network-changed", "server_uuid": NOBODY, "status": "completed"}
    untagged = {"name": "volume-extended", "server_uuid": server}
    mixed = cloud.admin.at("2.51").post("/os-server-external-events", {"events": [known, unknown, untagged]}, 207)
    assert [(e["code"], e["status"]) for e in mixed["events"]] == [
        (200, "completed"), (404, "failed"), (400, "failed"),
    ]  # fmt: skip
    early = cloud.admin.request("POST", "/os-server-external-events", {"events": [{**untagged, "tag": "v"}]})
    assert early.status_code == 400
    assert cloud.admin.request("POST", "/os-server-external-events", {"events": []}).status_code == 400
    assert cloud.demo.request("POST", "/os-server-external-events", {"events": [known]}).status_code == 403
