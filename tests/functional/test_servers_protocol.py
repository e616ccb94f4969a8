"""Paths, methods, headers and bodies around ``/servers``."""
# ruff: noqa: E501 - tables read better with a case in a line

import json
from typing import Any

import pytest

from tests.functional.harness import ADMIN_PROJECT, DEMO_PROJECT, Client, Cloud

NOTHING = "00000000-0000-4000-8000-000000000000"


def test_project_in_the_path_is_in_the_links(cloud: Cloud) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("p"), 202)["server"]["id"]
    for prefix in ("v2.1", "v2"):
        shown = cloud.demo.request("GET", f"/{prefix}/{DEMO_PROJECT}/servers/{made}").json["server"]
        hrefs = [link["href"].partition("falconframework.org")[2] for link in shown["links"]]
        assert hrefs == [f"/{prefix}/{DEMO_PROJECT}/servers/{made}", f"/{DEMO_PROJECT}/servers/{made}"]
    shown = cloud.demo.get(f"/servers/{made}")["server"]
    assert shown["links"][0]["href"].endswith(f"/v2.1/servers/{made}")
    cloud.demo.delete(f"/servers/{made}")


def test_project_in_the_path_must_be_ones_own(cloud: Cloud) -> None:
    answer = cloud.demo.request("GET", f"/v2.1/{ADMIN_PROJECT}/servers")
    assert answer.status_code == 400
    assert answer.json["badRequest"]["message"].startswith("Malformed request URL: URL's project_id")
    assert cloud.demo.request("GET", f"/v2.1/{ADMIN_PROJECT}/nope").status_code == 404


@pytest.mark.parametrize("path", ["/servers/", f"/servers/{NOTHING}/", f"/servers/{NOTHING}/ips/", "/nope", "/servers/x/nope"])
@pytest.mark.parametrize("prefix", ["/v2.1", f"/v2.1/{DEMO_PROJECT}", "/v2"])
def test_paths_that_are_none(cloud: Cloud, prefix: str, path: str) -> None:
    answer = cloud.demo.request("GET", prefix + path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")
    assert "openstack-api-version" not in answer.headers


def test_below_no_version_there_is_a_choice_of_versions(cloud: Cloud) -> None:
    import falcon.testing

    client = falcon.testing.TestClient(cloud.app)
    for path in ("/servers", "/v3/servers", f"/servers/{NOTHING}", "/-/-/-"):
        answer = client.simulate_get(path)
        assert answer.status_code == 300, path
        hrefs = [c["links"][0]["href"].partition("falconframework.org")[2] for c in answer.json["choices"]]
        assert hrefs == [f"/v2{path}", f"/v2.1{path}"]


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_methods_that_are_none(cloud: Cloud, method: str) -> None:
    assert cloud.demo.request(method, "/servers").status_code == 404


@pytest.mark.parametrize("raw", ["{", "nope", "\ufeff{}", '{"server": ' + "[" * 5000, '{"a": NaN}'])
def test_bodies_that_are_no_json(cloud: Cloud, raw: str) -> None:
    for method, path in (("POST", "/servers"), ("PUT", f"/servers/{NOTHING}"), ("POST", f"/servers/{NOTHING}/action")):
        answer = _send(cloud.demo, method, path, raw.encode())
        assert answer.status_code == 400
        assert answer.json["badRequest"]["message"] == "Malformed request body"


@pytest.mark.parametrize("part", ['"metadata": {"a": %s}', '"description": %s', '"x": %s'])
def test_bodies_that_are_nested_deeply(cloud: Cloud, part: str) -> None:
    """Between what could be decoded and what could be put into words there was a gap, and in it a 500."""
    for depth in (61, 70, *range(930, 1000)):
        for nested in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            answer = _send(cloud.demo, "POST", "/servers", ('{"server": {"name": "a", ' + part % nested + "}}").encode())
            assert answer.status_code == 400, (depth, answer.text)
            assert depth < 70 or answer.json["badRequest"]["message"].startswith("Malformed request body")


def test_hints_that_are_nested_deeply(cloud: Cloud) -> None:
    for depth in (70, *range(930, 1000, 3)):
        body = cloud.server_body("nested", max_count=0) | {"os:scheduler_hints": {"query": {"a": "nested"}}}
        raw = json.dumps(body).replace('"nested"}}', "[" * depth + "]" * depth + "}}").encode()
        assert _send(cloud.demo, "POST", "/servers", raw).status_code == 400


@pytest.mark.parametrize("raw", ["", "null", "[]", "1", '"x"', "{}"])
def test_bodies_that_are_no_object(cloud: Cloud, raw: str) -> None:
    for method, path in (("POST", "/servers"), ("PUT", f"/servers/{NOTHING}")):
        assert _send(cloud.demo, method, path, raw.encode()).status_code == 400


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (None, 404), ("application/json", 404), ("application/json; charset=utf-8", 404), ("text/plain", 404),
        ("application/vnd.openstack.compute+json", 404), ("application/xml", 415), ("multipart/form-data", 415),
    ],
)  # fmt: skip
def test_kinds_of_body(cloud: Cloud, kind: str | None, status: int) -> None:
    raw = json.dumps({"server": {"name": "x"}}).encode()
    assert _send(cloud.demo, "PUT", f"/servers/{NOTHING}", raw, kind).status_code == status
    assert _send(cloud.demo, "PUT", f"/servers/{NOTHING}", b"", kind).status_code == (415 if status == 415 else 400)


