"""``host_status`` of servers: at most a second old, and read for a second's worth of requests at once."""

from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor import hosts
from novalike.conductor.hosts import HostStatus
from novalike.objects.record import utcnow
from tests.fakes.records import server


class Cloud:
    """Two cells with hosts, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.reads: list[list[str]] = []
        self.rows = [{"a1": self.row("a1"), "a2": self.row("a2")}, {"b1": self.row("b1")}]
        monkeypatch.setattr(hosts.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(hosts.hosts_db, "status_of", self.status_of)

    @staticmethod
    def row(host: str, **more: Any) -> Any:
        facts = {"host": host, "disabled": False, "forced_down": False, "last_seen_at": utcnow()}
        return SimpleNamespace(**(facts | more))

    def status_of(self, cell: dict[str, Any], wanted: list[str]) -> list[Any]:
        self.reads.append(sorted(wanted))
        return [cell[host] for host in wanted if host in cell]

    def compute_cells(self) -> list[Any]:
        return [
            SimpleNamespace(database=SimpleNamespace(query=lambda f, c=cell: f(c), utcnow=utcnow)) for cell in self.rows
        ]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return Cloud(monkeypatch)


@pytest.fixture
def status(cloud: Cloud) -> HostStatus:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    return HostStatus(conf, cloud)  # type: ignore[arg-type]


def test_what_hosts_are(cloud: Cloud, status: HostStatus) -> None:
    cloud.rows[0]["a2"] = cloud.row("a2", disabled=True, last_seen_at=None)
    cloud.rows[1] |= {"b1": cloud.row("b1", forced_down=True), "b2": cloud.row("b2", last_seen_at=None)}
    assert status.of({"a1", "a2", "b1", "b2", "nowhere"}) == {
        "a1": "UP", "a2": "MAINTENANCE", "b1": "DOWN", "b2": "DOWN",
    }  # fmt: skip


def test_what_was_just_read_is_not_read_again(cloud: Cloud, status: HostStatus) -> None:
    for _ in range(2):
        assert status.of({"a1", "b1", "nowhere"}) == {"a1": "UP", "b1": "UP"}
    assert cloud.reads == [["a1", "b1", "nowhere"]] * 2  # once in each cell
    status.of({"a1", "a2"})
    assert cloud.reads[2:] == [["a2"]] * 2


def test_a_second_later_it_is_read_again(cloud: Cloud, status: HostStatus) -> None:
    assert status.of({"a1"}) == {"a1": "UP"}
    cloud.rows[0]["a1"] = cloud.row("a1", disabled=True)
    cloud.now += 0.9
    assert status.of({"a1"}) == {"a1": "UP"}
    cloud.now += 0.2
    assert status.of({"a1"}) == {"a1": "MAINTENANCE"}
    del cloud.rows[0]["a1"]
    cloud.now += 1.1
    assert status.of({"a1"}) == {}


def test_records_are_filled_in(cloud: Cloud, status: HostStatus) -> None:
    there, nowhere, unknown = server(host="a1"), server(host=None), server(host="gone")
    status.note([there, nowhere, unknown])
    assert [each.host_status for each in (there, nowhere, unknown)] == ["UP", "", "UNKNOWN"]
