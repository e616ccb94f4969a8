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
def test_a_lost_command_is_not(cloud: Cloud, how: str) -> None:
    cloud.bus.sent.clear()
    cloud.bus.fault = lose("create_servers", how, 1)
    answer = cloud.demo.at("2.37").request("POST", "/servers", cloud.server_body(how))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "not known whether" in answer.json["serviceUnavailable"]["message"]
    assert [method for _, method in cloud.bus.sent].count("create_servers") == 1
    cloud.bus.fault = lambda interface, method: None
    # The user looks, as the answer says.
    found = cloud.demo.at("2.37").get(f"/servers?name=^{how}$")["servers"]
    assert len(found) == (0 if how == "lose" else 1)


def test_a_lost_report_of_a_host_is_said_again(cloud: Cloud) -> None:
    cloud.bus.fault = lose("finish", "lose reply", 1)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("reported"), 202)["server"]
    cloud.demo.at("2.37").wait_for(made["id"], "ACTIVE")
