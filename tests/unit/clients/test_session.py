"""Sessions against a tiny HTTP server on loopback."""

import http.server
import threading

import pytest
from keystoneauth1 import loading

from novalike.clients.session import ServiceSession
from novalike.objects import errors
from tests.unit.scheduler.cloud import new_conf


class Handler(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str | None]]

    def do_GET(self):
        self.seen.append((self.command, self.path, self.headers.get("X-Auth-Token")))
        self.send_response(int(self.path.rpartition("/")[2] or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *arguments):
        pass


@pytest.fixture
def seen():
    return []


@pytest.fixture
def url(seen):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Handler,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/base"
    server.shutdown()
    server.server_close()


def session(**values):
    conf = new_conf()
    loaded = {"auth_type": "none", "status_code_retries": 0, "connect_retries": 0} | values
    for name, value in loaded.items():
        conf.set_override(name, value, group="placement")
    return ServiceSession(conf, "placement")


def test_answers_of_the_service_are_returned_also_refusals(url, seen):
    asked = session(endpoint_override=url)
    assert asked.request("GET", "/200").status_code == 200
    assert asked.request("GET", "/404").status_code == 404
    assert asked.request("POST", "/409", json={}).status_code == 409
    assert [path for _, path, _ in seen] == ["/base/200", "/base/404", "/base/409"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_trouble_on_the_way_is_unavailable(url, status):
    with pytest.raises(errors.Unavailable, match=f"placement answered {status}"):
        session(endpoint_override=url).request("GET", f"/{status}")


def test_no_connection_is_unavailable():
    with pytest.raises(errors.Unavailable, match="placement can't be reached"):
        session(endpoint_override="http://127.0.0.1:9/").request("GET", "/")


def test_a_users_token_is_sent_instead_of_ours(url, seen):
    session(endpoint_override=url).request("GET", "/200", token="the users")
    assert seen == [("GET", "/base/200", "the users")]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"auth_type": None}, r"\[placement\] auth_type is not set"),
        ({"auth_type": "nonsense"}, r"\[placement\].*nonsense"),
    ],
)
def test_an_incomplete_section_stops_the_daemon_and_is_named(values, words):
    with pytest.raises(SystemExit, match=words):
        session(**values).load()
    with pytest.raises(errors.Unavailable, match=words):
        session(**values).request("GET", "/")


def test_nothing_is_loaded_before_it_is_needed():
    assert session(auth_type="nonsense").section == "placement"


def test_requests_end_even_when_no_timeout_is_configured():
    asked = session(endpoint_override="http://127.0.0.1:9/")
    assert asked._load().session.timeout == 60.0
    assert session(timeout=7)._load().session.timeout == 7


def test_sections_with_the_same_credentials_share_a_token():
    conf = new_conf()
    credentials = {
        "auth_type": "password", "auth_url": "http://127.0.0.1:1/v3", "username": "novalike", "password": "p",
        "project_name": "service", "user_domain_name": "Default", "project_domain_name": "Default",
    }  # fmt: skip
    sections = ("placement", "glance", "neutron")
    for section in sections:
        loading.register_auth_conf_options(conf, section)
        conf.register_opts(loading.get_auth_plugin_conf_options("password"), group=section)
        for name, value in credentials.items():
            conf.set_override(name, value, group=section)
    conf.set_override("username", "another", group="neutron")
    placement, glance, neutron = (ServiceSession(conf, section)._load().session.auth for section in sections)
    assert placement is glance
    assert neutron is not placement
