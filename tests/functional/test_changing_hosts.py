"""A compute process whose hosts change while it runs."""

from collections.abc import Callable

from tests.functional.harness import Cloud


def test_a_host_that_comes_later_takes_servers(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=1, report_interval=1)
    cloud.compute.driver._hosts = ("fake001", "fake002")  # type: ignore[attr-defined]
    cloud.compute.resource_reports.report()
    cache = cloud.scheduler._handler.snapshot_cache
    cloud.eventually(lambda: {state.host for state in cache.current().by_uuid.values()} == {"fake001", "fake002"})
    body = cloud.server_body("vm", host="fake002")
    uuid = cloud.admin.at("2.74").post("/servers", body, 202)["server"]["id"]
    assert cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == "fake002"
    assert cloud.compute.driver.residents("fake002") == {uuid}
