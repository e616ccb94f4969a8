"""Tokens while Keystone refuses connections, hangs or answers with errors: 503, soon. Known tokens still work."""

import contextlib
import datetime
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import falcon.testing
import pytest
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.api.middleware.authentication import GROUP, TokenCheck
from novalike.api.middleware.request_id import RequestId

TOKEN = {"X-Auth-Token": "a-token"}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    seen = [("X-Seen", environ.get("HTTP_X_USER_ID", "")), ("X-Seen-Roles", environ.get("HTTP_X_ROLES") or "")]
    start_response("200 OK", [("Content-Type", "text/plain"), *seen])
    return [b"inside"]


def client(url: str, **options: Any) -> falcon.testing.TestClient:
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    TokenCheck(app, conf)  # registers the options
    for name, value in {"auth_type": "none", "www_authenticate_uri": url, **options}.items():
        conf.set_override(name, value, group=GROUP)
    from keystoneauth1 import loading

    conf.register_opts(loading.get_auth_plugin_conf_options("none"), group=GROUP)
    conf.set_override("endpoint", url, group=GROUP)
    return falcon.testing.TestClient(RequestId(TokenCheck(app, conf)))


class Keystone(http.server.BaseHTTPRequestHandler):
    """Answers everything with what it was told to."""

    answers: list[tuple[int, Any]] = []

    def do_GET(self) -> None:
        status, body = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def keystone(*answers: tuple[int, Any]) -> Iterator[str]:
    handler = type("Handler", (Keystone,), {"answers": list(answers)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def check_refusal(asked: falcon.testing.TestClient, seconds: float) -> None:
    began = time.monotonic()
    answer = asked.simulate_get("/v2.1/servers", headers=TOKEN)
    assert time.monotonic() - began < seconds
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["x-openstack-request-id"].startswith("req-")


def test_nobody_listens() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        check_refusal(client(f"http://127.0.0.1:{nobody.getsockname()[1]}"), 5)


def test_it_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # connects, and never answers
        asked = client(f"http://127.0.0.1:{frozen.getsockname()[1]}", http_connect_timeout=1)
        check_refusal(asked, 8)
        # Who needs no token is not kept waiting.
        assert asked.simulate_get("/").status_code == 200


@pytest.mark.parametrize("status", [500, 503])
def test_it_fails(status: int) -> None:
    with keystone((status, {"error": {"message": "no database"}})) as url:
        check_refusal(client(url), 8)


def valid(*roles: str) -> dict[str, Any]:
    later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return {
        "token": {
            "user": {"id": "u", "name": "n", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": name, "name": name} for name in roles],
            "methods": ["password"], "expires_at": later, "issued_at": "2026-01-01T00:00:00.000000Z",
        }
    }  # fmt: skip


def test_a_known_token_needs_no_keystone() -> None:
    with keystone((200, valid())) as url:
        asked = client(url, auth_version="v3")
        assert asked.simulate_get("/v2.1/servers", headers=TOKEN).headers["x-seen"] == "u"
    answer = asked.simulate_get("/v2.1/servers", headers=TOKEN)
    assert (answer.status_code, answer.headers["x-seen"]) == (200, "u")
    check_refusal_of_others(asked)


def test_who_is_known_can_claim_to_be_nobody_else() -> None:
    with keystone((200, valid("reader"))) as url:
        asked = client(url, auth_version="v3")
        claims = {"X-Roles": "admin", "X-User-Id": "root", "X-Service-Roles": "service", "X-Is-Admin-Project": "True"}
        for headers in (TOKEN | claims, TOKEN | claims, TOKEN):  # not known, known, known
            seen = asked.simulate_get("/v2.1/servers", headers=headers).headers
            assert (seen["x-seen"], seen["x-seen-roles"]) == ("u", "reader")


def test_what_is_known_of_a_token_is_forgotten_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("novalike.api.middleware.authentication.time.monotonic", lambda: now[0])
    with keystone((200, valid("reader"))) as url:
        asked = client(url, auth_version="v3", token_cache_time=1)
        checked = []
        check = asked.app._app._checked
        monkeypatch.setattr(asked.app._app, "_checked", lambda *args: checked.append(args) or check(*args))
        for moment, looks in ((1000.0, 1), (1000.9, 1), (1001.1, 2)):
            now[0] = moment
            assert asked.simulate_get("/v2.1/servers", headers=TOKEN).status_code == 200
            assert len(checked) == looks


def test_nothing_is_known_of_tokens_that_are_not_to_be_cached() -> None:
    with keystone((200, valid("reader"))) as url:
        asked = client(url, auth_version="v3", token_cache_time=-1)
        asked.simulate_get("/v2.1/servers", headers=TOKEN)
        assert asked.app._app._known == {}


def check_refusal_of_others(asked: falcon.testing.TestClient) -> None:
    answer = asked.simulate_get("/v2.1/servers", headers={"X-Auth-Token": "another"})
    assert answer.status_code == 503


def test_the_decision_is_not_put_off() -> None:
    with pytest.raises(SystemExit, match="delay_auth_decision"):
        client("http://127.0.0.1:1", delay_auth_decision=True)
