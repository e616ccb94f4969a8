"""Tags of servers."""

from tests.functional.harness import Cloud


def test_every_answer_says_its_microversion(cloud: Cloud) -> None:
    """Those that call themselves HTML because they are empty as well; Tempest refuses them otherwise."""
    demo = cloud.demo.at("2.37")
    server_id = demo.post("/servers", cloud.server_body("tagged"), 202)["server"]["id"]
    cloud.demo.wait_for(server_id, "ACTIVE")
    for method, path, body, status in (
        ("PUT", "/tags/blue", None, 201),
        ("PUT", "/tags/blue", None, 204),
        ("PUT", "/tags", {"tags": ["blue", "red"]}, 200),
        ("GET", "/tags/red", None, 204),
        ("GET", "/tags", None, 200),
        ("DELETE", "/tags/red", None, 204),
        ("GET", "/tags/red", None, 404),
        ("DELETE", "/tags", None, 204),
    ):
        answer = demo.request(method, f"/servers/{server_id}{path}", body)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["x-openstack-nova-api-version"] == "2.37", (method, path)
        assert answer.headers["openstack-api-version"] == "compute 2.37", (method, path)
    assert demo.get(f"/servers/{server_id}/tags") == {"tags": []}


def test_a_server_takes_only_its_own_tags_with_it(cloud: Cloud) -> None:
    made = [
        cloud.demo.at("2.52").post("/servers", cloud.server_body(name, tags=[f"of-{name}"]), 202)["server"]["id"]
        for name in ("gone", "stays")
    ]
    for server_id in made:
        cloud.demo.wait_for(server_id, "ACTIVE")
    cloud.demo.delete(f"/servers/{made[0]}")
    cloud.demo.wait_gone(made[0])
    assert cloud.demo.at("2.26").get(f"/servers/{made[1]}/tags") == {"tags": ["of-stays"]}
