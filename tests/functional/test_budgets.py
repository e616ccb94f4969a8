"""What requests cost: messages on the bus and SQL statements, with today's numbers as ceilings.

A higher number is a decision, not an accident: change the ceiling with the reason. Statements that only begin or end
a transaction are not counted. A call is two messages, a cast one.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from novalike.bus import compute, flavors, host_states, journal, migrations, quotas, scheduler, server_resize, servers
from novalike.bus.interface import methods
from novalike.db.cell import tables as t
from tests.fakes.records import migration_row
from tests.functional.harness import Cloud

INTERFACES = {
    interface.__name__: interface
    for module in (compute, flavors, host_states, journal, migrations, quotas, scheduler, server_resize, servers)
    for interface in vars(module).values()
    if isinstance(interface, type) and hasattr(interface, "topic")
}


class Cost(NamedTuple):
    """What was sent and executed while something was going on."""

    sent: list[tuple[str, str]]
    statements: list[str]

    @property
    def calls(self) -> int:
        """Calls that were made over the bus."""
        return sum(not methods(INTERFACES[i])[m].is_cast for i, m in self.sent)

    @property
    def messages(self) -> int:
        """Messages on the bus, answers among them."""
        return len(self.sent) + self.calls

    def check(self, *, messages: int, statements: int) -> None:
        """Fail when it was more."""
        assert self.messages <= messages, self.sent
        assert len(self.statements) <= statements, "\n".join(self.statements)


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    """A cloud in which nothing happens by itself."""
    found = make_cloud(scheduler__sync_interval=3600, conductor__reaper_interval=3600, report_interval=3600)
    _boot(found, "warm")
    return found


@contextmanager
def measured(cloud: Cloud) -> Iterator[Cost]:
    """Record what the cloud does inside."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")):
            statements.append(" ".join(statement.split())[:160])

    settle(cloud)
    cost = Cost([], statements)
    event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        cloud.bus.sent.clear()
        yield cost
        settle(cloud)
        cost.sent.extend(cloud.bus.sent)
    finally:
        event.remove(sa.engine.Engine, "before_cursor_execute", note)


