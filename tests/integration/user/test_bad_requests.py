"""Requests that can't be right are refused with words that say why, and leave nothing."""

import pytest
import requests


@pytest.fixture(scope="module")
def what_there_is(demo_api, admin_api):
    """Counts of everything that a server brings with it."""

    def count():
        return {
            "servers": len(admin_api.servers(all_tenants=1)),
            "ports": sorted(port["id"] for port in admin_api.ports(project_id=demo_api.project_id)),
            "usages": admin_api.placement.get("/usages", params={"project_id": demo_api.project_id}).json(),
        }

    return count


@pytest.fixture(autouse=True, scope="module")
def _leaves_nothing(what_there_is):
    before = what_there_is()
    yield
    assert what_there_is() == before


def fault(answer, status=400, kind="badRequest"):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body[kind]["code"] == status
    return body[kind]["message"]


@pytest.mark.parametrize("body", [b"{", b'{"server": {"name": "x",}}', b"\xff\xfe\x00", b"name=x", b"", b"[]", b"null"])
def test_malformed_json(demo_api, body):
    fault(demo_api.create(body))


def test_a_document_deeper_than_anything(demo_api):
    fault(demo_api.create(b'{"server":' + b"[" * 50_000 + b"]" * 50_000 + b"}"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7), ("name", ""), ("name", "x" * 256), ("name", "x" * 100_000), ("name", None), ("name", "\u0007"),
        ("flavorRef", []), ("imageRef", "not-a-uuid"), ("imageRef", 7), ("networks", "some"), ("networks", [7]),
        ("networks", [{"uuid": "x"}]), ("networks", [{"fixed_ip": "300.1.2.3"}]), ("metadata", {"k": 1}),
        ("metadata", {"k" * 256: "v"}), ("metadata", ["k"]), ("user_data", "not base64!"),
        ("user_data", "QUFB" * 16400),
        ("min_count", 0), ("max_count", "many"), ("max_count", -1), ("key_name", ["k"]), ("config_drive", "perhaps"),
        ("tags", ["a" * 61]), ("tags", "a"), ("tags", ["a"] * 51), ("description", 7), ("availability_zone", ["z"]),
        ("block_device_mapping_v2", [{"boot_index": "x"}]), ("no_such_field", 1),
    ],
)  # fmt: skip
def test_wrong_types_and_sizes(demo_api, field, value):
    message = fault(demo_api.create(demo_api.server_body("wrong", **{field: value})))
    parts = [field, "0", *(part for thing in (value if isinstance(value, list) else [value])
                           if isinstance(thing, dict) for part in thing)]  # fmt: skip
    assert any(f"attribute {part}." in message for part in parts) or field in message, "the field, or one inside of it"


def test_a_name_of_a_megabyte(demo_api):
    fault(demo_api.create(demo_api.server_body("x" * (1 << 20))), 413, "overLimit")


def test_things_that_are_not_there(demo_api):
    nobody = "11111111-2222-3333-4444-555555555555"
    for field, value, words in (
        ("flavorRef", "no-such-flavor", "no-such-flavor"),
        ("imageRef", nobody, "image"),
        ("networks", [{"uuid": nobody}], nobody),
        ("networks", [{"port": nobody}], nobody),
        ("key_name", "no-such-key", "key_name"),
        ("security_groups", [{"name": "no-such-group"}], "no-such-group"),
    ):
        assert words in fault(demo_api.create(demo_api.server_body("x", **{field: value}))), field
    fault(demo_api.create(demo_api.server_body("x", availability_zone="no-such-zone")))


def test_the_same_port_twice(demo_api):
    made = demo_api.network.post("/v2.0/ports", json={"port": {"network_id": demo_api.network_id}}).json()["port"]
    try:
        twice = [{"port": made["id"]}, {"port": made["id"]}]
        message = fault(demo_api.create(demo_api.server_body("x", networks=twice)))
        assert made["id"] in message or "uplicate" in message
        fault(demo_api.create(demo_api.server_body("x", networks=[{"port": made["id"]}], max_count=2)))
        port = demo_api.network.get(f"/v2.0/ports/{made['id']}").json()["port"]
        assert not port["device_id"]
    finally:
        demo_api.network.delete(f"/v2.0/ports/{made['id']}")


def test_more_than_the_quota(demo_api, admin_api):
    path = f"/os-quota-sets/{demo_api.project_id}"
    before = admin_api.compute.get(path).json()["quota_set"]["instances"]
    used = len(demo_api.servers())
    body = {"quota_set": {"instances": used + 2, "force": True}}
    assert admin_api.compute.put(path, json=body).status_code == 200
    try:
        message = fault(demo_api.create(demo_api.server_body("x", min_count=3, max_count=3)), 403, "forbidden")
        assert "Quota exceeded for instances" in message
        assert "Requested 3" in message
        assert f"already used {used} of {used + 2}" in message
    finally:
        body = {"quota_set": {"instances": before, "force": True}}
        assert admin_api.compute.put(path, json=body).status_code == 200


def test_a_server_of_another_project(demo_api, admin_api, nothing_is_left):
    """It isn't there: for nobody who isn't of its project, whatever they want of it."""
    made = admin_api.create(admin_api.server_body("theirs"))
    assert made.status_code == 202, made.text
    server_id = made.json()["server"]["id"]
    try:
        one = f"/servers/{server_id}"
        assert server_id not in {server["id"] for server in demo_api.servers()}
        for method, path, body in (
            ("GET", one, None),
            ("PUT", one, {"server": {"name": "mine"}}),
            ("DELETE", one, None),
            ("POST", f"{one}/action", {"os-stop": None}),
            ("POST", f"{one}/action", {"reboot": {"type": "HARD"}}),
            ("POST", f"{one}/action", {"os-getConsoleOutput": {}}),
            ("POST", f"{one}/remote-consoles", {"remote_console": {"protocol": "vnc", "type": "novnc"}}),
            ("GET", f"{one}/os-instance-actions", None),
            ("GET", f"{one}/metadata", None),
            ("PUT", f"{one}/tags", {"tags": ["mine"]}),
            ("GET", f"{one}/ips", None),
        ):
            answer = demo_api.ask(method, path, body)
            assert answer.status_code == 404, (method, path, body, answer.text)
            assert server_id in answer.json()["itemNotFound"]["message"]
        assert admin_api.server(server_id)["name"] == "theirs"
    finally:
        admin_api.delete(server_id)
    nothing_is_left(server_id)


def test_what_an_ordinary_user_may_not_do(demo_api):
    for method, path, body in (
        ("POST", "/flavors", {"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 1}}),
        ("GET", "/os-services", None),
        ("GET", "/os-hypervisors", None),
        ("GET", "/servers/detail?all_tenants=1", None),
        ("POST", "/servers", demo_api.server_body("x", host="vm")),
        ("PUT", f"/os-quota-sets/{demo_api.project_id}", {"quota_set": {"instances": -1}}),
    ):
        answer = demo_api.ask(method, path, body)
        message = fault(answer, 403, "forbidden")
        assert "Policy doesn't allow" in message, (path, message)


def test_unknown_places_and_versions(demo_api, stack):
    assert demo_api.compute.get("/no-such-thing").status_code == 404
    assert demo_api.compute.get("/servers", microversion="2.999").status_code == 406
    nobody = requests.get(f"{stack.compute_url}/v2.1/servers", headers={"X-Auth-Token": "nobody"}, timeout=30)
    assert nobody.status_code == 401
    assert "Keystone" in nobody.headers["WWW-Authenticate"]
