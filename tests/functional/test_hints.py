"""Scheduler hints that name other servers: where those are, the conductor tells."""

from collections.abc import Callable

from tests.functional.harness import Cloud

FILTERS = ["SameHostFilter", "DifferentHostFilter"]


def test_servers_go_where_others_are_or_are_not(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=3, filter_scheduler__enabled_filters=FILTERS)

    def create(name: str, **hints: object) -> tuple[str, str]:
        """Its uuid, its host."""
        body = {**cloud.server_body(name), "os:scheduler_hints": hints}
        made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
        return made, cloud.admin.wait_for(made, "ACTIVE")["OS-EXT-SRV-ATTR:host"]

    first, its_host = create("first")
    other, other_host = create("other", different_host=first)
    assert other_host != its_host
    for number in range(3):
        assert create(f"same{number}", same_host=[first])[1] == its_host
        assert create(f"third{number}", different_host=[first, other])[1] not in (its_host, other_host)


def test_a_server_is_in_the_zone_of_its_host(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=1)
    made = [cloud.demo.at("2.37").post("/servers", cloud.server_body("before"), 202)["server"]["id"]]
    cloud.demo.wait_for(made[0], "ACTIVE")
    assert cloud.demo.get(f"/servers/{made[0]}")["server"]["OS-EXT-AZ:availability_zone"] == "nova"
    cloud.demo.delete(f"/servers/{made[0]}")
    cloud.demo.wait_gone(made[0])
    aggregate = cloud.admin.post("/os-aggregates", {"aggregate": {"name": "a", "availability_zone": "za"}}, 200)
    number = aggregate["aggregate"]["id"]
    cloud.admin.post(f"/os-aggregates/{number}/action", {"add_host": {"host": "fake001"}}, 200)
    snapshots = cloud.scheduler._handler.snapshot_cache
    cloud.eventually(lambda: all(s.zone == "za" for s in snapshots.current().by_uuid.values()))
    made.append(cloud.demo.at("2.37").post("/servers", cloud.server_body("after"), 202)["server"]["id"])
    cloud.demo.wait_for(made[1], "ACTIVE")
    assert cloud.demo.get(f"/servers/{made[1]}")["server"]["OS-EXT-AZ:availability_zone"] == "za"