def settle(cloud: Cloud, quiet: float = 0.3) -> None:
    """Wait until nothing has been sent for a while (seconds), and all of it was dealt with."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < quiet:
        if len(cloud.bus.sent) != last or cloud.bus.under_way:
            last, since = len(cloud.bus.sent), time.monotonic()
        time.sleep(0.02)


def _boot(cloud: Cloud, name: str, count: int = 1) -> str:
    body = cloud.server_body(name, min_count=count, max_count=count)
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    settle(cloud)
    return str(made["id"])


def test_boot(cloud: Cloud) -> None:
    with measured(cloud) as cost:
        server_id = _boot(cloud, "one")
    cloud.demo.wait_for(server_id, "ACTIVE")
    cost.check(messages=9, statements=20)


def test_boot_with_a_port(cloud: Cloud) -> None:
    body = cloud.server_body("port", networks=[{"uuid": cloud.network["id"]}])
    with measured(cloud) as cost:
        cloud.demo.at("2.37").post("/servers", body, 202)
    # One report more: that the ports are there.
    cost.check(messages=11, statements=23)


def test_boot_of_ten_by_one_request(cloud: Cloud) -> None:
    with measured(cloud) as cost:
        _boot(cloud, "ten", 10)
    # One placing for all, then on each of three hosts; per server: what its own host reports.
    cost.check(messages=2 + 2 + 3 * 3 + 10 * 2, statements=87)


def test_boot_in_a_zone_costs_nothing_more(cloud: Cloud) -> None:
    body = cloud.server_body("zone", availability_zone="nova")
    cloud.demo.at("2.37").post("/servers", body, 202)
    with measured(cloud) as cost:
        cloud.demo.at("2.37").post("/servers", body, 202)
    cost.check(messages=9, statements=20)


def test_delete(cloud: Cloud) -> None:
    server_id = _boot(cloud, "gone")
    with measured(cloud) as cost:
        cloud.demo.delete(f"/servers/{server_id}")
    cloud.demo.wait_gone(server_id)
    cost.check(messages=9, statements=15)


def test_news_of_a_port(cloud: Cloud) -> None:
    body = cloud.server_body("port", networks=[{"uuid": cloud.network["id"]}])
    server_id = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(server_id, "ACTIVE")
    events = {"events": [{"name": "network-changed", "server_uuid": server_id, "status": "completed"}]}
    with measured(cloud) as cost:
        cloud.admin.post("/os-server-external-events", events)
    cost.check(messages=3, statements=2)
    (port,) = cloud.neutron.ports(device_id=server_id)
    cloud.neutron.add_floating_ip("172.24.4.9", port)
    with measured(cloud) as cost:
        cloud.admin.post("/os-server-external-events", events)
    # What has changed is written, if nobody else has written it since.
    cost.check(messages=5, statements=3)


@pytest.mark.parametrize("count", [1, 6])
def test_lists_cost_the_same_however_many_servers_there_are(cloud: Cloud, count: int) -> None:
    _boot(cloud, "listed", count)
    for who, path, statements in (
        (cloud.demo, "/servers", 2),
        (cloud.demo, "/servers/detail", 3),
        (cloud.admin.at("2.104"), "/servers/detail?all_tenants=1", 3),
    ):
        with measured(cloud) as cost:
            assert len(who.get(path)["servers"]) == count + 1
        cost.check(messages=2, statements=statements)


def test_show_and_its_parts(cloud: Cloud) -> None:
    server_id = _boot(cloud, "shown")
    for path in ("", "/ips", "/metadata", "/tags"):
        with measured(cloud) as cost:
            cloud.admin.at("2.104").get(f"/servers/{server_id}{path}")
        cost.check(messages=2, statements=2)


@pytest.mark.parametrize("count", [1, 6])
def test_migrations_cost_the_same_however_many_there_are(cloud: Cloud, count: int) -> None:
    server_id = _boot(cloud, "moved")
    rows = [
        migration_row(instance_uuid=server_id, migration_type="live-migration", status="running") for _ in range(count)
    ]
    (cell,) = cloud.conductor.cells.compute_cells()
    cell.database.write(lambda c: c.execute(sa.insert(t.migrations), rows))
    path, admin = f"/servers/{server_id}/migrations", cloud.admin.at("2.104")
    # A marker has to be looked up, and whose server it is.
    for asked, statements in (
        ("/os-migrations", 1), (f"/os-migrations?marker={rows[0]['uuid']}", 2), (path, 2), (f"{path}/1", 2),
    ):  # fmt: skip
        with measured(cloud) as cost:
            admin.get(asked)
        cost.check(messages=2, statements=statements)
    assert len(admin.get("/os-migrations")["migrations"]) == len(admin.get(path)["migrations"]) == count


def test_changes(cloud: Cloud) -> None:
    server_id = _boot(cloud, "changed")
    demo, path = cloud.demo.at("2.26"), f"/servers/{server_id}"
    for method, end, body, statements in (
        ("PUT", "", {"server": {"name": "x"}}, 6),
        ("POST", "/metadata", {"metadata": {"a": "b"}}, 5),
        ("PUT", "/tags/x", None, 7),
    ):  # fmt: skip
        with measured(cloud) as cost:
            demo.ok(method, path + end, body)
        cost.check(messages=4, statements=statements)


def test_what_is_refused_by_the_schema_costs_nothing(cloud: Cloud) -> None:
    with measured(cloud) as cost:
        assert cloud.demo.request("POST", "/servers", {"server": {"name": ""}}).status_code == 400
        assert cloud.demo.request("GET", "/servers?limit=x").status_code == 400
    cost.check(messages=0, statements=0)


def test_moves(cloud: Cloud) -> None:
    larger = {"flavor": {"id": "2", "name": "m1.small", "ram": 128, "vcpus": 2, "disk": 2}}
    cloud.admin.post("/flavors", larger, 200)
    server_id = _boot(cloud, "moved")
    cloud.demo.wait_for(server_id, "ACTIVE")
    # Hosts have three legs of a resize, two of a revert, one of a confirmation. One statement of each may be about
    # hosts' states, which are looked up once a second.
    for who, body, status, then, messages, statements in (
        (cloud.demo, {"resize": {"flavorRef": "2"}}, 202, "VERIFY_RESIZE", 23, 39 + 1),
        (cloud.demo, {"revertResize": None}, 202, "ACTIVE", 14, 23 + 1),
        (cloud.admin, {"migrate": None}, 202, "VERIFY_RESIZE", 23, 32 + 1),
        (cloud.demo, {"confirmResize": None}, 204, "ACTIVE", 9, 17 + 1),
    ):
        with measured(cloud) as cost:
            who.post(f"/servers/{server_id}/action", body, status)
        cloud.demo.wait_for(server_id, then)
        cost.check(messages=messages, statements=statements)
