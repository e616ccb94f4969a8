"""Console logs and console URLs, through all daemons."""

import datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from novalike.bus.consoles import ConsoleCommands
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.record import utcnow
from novalike.virt.driver import ConsoleLocation
from tests.functional.harness import Cloud

LOG = "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE\n"
NOVNC = {"remote_console": {"protocol": "vnc", "type": "novnc"}}


@pytest.fixture(scope="module")
def server_id(cloud: Cloud) -> str:
    created = cloud.demo.at("2.37").post("/servers", cloud.server_body(networks="auto"), 202)["server"]["id"]
    cloud.demo.wait_for(created, "ACTIVE")
    return created


def read_log(cloud: Cloud, server_id: str, **asked):
    return cloud.demo.post(f"/servers/{server_id}/action", {"os-getConsoleOutput": asked}, 200)["output"]


def open_console(cloud: Cloud, server_id: str) -> str:
    """A token."""
    url = cloud.demo.at("2.6").post(f"/servers/{server_id}/remote-consoles", NOVNC, 200)["remote_console"]["url"]
    return parse_qs(urlsplit(parse_qs(urlsplit(url).query)["path"][0]).query)["token"][0]


def admit(cloud: Cloud, token: str):
    commands: ConsoleCommands = cloud.bus.transport().client(ConsoleCommands)
    return commands.admit(admin_context(), token=token)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, LOG),
        ({"length": None}, LOG),
        ({"length": -1}, LOG),
        ({"length": "-1"}, LOG),
        ({"length": 0}, ""),
        ({"length": 1}, ""),
        ({"length": "2"}, "LAST LINE\n"),
        ({"length": 10**30}, LOG),
    ],
)
def test_output(cloud, server_id, asked, expected):
    assert read_log(cloud, server_id, **asked) == expected


def test_url_opens_the_console_of_its_server(cloud, server_id):
    token = open_console(cloud, server_id)
    grant = admit(cloud, token)
    assert (grant.instance_uuid, grant.host, grant.port) == (server_id, "127.0.0.1", 6969)
    assert grant.access_url_base == "http://127.0.0.1:6080/vnc_auto.html"
    shown = cloud.admin.at("2.31").get(f"/os-console-auth-tokens/{token}")
    assert shown == {
        "console": {"instance_uuid": server_id, "host": "127.0.0.1", "port": 6969, "internal_access_path": None}
    }
    assert cloud.demo.at("2.31").request("GET", f"/os-console-auth-tokens/{token}").status_code == 403
    assert cloud.admin.request("GET", f"/os-console-auth-tokens/{token}").status_code == 400
    unknown = cloud.admin.at("2.31").request("GET", "/os-console-auth-tokens/no-such")
    assert (unknown.status_code, unknown.json["itemNotFound"]["message"]) == (404, "Token not found")


def test_the_old_action(cloud, server_id):
    action = f"/servers/{server_id}/action"
    console = cloud.demo.post(action, {"os-getVNCConsole": {"type": "novnc"}}, 200)["console"]
    assert console["type"] == "novnc"
    assert console["url"].startswith("http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3D")
    refused = cloud.demo.at("2.6").request("POST", action, {"os-getVNCConsole": {"type": "novnc"}})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("version", "protocol", "kind", "message"),
    [
        ("2.6", "spice", "spice-html5", "Unavailable console type spice-html5."),
        ("2.6", "serial", "serial", "Unavailable console type serial."),
        ("2.6", "vnc", "xvpvnc", "Invalid console type xvpvnc"),
        ("2.6", "mks", "webmks", "Invalid input for field/attribute protocol."),
        ("2.8", "mks", "webmks", "Unavailable console type webmks."),
        ("2.98", "spice", "spice-direct", "Invalid input for field/attribute type."),
        ("2.99", "spice", "spice-direct", "Unavailable console type spice-direct."),
        ("2.99", "rdp", "rdp-html5", "The server could not comply with the request"),
    ],
)
def test_what_this_cloud_does_not_have(cloud, server_id, version, protocol, kind, message):
    body = {"remote_console": {"protocol": protocol, "type": kind}}
    answer = cloud.demo.at(version).request("POST", f"/servers/{server_id}/remote-consoles", body)
    assert answer.status_code == 400
    assert answer.json["badRequest"]["message"].startswith(message)


def test_tokens_end(cloud, server_id, monkeypatch):
    token = open_console(cloud, server_id)
    later = utcnow() + datetime.timedelta(seconds=601)
    monkeypatch.setattr(Database, "utcnow", lambda self: later)
    with pytest.raises(errors.ConsoleTokenInvalid):
        admit(cloud, token)


def test_a_token_ends_with_its_server(cloud):
    gone = cloud.demo.at("2.37").post("/servers", cloud.server_body(), 202)["server"]["id"]
    cloud.demo.wait_for(gone, "ACTIVE")
    token = open_console(cloud, gone)
    cloud.demo.delete(f"/servers/{gone}")
    cloud.demo.wait_gone(gone)
    with pytest.raises(errors.ConsoleTokenInvalid):
        admit(cloud, token)
    answer = cloud.demo.request("POST", f"/servers/{gone}/action", {"os-getConsoleOutput": {}})
    assert answer.status_code == 404


def test_a_token_does_not_open_who_got_the_port_since(cloud, server_id, monkeypatch):
    token = open_console(cloud, server_id)
    driver = cloud.compute.driver
    moved = ConsoleLocation(host="127.0.0.1", port=6970)
    monkeypatch.setattr(driver, "vnc_console", lambda *a: moved)
    with pytest.raises(errors.ConsoleTokenInvalid):
        admit(cloud, token)


def test_not_ready(cloud):
    cloud.stop(cloud.scheduler)
    try:
        waiting = cloud.demo.at("2.37").post("/servers", cloud.server_body(), 202)["server"]["id"]
        for path, body in ((f"/servers/{waiting}/action", {"os-getConsoleOutput": {}}),
                           (f"/servers/{waiting}/remote-consoles", NOVNC)):  # fmt: skip
            answer = cloud.demo.at("2.6").request("POST", path, body)
            assert answer.status_code == 409
            assert answer.json["conflictingRequest"]["message"] == f"Instance {waiting} is not ready"
    finally:
        cloud.scheduler = cloud.start_scheduler()


def test_of_others(cloud, server_id):
    stranger = cloud.demo.at("2.6")
    stranger.project = "00000000000000000000000000000bad"
    assert stranger.request("POST", f"/servers/{server_id}/remote-consoles", NOVNC).status_code == 404
    reader = cloud.demo.at("2.6")
    reader.roles = "reader"
    assert reader.request("POST", f"/servers/{server_id}/remote-consoles", NOVNC).status_code == 403
    assert reader.request("POST", f"/servers/{server_id}/action", {"os-getConsoleOutput": {}}).status_code == 403
