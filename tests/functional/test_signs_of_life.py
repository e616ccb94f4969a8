"""Hosts and daemons say that they live, again and again."""

from collections.abc import Callable
from typing import Any

from tests.functional.harness import Cloud


def test_compute_and_conductor_are_seen_again_and_again(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=2, report_interval=1)

    def seen() -> dict[str, Any]:
        found = cloud.admin.at("2.53").get("/os-services")["services"]
        return {f"{s['binary']} {s['host']}": s["updated_at"] for s in found}

    cloud.eventually(lambda: {"nova-conductor ctl", "nova-compute fake001", "nova-compute fake002"} <= seen().keys())
    for _ in range(2):
        first = seen()
        names = [name for name in first if not name.startswith("nova-scheduler")]
        cloud.eventually(lambda: all(seen()[name] > first[name] for name in names))  # noqa: B023


def test_who_stops_is_not_seen_any_more(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=1, report_interval=1)
    cloud.stop(cloud.compute)
    cloud.bus.sent.clear()
    path = "/os-services?host=fake001"
    before = cloud.admin.at("2.53").get(path)["services"][0]["updated_at"]
    conductor = "/os-services?binary=nova-conductor"
    other = cloud.admin.at("2.53").get(conductor)["services"][0]["updated_at"]
    cloud.eventually(lambda: cloud.admin.at("2.53").get(conductor)["services"][0]["updated_at"] > other)
    assert cloud.admin.at("2.53").get(path)["services"][0]["updated_at"] == before
