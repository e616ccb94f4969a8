"""What a proxy before the API says is believed when the operator says that there is one, and never otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.api.app import make_app
from novalike.api.middleware.proxy_headers import behind_proxy
from tests.fakes.glance import FakeGlance
from tests.fakes.neutron import FakeNeutron

X_HEADERS = {
    "X-Forwarded-Proto": "https", "X-Forwarded-Host": "cloud.example.org", "X-Forwarded-Prefix": "/compute",
    "X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.8",
}  # fmt: skip
FORWARDED = {"Forwarded": 'for=192.0.2.7;proto=HTTPS;host="cloud.example.org", for=10.0.0.1;proto=http;host=inner'}


class NoBus:
    """No request of these tests asks anybody."""

    def client(self, interface: type[Any], endpoint: str | None = None) -> "NoBus":
        return self


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[str], cfg.ConfigOpts]:
    def load(text: str) -> cfg.ConfigOpts:
        (tmp_path / "api.conf").write_text(f"[api]\nauth_strategy = noauth2\n{text}")
        conf = cfg.ConfigOpts()
        novalike_conf.load("novalike-tests", ["--config-file", str(tmp_path / "api.conf")], conf)
        return conf

    return load


ON = "[oslo_middleware]\nenable_proxy_headers_parsing = true\n"


def root_link(conf: cfg.ConfigOpts, path: str, headers: dict[str, str]) -> str:
    app = make_app(conf, NoBus(), glance=FakeGlance(), neutron=FakeNeutron())  # type: ignore[arg-type]
    client = falcon.testing.TestClient(app)
    answer = client.simulate_get(path, headers={"Host": "api:8774"} | headers).json
    return str((answer["versions"][1] if "versions" in answer else answer["version"])["links"][0]["href"])


@pytest.mark.parametrize("path", ["/", "/v2.1"])
@pytest.mark.parametrize("headers", [{}, X_HEADERS, FORWARDED, X_HEADERS | FORWARDED])
def test_nobody_is_believed_unless_configured(
    configure: Callable[[str], cfg.ConfigOpts], path: str, headers: dict[str, str]
) -> None:
    assert root_link(configure(""), path, headers) == "http://api:8774/v2.1/"


@pytest.mark.parametrize("path", ["/", "/v2.1"])
@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({}, "http://api:8774"),
        (X_HEADERS, "https://cloud.example.org/compute"),
        (FORWARDED, "https://cloud.example.org"),
        ({"X-Forwarded-Proto": "https"}, "https://api:8774"),
        ({"X-Forwarded-Prefix": "compute/"}, "http://api:8774/compute"),
        ({"X-Forwarded-Proto": "javascript"}, "http://api:8774"),
        ({"Forwarded": ";;=,,"}, "http://api:8774"),
    ],
)
def test_a_proxy_that_is_configured_is_believed(
    configure: Callable[[str], cfg.ConfigOpts], path: str, headers: dict[str, str], url: str
) -> None:
    assert root_link(configure(ON), path, headers) == f"{url}/v2.1/"


def test_a_configured_prefix_goes_before_what_the_proxy_says(configure: Callable[[str], cfg.ConfigOpts]) -> None:
    conf = configure(f"compute_link_prefix = https://c.example.org/nova/\n{ON}")
    assert root_link(conf, "/", X_HEADERS) == "https://c.example.org/nova/v2.1/"


@pytest.mark.parametrize(
    ("text", "headers", "address"),
    [
        ("", X_HEADERS | FORWARDED, "10.0.0.2"),
        (ON, {}, "10.0.0.2"),
        (ON, X_HEADERS, "192.0.2.7"),
        # Nothing that a caller puts before it passes for the address.
        (ON, {"X-Forwarded-For": "10.9.9.9, 192.0.2.7"}, "10.9.9.9, 192.0.2.7"),
        (ON, FORWARDED, "192.0.2.7, 10.0.0.1"),
    ],
)
def test_the_callers_address(
    configure: Callable[[str], cfg.ConfigOpts], text: str, headers: dict[str, str], address: str
) -> None:
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    client = falcon.testing.TestClient(behind_proxy(app, configure(text)))
    client.simulate_get("/", headers=headers, remote_addr="10.0.0.2")
    assert seen == [address]


def test_a_value_that_is_none_stops_the_daemon(configure: Callable[[str], cfg.ConfigOpts]) -> None:
    with pytest.raises(SystemExit, match="enable_proxy_headers_parsing"):
        configure("[oslo_middleware]\nenable_proxy_headers_parsing = perhaps\n")
