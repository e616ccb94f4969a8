"""A server's life, through all daemons."""

import pytest

from novalike.bus.servers import ServerCommands
from novalike.objects import errors
from novalike.objects.context import admin_context
from tests.functional.harness import DEMO_PROJECT, Cloud


def test_create_becomes_active_and_delete_leaves_nothing(cloud: Cloud) -> None:
    body = cloud.server_body("first", networks=[{"uuid": cloud.network["id"]}], metadata={"a": "b"})
    made = cloud.demo.at("2.52").post("/servers", body, 202)["server"]
    server = cloud.demo.wait_for(made["id"], "ACTIVE")
    assert server["metadata"] == {"a": "b"}
    assert server["addresses"]["private"][0]["version"] == 4
    host = cloud.admin.get(f"/servers/{made['id']}")["server"]["OS-EXT-SRV-ATTR:host"]
    assert cloud.compute.driver.guests(host)
    assert cloud.placement.consumers[made["id"]].project_id == DEMO_PROJECT
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])
    assert not cloud.compute.driver.guests(host)
    assert not cloud.neutron.ports(device_id=made["id"])
    assert DEMO_PROJECT not in {claim.project_id for claim in cloud.placement.consumers.values()}


def test_power(cloud: Cloud) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("power"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    path = f"/servers/{made['id']}/action"
    cloud.demo.post(path, {"os-stop": None}, 202)
    cloud.demo.wait_for(made["id"], "SHUTOFF")
    refused = cloud.demo.request("POST", path, {"os-stop": None})
    assert refused.status_code == 409
    cloud.demo.post(path, {"os-start": None}, 202)
    cloud.demo.wait_for(made["id"], "ACTIVE")
    for kind in ("SOFT", "HARD"):
        cloud.demo.post(path, {"reboot": {"type": kind}}, 202)
        cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])


def test_hundred_by_one_request(cloud: Cloud) -> None:
    body = cloud.server_body("many", max_count=8, min_count=8)
    cloud.demo.at("2.37").post("/servers", body, 202)
    names = cloud.eventually(
        lambda: [s for s in cloud.demo.get("/servers/detail?name=many")["servers"] if s["status"] == "ACTIVE"][7:]
        and cloud.demo.get("/servers/detail?name=many")["servers"]
    )
    assert sorted(s["name"] for s in names) == [f"many-{n}" for n in range(1, 9)]
    assert len({s["hostId"] for s in names}) == 3


def test_quota_is_told_and_nothing_is_left(cloud: Cloud) -> None:
    before = len(cloud.demo.get("/servers")["servers"])
    refused = cloud.demo.at("2.37").request("POST", "/servers", cloud.server_body("much", min_count=20_000))
    assert refused.status_code == 403
    assert "Quota exceeded for cores, instances, ram" in refused.json["forbidden"]["message"]
    assert len(cloud.demo.get("/servers")["servers"]) == before


def test_others_servers_are_not_there(cloud: Cloud) -> None:
    made = cloud.admin.at("2.37").post("/servers", cloud.server_body("mine"), 202)["server"]
    for method, path, body in (
        ("GET", "", None), ("PUT", "", {"server": {"name": "x"}}), ("DELETE", "", None), ("GET", "/metadata", None),
        ("GET", "/ips", None), ("POST", "/action", {"os-stop": None}),
    ):  # fmt: skip
        assert cloud.demo.request(method, f"/servers/{made['id']}{path}", body).status_code == 404, (method, path)
    cloud.admin.wait_for(made["id"], "ACTIVE")
    cloud.admin.delete(f"/servers/{made['id']}")


def test_unknown_flavor_key_and_image(cloud: Cloud) -> None:
    demo = cloud.demo.at("2.37")
    for change, word in (
        ({"flavorRef": "nope"}, "nope"),
        ({"key_name": "nokey"}, "key"),
        ({"imageRef": "00000000-0000-0000-0000-000000000001"}, "image"),
        ({"name": "x" * 1_000}, "name"),
    ):
        body = cloud.server_body("bad")
        body["server"].update(change)
        refused = demo.request("POST", "/servers", body)
        assert refused.status_code == 400, (change, refused.text)
        assert word in refused.json["badRequest"]["message"].lower(), refused.text


def test_metadata_and_tags(cloud: Cloud) -> None:
    demo = cloud.demo.at("2.52")
    made = demo.post("/servers", cloud.server_body("meta", metadata={"a": "1"}, tags=["x"]), 202)["server"]
    demo.wait_for(made["id"], "ACTIVE")
    path = f"/servers/{made['id']}"
    assert demo.post(f"{path}/metadata", {"metadata": {"b": "2"}}) == {"metadata": {"a": "1", "b": "2"}}
    assert demo.put(f"{path}/metadata/a", {"meta": {"a": "3"}}) == {"meta": {"a": "3"}}
    demo.delete(f"{path}/metadata/b")
    assert demo.get(f"{path}/metadata") == {"metadata": {"a": "3"}}
    assert demo.request("DELETE", f"{path}/metadata/b").status_code == 404
    assert demo.request("PUT", f"{path}/tags/y").status_code == 201
    assert demo.request("PUT", f"{path}/tags/y").status_code == 204
    assert demo.get(f"{path}/tags") == {"tags": ["x", "y"]}
    assert [s["id"] for s in demo.get("/servers?tags=x,y")["servers"]] == [made["id"]]
    assert demo.get("/servers?not-tags-any=x")["servers"] == [
        s for s in demo.get("/servers")["servers"] if s["id"] != made["id"]
    ]
    demo.delete(f"{path}/tags")
    assert demo.get(f"{path}/tags") == {"tags": []}
    demo.delete(path)
    demo.wait_gone(made["id"])


def test_lists_are_paged_and_sorted(cloud: Cloud) -> None:
    demo = cloud.demo.at("2.37")
    for name in ("page-c", "page-a", "page-b"):
        made = demo.post("/servers", cloud.server_body(name), 202)["server"]
        demo.wait_for(made["id"], "ACTIVE")
    query = "/servers?name=page-&sort_key=display_name&sort_dir=asc&limit=2"
    first = demo.get(query)
    assert [s["name"] for s in first["servers"]] == ["page-a", "page-b"]
    link = first["servers_links"][0]["href"]
    second = demo.get("/servers?" + link.partition("?")[2])
    assert [s["name"] for s in second["servers"]] == ["page-c"]
    newest = demo.get("/servers?name=page-")
    assert [s["name"] for s in newest["servers"]] == ["page-b", "page-a", "page-c"]
    assert demo.request("GET", "/servers?marker=nope").status_code == 400


def test_what_the_conductor_does_not_change(cloud: Cloud) -> None:
    commands: ServerCommands = cloud.bus.transport().client(ServerCommands)
    changes = {"vm_state": "active", "host": "h", "name": "n"}
    with pytest.raises(errors.Invalid, match="host, vm_state"):
        commands.update_server(admin_context(), server_id="it", changes=changes)


def test_a_marker_that_is_none_is_named(cloud: Cloud) -> None:
    answer = cloud.demo.request("GET", "/servers?marker=00000000-0000-4000-8000-00000000abcd")
    assert answer.status_code == 400
    assert "00000000-0000-4000-8000-00000000abcd" in answer.json["badRequest"]["message"]
