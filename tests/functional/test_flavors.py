"""Flavors, their extra specs and access to them."""

from typing import Any

import pytest

from tests.functional.harness import DEMO_PROJECT, Client, Cloud

LATEST = "2.104"


def create(admin: Client, name: str, **more: Any) -> dict[str, Any]:
    body = {"name": name, "id": name, "ram": 64, "vcpus": 1, "disk": 1, **more}
    made: dict[str, Any] = admin.post("/flavors", {"flavor": body}, 200)["flavor"]
    return made


@pytest.fixture(autouse=True)
def _clean(cloud: Cloud) -> Any:
    yield
    for flavor in cloud.admin.get("/flavors?is_public=none")["flavors"]:
        if flavor["name"].startswith("t-"):
            cloud.admin.delete(f"/flavors/{flavor['id']}")


def test_view_by_microversion(cloud: Cloud) -> None:
    create(cloud.admin, "t-a", swap=0)
    first = cloud.demo.get("/flavors/t-a")["flavor"]
    assert first["swap"] == ""
    assert first["rxtx_factor"] == 1.0
    assert "description" not in first
    assert "extra_specs" not in first
    last = cloud.demo.at(LATEST).get("/flavors/t-a")["flavor"]
    assert last["swap"] == 0
    assert last["extra_specs"] == {}
    assert "rxtx_factor" not in last
    assert "OS-FLV-DISABLED:disabled" not in last


def test_numbers_may_be_strings(cloud: Cloud) -> None:
    made = create(cloud.admin, "t-s", ram="128", vcpus="2", disk="0", **{"OS-FLV-EXT-DATA:ephemeral": "3"})
    assert (made["ram"], made["vcpus"], made["disk"], made["OS-FLV-EXT-DATA:ephemeral"]) == (128, 2, 0, 3)


def test_same_name_or_id(cloud: Cloud) -> None:
    create(cloud.admin, "t-d")
    body = {"name": "t-d", "id": "t-e", "ram": 1, "vcpus": 1, "disk": 1}
    refused = cloud.admin.request("POST", "/flavors", {"flavor": body})
    assert refused.status_code == 409
    assert refused.json["conflictingRequest"]["message"] == "Flavor with name t-d already exists."
    refused = cloud.admin.request("POST", "/flavors", {"flavor": {**body, "id": "t-d", "name": "t-other"}})
    assert refused.json["conflictingRequest"]["message"] == "Flavor with ID t-d already exists."


def test_the_schema_is_asked_before_policy(cloud: Cloud) -> None:
    assert cloud.demo.request("POST", "/flavors", {"flavor": {}}).status_code == 400
    right = {"name": "t-x", "ram": 1, "vcpus": 1, "disk": 1}
    assert cloud.demo.request("POST", "/flavors", {"flavor": right}).status_code == 403


def test_pages_have_everything_once_in_order(cloud: Cloud) -> None:
    for n, description in enumerate(["x", None, "y", None, "x"]):
        create(cloud.admin.at("2.55"), f"t-{n}", description=description)
    client = cloud.admin.at("2.60")
    for direction in ("asc", "desc"):
        whole = [f["id"] for f in client.get(f"/flavors?sort_key=description&sort_dir={direction}")["flavors"]]
        paged: list[str] = []
        path = f"/flavors?sort_key=description&sort_dir={direction}&limit=2"
        while path:
            page = client.get(path)
            paged += [f["id"] for f in page["flavors"]]
            links = page.get("flavors_links", [])
            path = links[0]["href"].partition("/v2.1")[2] if links else ""
        assert paged == whole
        assert len(set(paged)) == len(paged)


def test_next_link_keeps_the_query(cloud: Cloud) -> None:
    create(cloud.admin, "t-1")
    create(cloud.admin, "t-2")
    page = cloud.admin.at(LATEST).get("/flavors?name=^t-&limit=1&is_public=none")
    assert page["flavors_links"][0]["href"].endswith("/v2.1/flavors?is_public=none&limit=1&name=%5Et-&marker=t-1")


@pytest.mark.parametrize(
    ("version", "query", "status"),
    [
        ("2.1", "unknown=1", 200), ("2.75", "unknown=1", 400), ("2.1", "limit=x", 400), ("2.1", "marker=nope", 400),
        ("2.1", "sort_key=secret", 400), ("2.101", "name=[", 400), ("2.102", "name=[", 400), ("2.102", "name=x", 200),
        ("2.102", "name=(?=m)", 400), ("2.102", "name=" + "(" * 2000, 400),
        ("2.1", "minRam=" + "9" * 30, 200), ("2.1", "minDisk=-" + "9" * 30, 200),
        ("2.101", "sort_key=rxtx_factor", 200), ("2.102", "sort_key=rxtx_factor", 400), ("2.1", "minRam=x", 400),
        ("2.1", "is_public=maybe", 400),
    ],
)  # fmt: skip
def test_queries(cloud: Cloud, version: str, query: str, status: int) -> None:
    assert cloud.admin.at(version).request("GET", f"/flavors?{query}").status_code == status