def test_api_v2_is_lenient(cloud: Cloud) -> None:
    body: dict[str, Any] = cloud.server_body(" spaced ", unknown=1)
    body["server"]["networks"] = [{"uuid": cloud.network["id"], "more": 1}]
    answer = cloud.demo.request("POST", "/v2/servers", body)
    assert answer.status_code == 202, answer.text
    assert "openstack-api-version" not in answer.headers
    made = answer.json["server"]["id"]
    assert cloud.demo.wait_for(made, "ACTIVE")["name"] == "spaced"
    assert cloud.demo.request("POST", "/v2/servers", cloud.server_body("  ")).status_code == 400
    assert cloud.demo.request("POST", "/v2.1/servers", body).status_code == 400
    assert cloud.demo.request("DELETE", f"/v2/servers/{made}").status_code == 204


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("compute 2.1", 200, "compute 2.1"), ("compute latest", 200, "compute 2.104"), ("compute 2.105", 406, "compute 2.105"),
        ("compute 3.0", 406, "compute 3.0"), ("compute x", 400, None), ("volume 3.0", 200, "compute 2.1"),
    ],
)  # fmt: skip
def test_microversions(cloud: Cloud, asked: str, status: int, said: str | None) -> None:
    answer = cloud.demo.request("GET", "/servers", **{"OpenStack-API-Version": asked})
    assert answer.status_code == status
    assert answer.headers.get("openstack-api-version") == said


def test_delete_twice(cloud: Cloud) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("kind"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    answer = cloud.demo.request("DELETE", f"/servers/{made}")
    assert (answer.status_code, answer.text) == (204, "")
    for name in ("x-openstack-request-id", "x-compute-request-id", "vary"):
        assert answer.headers[name]
    again = cloud.demo.request("DELETE", f"/servers/{made}")
    assert again.status_code in (204, 404)
    cloud.demo.wait_gone(made)
    assert cloud.demo.request("DELETE", f"/servers/{made}").status_code == 404


def _send(client: Client, method: str, path: str, raw: bytes, kind: str | None = "application/json") -> Any:
    headers = {"X-Auth-Token": f"{client.user}:{client.project}", "X-Roles": client.roles}
    if kind is not None:
        headers["Content-Type"] = kind
    return client._client.simulate_request(method, f"/v2.1{path}", body=raw, headers=headers)
