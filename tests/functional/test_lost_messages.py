"""Messages that die with the process that took them: what users see."""

from collections.abc import Callable

import pytest

from tests.functional.harness import Cloud


def lose(name: str, how: str, times: int) -> Callable[[str, str], str | None]:
    left = [times]

    def fault(interface: str, method: str) -> str | None:
        if method != name or not left[0]:
            return None
        left[0] -= 1
        return how

    return fault


@pytest.mark.parametrize("how", ["lose", "lose reply"])
def test_a_lost_read_is_asked_again(cloud: Cloud, how: str) -> None:
    cloud.bus.sent.clear()
    cloud.bus.fault = lose("list_servers_detail", how, 2)
    assert cloud.demo.at("2.37").get("/servers/detail") == {"servers": []}
    assert [method for _, method in cloud.bus.sent].count("list_servers_detail") == 3


@pytest.mark.parametrize("how", ["lose", "lose reply"])
def test_a_lost_create_is_asked_again_and_makes_one_server(make_cloud: Callable[..., Cloud], how: str) -> None:
    cloud = make_cloud(cells=1)
    cloud.bus.fault = lose("create_servers", how, 2)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("once"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(cloud.demo.get("/servers")["servers"]) == 1


def test_a_lost_create_makes_one_server_in_one_of_two_cells(make_cloud: Callable[..., Cloud]) -> None:
    """Asked again when the server has been moved to the cell of its host already."""
    cloud = make_cloud(cells=2)

    def fault(interface: str, method: str) -> str | float | None:
        if method == "create_servers" and cloud.bus.fault is fault:
            cloud.bus.fault = second
            return "lose reply"
        return None

    def second(interface: str, method: str) -> str | float | None:
        if method == "create_servers":
            cloud.eventually(lambda: cloud.demo.get("/servers/detail")["servers"][0]["status"] == "ACTIVE")
        return None

    cloud.bus.fault = fault
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("once", min_count=2), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(cloud.demo.get("/servers")["servers"]) == 2


@pytest.mark.parametrize("how", ["lose", "lose reply"])
@pytest.mark.parametrize("verb", ["os-stop", "delete"])
def test_a_lost_action_is_asked_again_and_done_once(make_cloud: Callable[..., Cloud], verb: str, how: str) -> None:
    cloud = make_cloud()
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("acted"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.bus.fault = lose("start_operation", how, 1)
    path = f"/servers/{made['id']}"
    if verb == "delete":
        cloud.demo.delete(path)
        cloud.demo.wait_gone(made["id"])
    else:
        cloud.demo.post(f"{path}/action", {verb: None}, 202)
        cloud.demo.wait_for(made["id"], "SHUTOFF")
        actions = [action["action"] for action in cloud.demo.get(f"{path}/os-instance-actions")["instanceActions"]]
        assert actions.count("stop") == 1


@pytest.mark.parametrize("how", ["lose", "lose reply"])
def test_a_lost_command_that_cannot_be_recognised_is_not(cloud: Cloud, how: str) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body(how), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.bus.sent.clear()
    cloud.bus.fault = lose("update_metadata", how, 1)
    answer = cloud.demo.request("POST", f"/servers/{made['id']}/metadata", {"metadata": {"a": "b"}})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "not known whether" in answer.json["serviceUnavailable"]["message"]
    assert [method for _, method in cloud.bus.sent].count("update_metadata") == 1
    cloud.bus.fault = lambda interface, method: None
    # The user looks, as the answer says.
    found = cloud.demo.get(f"/servers/{made['id']}/metadata")["metadata"]
    assert found == ({} if how == "lose" else {"a": "b"})


def test_a_lost_report_of_a_host_is_said_again(cloud: Cloud) -> None:
    cloud.bus.fault = lose("finish", "lose reply", 1)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("reported"), 202)["server"]
    cloud.demo.at("2.37").wait_for(made["id"], "ACTIVE")