def test_private_flavors_are_for_those_with_access(cloud: Cloud) -> None:
    create(cloud.admin, "t-p", **{"os-flavor-access:is_public": False})
    assert cloud.demo.request("GET", "/flavors/t-p").status_code == 404
    assert "t-p" not in [f["id"] for f in cloud.demo.get("/flavors?is_public=none")["flavors"]]
    grant = {"addTenantAccess": {"tenant": DEMO_PROJECT}}
    given = cloud.admin.post("/flavors/t-p/action", grant, 200)
    assert given == {"flavor_access": [{"flavor_id": "t-p", "tenant_id": DEMO_PROJECT}]}
    assert cloud.admin.request("POST", "/flavors/t-p/action", grant).status_code == 409
    assert "t-p" in [f["id"] for f in cloud.demo.get("/flavors")["flavors"]]
    take = {"removeTenantAccess": {"tenant": DEMO_PROJECT}}
    assert cloud.admin.post("/flavors/t-p/action", take, 200) == {"flavor_access": []}
    assert cloud.admin.request("POST", "/flavors/t-p/action", take).status_code == 404


def test_access_to_public_flavors(cloud: Cloud) -> None:
    create(cloud.admin, "t-q")
    grant = {"addTenantAccess": {"tenant": DEMO_PROJECT}}
    assert cloud.admin.request("GET", "/flavors/t-q/os-flavor-access").status_code == 404
    assert cloud.admin.at("2.7").request("POST", "/flavors/t-q/action", grant).status_code == 409
    assert cloud.admin.at("2.6").request("POST", "/flavors/t-q/action", grant).status_code == 200


def test_extra_specs(cloud: Cloud) -> None:
    create(cloud.admin, "t-e")
    path = "/flavors/t-e/os-extra_specs"
    # Numbers are taken, and are strings from then on.
    assert cloud.admin.post(path, {"extra_specs": {"a": 1, "b": "x"}}) == {"extra_specs": {"a": 1, "b": "x"}}
    assert cloud.demo.get(path) == {"extra_specs": {"a": "1", "b": "x"}}
    assert cloud.admin.put(f"{path}/a", {"a": "2"}) == {"a": "2"}
    assert cloud.admin.request("PUT", f"{path}/a", {"b": "2"}).status_code == 400
    assert cloud.demo.get(f"{path}/a") == {"a": "2"}
    cloud.admin.delete(f"{path}/b")
    assert cloud.admin.request("DELETE", f"{path}/b").status_code == 404
    assert cloud.demo.at("2.61").get("/flavors/t-e")["flavor"]["extra_specs"] == {"a": "2"}


def test_known_extra_specs_are_checked_from_2_86(cloud: Cloud) -> None:
    create(cloud.admin, "t-k")
    wrong = {"extra_specs": {"hw:cpu_policy": "sometimes"}}
    assert cloud.admin.at("2.85").request("POST", "/flavors/t-k/os-extra_specs", wrong).status_code == 200
    refused = cloud.admin.at("2.86").request("POST", "/flavors/t-k/os-extra_specs", wrong)
    assert refused.json["badRequest"]["message"] == (
        "Validation failed; 'sometimes' is not one of: dedicated, shared, mixed."
    )


def test_update_exists_from_2_55(cloud: Cloud) -> None:
    create(cloud.admin, "t-u")
    body = {"flavor": {"description": "new"}}
    missing = cloud.admin.at("2.54").request("PUT", "/flavors/t-u", body)
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/json; charset=UTF-8")
    assert cloud.admin.at("2.55").put("/flavors/t-u", body)["flavor"]["description"] == "new"
    assert cloud.admin.at("2.55").request("PUT", "/flavors/nope", body).status_code == 404


def test_one_bus_call_per_read(cloud: Cloud) -> None:
    create(cloud.admin, "t-b")
    for path in ("/flavors", "/flavors/detail", "/flavors/t-b"):
        before = len(cloud.bus.sent)
        cloud.demo.at(LATEST).get(path)
        asked = [interface for interface, _ in cloud.bus.sent[before:] if interface.startswith("Flavor")]
        assert asked == ["FlavorReads"]
