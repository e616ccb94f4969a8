"""Limits, quota sets and quota classes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.harness import DEMO_PROJECT, Cloud

OURS = f"/os-quota-sets/{DEMO_PROJECT}"
OF_USER = f"{OURS}?user_id=demo-user"


@pytest.fixture(autouse=True)
def _clean(cloud: Cloud) -> Any:
    yield
    cloud.admin.delete(OURS)


def test_limits_by_microversion(cloud: Cloud) -> None:
    first = cloud.demo.get("/limits")["limits"]
    assert first["rate"] == []
    assert first["absolute"]["maxTotalFloatingIps"] == -1
    assert first["absolute"]["maxImageMeta"] == 128
    assert cloud.demo.at("2.36").get("/limits")["limits"]["absolute"].get("maxSecurityGroups") is None
    assert "maxImageMeta" not in cloud.demo.at("2.39").get("/limits")["limits"]["absolute"]
    last = cloud.demo.at("2.57").get("/limits")["limits"]["absolute"]
    assert "maxPersonality" not in last
    assert last["totalInstancesUsed"] == 0


def test_limits_of_others(cloud: Cloud) -> None:
    cloud.admin.put(OURS, {"quota_set": {"cores": 7}})
    assert cloud.admin.get(f"/limits?tenant_id={DEMO_PROJECT}")["limits"]["absolute"]["maxTotalCores"] == 7
    assert cloud.demo.request("GET", f"/limits?tenant_id={DEMO_PROJECT}").status_code == 403
    assert cloud.demo.at("2.74").request("GET", "/limits?reserved=1").status_code == 200
    assert cloud.demo.at("2.75").request("GET", "/limits?reserved=1").status_code == 400


def test_user_limits_are_within_the_projects(cloud: Cloud) -> None:
    changed = cloud.admin.put(OURS, {"quota_set": {"instances": 9, "ram": "-1"}})["quota_set"]
    assert (changed["instances"], changed["ram"]) == (9, -1)
    assert "id" not in changed
    over = cloud.admin.request("PUT", OF_USER, {"quota_set": {"instances": 10}})
    assert over.json["badRequest"]["message"] == "Quota limit 10 for instances must be less than or equal to 9."
    assert cloud.admin.put(OF_USER, {"quota_set": {"instances": 5}})["quota_set"]["instances"] == 5
    under = cloud.admin.request("PUT", OURS, {"quota_set": {"instances": 4}})
    assert under.json["badRequest"]["message"] == (
        "Quota limit 4 for instances must be greater than or equal to already used and reserved 5."
    )
    assert cloud.admin.put(OURS, {"quota_set": {"instances": 4, "force": "true"}})["quota_set"]["instances"] == 4
    assert cloud.demo.get(OF_USER)["quota_set"]["instances"] == 5
    assert cloud.demo.get(OURS)["quota_set"] == {**cloud.demo.get(OURS)["quota_set"], "id": DEMO_PROJECT}
    assert cloud.admin.request("DELETE", OF_USER).status_code == 202
    assert cloud.demo.get(OF_USER)["quota_set"]["instances"] == 4


def test_what_users_have_been_given_is_the_projects(cloud: Cloud) -> None:
    """The rest of it is what another user can get, also when that is little or nothing."""
    cloud.admin.put(OURS, {"quota_set": {"instances": 9}})
    other = OF_USER + "-2"
    for given, most in ((8, 1), (9, 0)):
        assert cloud.admin.put(OF_USER, {"quota_set": {"instances": given}})["quota_set"]["instances"] == given
        for wanted in (most + 1, -1):
            assert cloud.admin.request("PUT", other, {"quota_set": {"instances": wanted}}).status_code == 400
        assert cloud.admin.put(other, {"quota_set": {"instances": most}})["quota_set"]["instances"] == most
        assert cloud.admin.request("DELETE", other).status_code == 202
        assert cloud.admin.request("PUT", OURS, {"quota_set": {"instances": given - 1}}).status_code == 400
    # What is his own he can exchange for more.
    assert cloud.admin.put(OF_USER, {"quota_set": {"instances": 9}})["quota_set"]["instances"] == 9
    assert cloud.admin.request("DELETE", OF_USER).status_code == 202
    cloud.admin.put(OURS, {"quota_set": {"instances": -1}})
    assert cloud.admin.put(OF_USER, {"quota_set": {"instances": -1}})["quota_set"]["instances"] == -1
    assert cloud.admin.request("DELETE", OURS).status_code == 202
    assert cloud.admin.request("DELETE", OF_USER).status_code == 202


@pytest.mark.parametrize("resource", ["fixed_ips", "floating_ips"])
def test_addresses_are_the_projects_whoever_they_are_set_for(cloud: Cloud, resource: str) -> None:
    cloud.admin.put(OF_USER, {"quota_set": {resource: 5, "cores": 6, "force": True}})
    ours, of_another = (cloud.admin.get(path)["quota_set"] for path in (OURS, f"{OF_USER}-2"))
    assert (ours[resource], of_another[resource]) == (5, 5)
    assert ours["cores"] != 6
    assert cloud.admin.request("DELETE", OF_USER).status_code == 202


def test_what_holds_where_nothing_was_set_is_in_the_options(make_cloud: Callable[..., Cloud]) -> None:
    """By the names that they have in Nova."""
    options = {
        "instances": "instances", "cores": "cores", "ram": "ram", "metadata_items": "metadata_items",
        "injected_files": "injected_files", "injected_file_content_bytes": "injected_file_content_bytes",
        "injected_file_path_bytes": "injected_file_path_length", "key_pairs": "key_pairs",
        "server_groups": "server_groups", "server_group_members": "server_group_members",
    }  # fmt: skip
    values = {f"quota__{option}": number + 11 for number, option in enumerate(options.values())}
    cloud = make_cloud(hosts=1, **values)
    shown = cloud.admin.get(f"/os-quota-sets/{DEMO_PROJECT}/defaults")["quota_set"]
    assert {name: shown[name] for name in options} == {
        name: values[f"quota__{option}"] for name, option in options.items()
    }
    assert {shown[name] for name in shown.keys() - options.keys() - {"id"}} == {-1}


def test_what_is_used_counts(cloud: Cloud) -> None:
    server = cloud.demo.at("2.37").post("/servers", cloud.server_body("counted"), 202)["server"]
    cloud.demo.wait_for(server["id"], "ACTIVE")
    try:
        assert cloud.demo.get("/limits")["limits"]["absolute"]["totalRAMUsed"] == 64
        detail = cloud.demo.get(f"{OURS}/detail")["quota_set"]
        assert detail["instances"]["in_use"] == 1
        assert detail["instances"]["reserved"] == 0
        assert cloud.demo.get(f"{OURS}/detail?user_id=other")["quota_set"]["instances"]["in_use"] == 0
        refused = cloud.admin.request("PUT", OURS, {"quota_set": {"instances": 0}})
        assert refused.status_code == 400
        assert cloud.admin.request("PUT", OURS, {"quota_set": {"instances": 1}}).status_code == 200
        body = cloud.server_body("too-many")
        assert cloud.demo.at("2.37").request("POST", "/servers", body).status_code == 403
    finally:
        cloud.demo.delete(f"/servers/{server['id']}")
        cloud.demo.wait_gone(server["id"])


def test_who_may(cloud: Cloud) -> None:
    assert cloud.demo.request("PUT", OURS, {"quota_set": {"cores": 5}}).status_code == 403
    assert cloud.demo.request("DELETE", OURS).status_code == 403
    assert cloud.demo.request("GET", f"/os-quota-sets/{cloud.admin.project}").status_code == 403
    assert cloud.demo.request("GET", f"/os-quota-sets/{cloud.admin.project}/defaults").status_code == 200
    assert cloud.demo.request("GET", "/os-quota-class-sets/default").status_code == 403


@pytest.mark.parametrize(
    ("version", "values", "status"),
    [
        ("2.35", {"floating_ips": 1}, 200), ("2.36", {"floating_ips": 1}, 400), ("2.56", {"injected_files": 1}, 200),
        ("2.57", {"injected_files": 1}, 400), ("2.1", {"cores": -2}, 400), ("2.1", {"cores": "x"}, 400),
        ("2.1", {"cores": 2**31}, 400), ("2.1", {}, 200),
    ],
)  # fmt: skip
def test_updates(cloud: Cloud, version: str, values: dict[str, Any], status: int) -> None:
    assert cloud.admin.at(version).request("PUT", OURS, {"quota_set": values}).status_code == status


def test_the_default_class_holds_for_all(cloud: Cloud) -> None:
    before = cloud.admin.get("/os-quota-class-sets/default")["quota_class_set"]
    assert before["id"] == "default"
    assert "server_groups" not in before
    assert "server_groups" in cloud.admin.at("2.50").get("/os-quota-class-sets/default")["quota_class_set"]
    cloud.admin.put("/os-quota-class-sets/default", {"quota_class_set": {"key_pairs": "42"}})
    assert cloud.demo.get(f"{OURS}/defaults")["quota_set"]["key_pairs"] == 42
    assert cloud.demo.get("/limits")["limits"]["absolute"]["maxTotalKeypairs"] == 42
    cloud.admin.put("/os-quota-class-sets/default", {"quota_class_set": {"key_pairs": before["key_pairs"]}})
