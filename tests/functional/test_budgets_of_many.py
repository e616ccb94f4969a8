"""What requests cost does not grow with the servers that there are, nor with the hosts."""

from collections.abc import Callable

import pytest

from tests.benchmarks.growth import population
from tests.functional.harness import DEMO_PROJECT, Cloud
from tests.functional.test_budgets import _boot, measured

QUIET = {"scheduler__sync_interval": 3600, "conductor__reaper_interval": 3600, "report_interval": 3600}
MIDDLE = population.server_uuid(6)
READS = [
    "/servers?limit=5", "/servers/detail?limit=5", f"/servers/detail?limit=2&marker={MIDDLE}",
    "/servers/detail?limit=5&status=ACTIVE", "/servers/detail?limit=5&sort_key=display_name&sort_dir=asc",
    f"/servers/{MIDDLE}", f"/servers/{MIDDLE}/os-instance-actions", "/limits", "/flavors/detail",
]  # fmt: skip


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    found = make_cloud(**QUIET)
    for resource in ("instances", "cores", "ram"):
        found.conf.set_override(resource, -1, "quota")
    _boot(found, "warm")
    return found


def fill(cloud: Cloud, first: int, end: int) -> None:
    """Write servers of these numbers, half of them the demo user's."""
    cells = cloud.conductor.cells
    cell = next(cell for cell in cells.all() if not cell.is_cell0)
    population.populate(cell.database.engine, cells.api.engine, cell.id, first, end, DEMO_PROJECT, "demo-user")


def costs(cloud: Cloud) -> dict[str, tuple[int, int]]:
    """What was asked → messages, statements."""
    found = {}
    for path in READS:
        cloud.demo.at("2.96").get(path)
        with measured(cloud) as cost:
            cloud.demo.at("2.96").get(path)
        found[path] = cost.messages, len(cost.statements)
    with measured(cloud) as cost:
        server_id = _boot(cloud, "one")
    cloud.demo.wait_for(server_id, "ACTIVE")
    found["boot"] = cost.messages, len(cost.statements)
    with measured(cloud) as cost:
        cloud.demo.delete(f"/servers/{server_id}")
    cloud.demo.wait_gone(server_id)
    found["delete"] = cost.messages, len(cost.statements)
    return found


def test_a_thousand_servers_cost_what_ten_do(cloud: Cloud) -> None:
    fill(cloud, 0, 20)
    few = costs(cloud)
    fill(cloud, 20, 1000)
    many = costs(cloud)
    assert all(many[path][0] == few[path][0] for path in few), (few, many)
    # One may be about hosts' states, which are looked up once a second.
    assert all(many[path][1] <= few[path][1] + 1 for path in few), (few, many)
    assert all(messages <= 2 for messages, _ in (few[path] for path in READS)), few
    assert all(statements <= 6 for _, statements in (few[path] for path in READS)), few


@pytest.mark.parametrize("hosts", [3, 60])
def test_reports_of_many_hosts_cost_what_those_of_few_do(make_cloud: Callable[..., Cloud], hosts: int) -> None:
    """One process stands for all of them."""
    cloud = make_cloud(hosts=hosts, **QUIET)
    with measured(cloud) as cost:
        cloud.compute.resource_reports.report()
    cost.check(messages=2, statements=1)
    snapshot_cache = cloud.scheduler._handler.snapshot_cache
    snapshot_cache.refresh()
    with measured(cloud) as cost:
        assert not snapshot_cache.refresh()
    cost.check(messages=2, statements=4)


def test_a_hundred_servers_in_one_request_are_not_a_hundred_requests(cloud: Cloud) -> None:
    with measured(cloud) as cost:
        _boot(cloud, "hundred", 100)
    # Per server: what its own host reports of it, and nothing else.
    cost.check(messages=2 + 2 + 3 * 3 + 100 * 4, statements=100 * 14)
