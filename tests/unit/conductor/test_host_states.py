"""What the scheduler is told of the hosts: all of them once, then what has changed; and what reports write."""

import datetime
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.cells import Cells
from novalike.conductor.daemon import ConductorDaemon
from novalike.conductor.host_states import HostStatesHandler
from novalike.conductor.hosts import HostReports, HostStatus
from novalike.db.api import aggregates as aggregates_db
from novalike.db.api import mappings
from novalike.db.api import tables as api_tables
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import services as services_db
from novalike.db.cell import tables as cell_tables
from novalike.objects.context import admin_context
from novalike.objects.host import Heartbeat, HostState, HostStates
from novalike.objects.record import utcnow
from novalike.scheduler.snapshot import EMPTY, Snapshot, take, update
from tests.functional.local_bus import LocalBus
from tests.unit.scheduler.cloud import node_uuid, report

HOSTS = tuple(f"host{number}" for number in range(5))
CTX = admin_context()
LONG_AGO = datetime.timedelta(hours=1)


class Conductor:
    """What of a conductor is about hosts, and a scheduler's snapshot that follows it."""

    def __init__(self, folder: Path) -> None:
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([], project="novalike", default_config_files=[], default_config_dirs=[])
        url = f"sqlite:///{folder}/db"
        conf.set_override("connection", url, "api_database")
        engine = sa.create_engine(url)
        api_tables.metadata.create_all(engine)
        cell_tables.metadata.create_all(engine)
        self.conf, self.cells = conf, Cells(conf)
        number = str(uuid.uuid4())
        self.cells.api.write(
            lambda c: mappings.insert_cell(c, uuid=number, name="cell1", database_connection=url, disabled=False)
        )
        self.reports, self.handler = HostReports(conf, self.cells, gather=0), HostStatesHandler(conf, self.cells)
        self.database = self.cells.all()[0].database
        self.snapshot: Snapshot = EMPTY

    def report(self, *names: str, endpoint: str = "e", **facts: Any) -> tuple[str, ...]:
        nodes = tuple(report(name, **facts) for name in names)
        return self.reports.report_nodes(CTX, endpoint=endpoint, incarnation="i", nodes=nodes)

    def beat(self, *names: str, endpoint: str = "e") -> None:
        beat = Heartbeat(binary="novalike-compute", endpoint=endpoint, incarnation="i", hosts=names, version=1)
        self.reports.heartbeat(CTX, beat=beat)

    def refresh(self) -> HostStates | None:
        """Bring the snapshot up to date, as a scheduler does."""
        found = self.handler.inventory(CTX, known_version=self.snapshot.version, changes=True)
        if found is not None:
            self.snapshot = take(found) if found.whole else update(self.snapshot, found)
        return found

    def news(self) -> set[str]:
        """The hosts that the scheduler is told of, which mustn't be all of them again."""
        found = self.refresh()
        assert found is not None
        assert not found.whole
        return {state.host for state in found.hosts}

    def host(self, name: str) -> HostState:
        return self.snapshot.by_uuid[node_uuid(name)]

    def age(self) -> None:
        """Let everything be long ago that has happened so far."""
        with self.database.engine.begin() as connection:
            for table in (cell_tables.compute_nodes, cell_tables.services, cell_tables.instances):
                connection.execute(sa.update(table).values(updated_at=utcnow() - LONG_AGO))

    def seen(self, name: str, ago: float) -> None:
        """Let a host have been heard of so many seconds ago."""
        services = cell_tables.services
        with self.database.engine.begin() as connection:
            at = utcnow() - datetime.timedelta(seconds=ago)
            connection.execute(sa.update(services).where(services.c.host == name).values(last_seen_at=at))

    def server(self, host: str, **facts: Any) -> str:
        """Record a server on a host."""
        key = str(uuid.uuid4())
        row: dict[str, Any] = {
            "uuid": key, "project_id": "p", "user_id": "u", "created_at": utcnow(), "updated_at": utcnow(),
            "name": "vm", "vm_state": "active", "host": host, "node": host, "flavorid": "1", "memory_mb": 512,
            "vcpus": 1, "root_gb": 1, "ephemeral_gb": 0, "flavor": {}, "metadata": {}, "system_metadata": {},
            "scheduler_hints": {}, "vifs": (), "security_groups": (), "block_devices": (),
        }  # fmt: skip
        with self.database.engine.begin() as connection:
            connection.execute(sa.insert(cell_tables.instances).values(row | facts))
        return key


@pytest.fixture
def conductor(tmp_path: Path) -> Conductor:
    found = Conductor(tmp_path)
    found.report(*HOSTS)
    found.age()
    first = found.refresh()
    assert first is not None
    assert first.whole
    assert {state.host for state in first.hosts} == set(HOSTS)
    return found


def test_nothing_is_told_twice(conductor: Conductor) -> None:
    assert conductor.refresh() is None
    conductor.beat(*HOSTS)
    conductor.report(*HOSTS)
    assert conductor.refresh() is None


def test_who_does_not_ask_for_changes_gets_all(conductor: Conductor) -> None:
    conductor.report("host1", vcpus=99)
    found = conductor.handler.inventory(CTX, known_version=conductor.snapshot.version)
    assert found is not None
    assert found.whole
    assert len(found.hosts) == len(HOSTS)


@pytest.mark.parametrize("version", ["1", "rubbish", '["2026-01-01T00:00:00"]'])
def test_a_version_of_another_release_gets_all(conductor: Conductor, version: str) -> None:
    found = conductor.handler.inventory(CTX, known_version=version, changes=True)
    assert found is not None
    assert found.whole


def test_a_report_with_news(conductor: Conductor) -> None:
    conductor.report("host1", vcpus=99)
    assert conductor.news() == {"host1"}
    assert conductor.host("host1").vcpus_total == 99


def test_what_only_people_look_at_is_stored_but_no_news(conductor: Conductor) -> None:
    conductor.report("host1", uptime="3 days")
    assert conductor.refresh() is None
    (row,) = conductor.database.query(lambda c: hosts_db.nodes(c, hosts_db.N.host == "host1"))
    assert row.uptime == "3 days"


def test_a_server_comes_and_goes(conductor: Conductor) -> None:
    key = conductor.server("host2")
    assert conductor.news() == {"host2"}
    assert conductor.host("host2").num_instances == 1
    instances = cell_tables.instances
    with conductor.database.engine.begin() as connection:
        gone = sa.update(instances).where(instances.c.uuid == key).values(deleted=True, updated_at=utcnow())
        connection.execute(gone)
    assert conductor.news() == {"host2"}
    assert conductor.host("host2").num_instances == 0


def test_a_server_that_leaves_its_host_without_a_trace(conductor: Conductor) -> None:
    key = conductor.server("host2")
    conductor.refresh()
    instances = cell_tables.instances
    with conductor.database.engine.begin() as connection:
        connection.execute(
            sa.update(instances).where(instances.c.uuid == key).values(host=None, node=None, updated_at=utcnow())
        )
        hosts_db.touch(connection, "host2")
    assert "host2" in conductor.news()
    assert conductor.host("host2").num_instances == 0


def test_a_host_falls_silent_and_comes_back(conductor: Conductor) -> None:
    conductor.seen("host3", conductor.conf.service_down_time + 2)
    assert conductor.news() == {"host3"}
    assert not conductor.host("host3").up
    assert conductor.refresh() is None
    conductor.beat(*HOSTS)
    assert conductor.news() == {"host3"}
    assert conductor.host("host3").up
    assert conductor.refresh() is None


def test_a_disabled_service(conductor: Conductor) -> None:
    def disable(connection: sa.Connection) -> None:
        (row,) = services_db.listed(connection, "host4")
        services_db.update(connection, row.uuid, disabled=True, disabled_reason="hot")

    conductor.database.write(disable)
    assert conductor.news() == {"host4"}
    assert conductor.host("host4").disabled


def test_a_new_host(conductor: Conductor) -> None:
    conductor.report("host9", endpoint="other")
    assert conductor.news() == {"host9"}
    assert len(conductor.snapshot.by_uuid) == len(HOSTS) + 1


def test_a_host_that_is_gone(conductor: Conductor) -> None:
    def delete(connection: sa.Connection) -> None:
        (row,) = services_db.listed(connection, "host0")
        services_db.delete(connection, row.id)

    conductor.database.write(delete)
    found = conductor.refresh()
    assert found is not None
    assert found.whole
    assert "host0" not in conductor.snapshot.by_host


def test_one_goes_while_another_comes(conductor: Conductor) -> None:
    def delete(connection: sa.Connection) -> None:
        (row,) = services_db.listed(connection, "host4")
        services_db.delete(connection, row.id)

    conductor.report("host9", endpoint="other")
    conductor.database.write(delete)
    conductor.refresh()
    assert set(conductor.snapshot.by_host) == {"host0", "host1", "host2", "host3", "host9"}


def test_aggregates_change(conductor: Conductor) -> None:
    def change(connection: sa.Connection) -> None:
        number = aggregates_db.insert(connection, "fast", "zone1")
        aggregates_db.add_member(connection, number, "host1")

    conductor.cells.api.write(change)
    assert conductor.refresh() is not None
    assert conductor.host("host1").zone == "zone1"
    assert [aggregate.name for aggregate in conductor.snapshot.aggregates] == ["fast"]


def test_all_is_sent_again_now_and_then(conductor: Conductor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novalike.conductor.host_states._WHOLE_AFTER", datetime.timedelta(0))
    found = conductor.refresh()
    assert found is not None
    assert found.whole


def test_of_many_changes_all_hosts_are_sent(conductor: Conductor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novalike.conductor.host_states._CHANGES", 2)
    conductor.report("host0", "host1", "host2", vcpus=7)
    found = conductor.refresh()
    assert found is not None
    assert found.whole


def test_half_of_all_hosts_are_sent_as_changes_and_of_more_than_half_all_are(
    conductor: Conductor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novalike.conductor.host_states._CHANGES", 0)
    conductor.report("host5")
    conductor.age()
    conductor.refresh()
    conductor.report("host0", "host1", "host2", vcpus=7)
    assert conductor.news() == {"host0", "host1", "host2"}
    conductor.age()
    conductor.refresh()
    conductor.report("host0", "host1", "host2", "host3", vcpus=8)
    found = conductor.refresh()
    assert found is not None
    assert found.whole


def test_signs_of_life_are_gathered_for_a_tenth_of_the_time_between_two(
    conductor: Conductor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[float] = []
    monkeypatch.setattr("novalike.conductor.hosts.Heartbeats", lambda write, gather: gathered.append(gather))
    conductor.conf.set_override("report_interval", 20)
    HostReports(conductor.conf, conductor.cells)
    HostReports(conductor.conf, conductor.cells, gather=3)
    assert gathered == [2.0, 3]


def test_hosts_of_one_process_that_come_in_portions(conductor: Conductor) -> None:
    """Each portion is as large as the one before, whose hosts are known: that doesn't make these known."""
    conductor.report("a1", "a2", endpoint="many")
    conductor.report("a3", "a4", endpoint="many")
    conductor.beat("a1", "a2", "a3", "a4", endpoint="many")
    rows = conductor.database.query(hosts_db.services)
    assert {row.host for row in rows if row.endpoint == "many"} == {"a1", "a2", "a3", "a4"}
    assert {"a1", "a2", "a3", "a4"} <= conductor.cells.api.query(mappings.hosts).keys()


def test_heartbeats_are_written_together(conductor: Conductor) -> None:
    for number in range(3):
        conductor.report(f"own{number}", endpoint=f"own{number}")
    reports = HostReports(conductor.conf, conductor.cells, gather=0.3)
    beats = [
        Heartbeat(binary="novalike-compute", endpoint=name, incarnation="i", hosts=(name,), version=1)
        for name in ("own0", "own1", "own2")
    ]
    for beat in beats:
        reports.heartbeat(CTX, beat=beat)
        conductor.seen(beat.endpoint, 30)
    assert len(_written_by(reports, beats)) == 1
    rows = {row.host: row.last_seen_at for row in conductor.database.query(hosts_db.services)}
    assert all((utcnow() - rows[f"own{number}"]).total_seconds() < 10 for number in range(3))


def test_what_is_used_of_a_node_is_one_statement(conductor: Conductor) -> None:
    conductor.report("own", endpoint="own")
    with _statements() as statements:
        conductor.report("own", endpoint="own", vcpus_used=3, running_vms=1)
    assert [statement.split()[0] for statement in statements] == ["SELECT", "UPDATE"]
    (node,) = [row for row in conductor.database.query(hosts_db.nodes) if row.host == "own"]
    assert (node.vcpus_used, node.running_vms) == (3, 1)


@contextmanager
def _statements() -> Iterator[list[str]]:
    """What is executed meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def _written_by(reports: HostReports, beats: list[Heartbeat]) -> list[str]:
    """What is written for heartbeats that come at the same time."""
    with _statements() as statements:
        threads = [threading.Thread(target=reports.heartbeat, args=(CTX,), kwargs={"beat": beat}) for beat in beats]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
    return [statement for statement in statements if statement.startswith(("UPDATE", "INSERT"))]


def test_two_processes_of_a_conductor_are_no_news_to_each_other(conductor: Conductor) -> None:
    """They were, each to the other one, and every host's heartbeat that was gathered with theirs was written anew."""
    conductor.report("own", endpoint="own")
    compute = Heartbeat(binary="novalike-compute", endpoint="own", incarnation="i", hosts=("own",), version=1)
    signs: list[Heartbeat] = []
    for _ in range(2):
        daemon = ConductorDaemon(conductor.conf, LocalBus().transport(), cells=conductor.cells)
        daemon.reports.heartbeat(CTX, beat=daemon.sign())
        signs.append(daemon.sign())
    reports = HostReports(conductor.conf, conductor.cells, gather=0.3)
    for beat in (compute, signs[0]):
        reports.heartbeat(CTX, beat=beat)
    # The other process has written its own meanwhile.
    HostReports(conductor.conf, conductor.cells, gather=0).heartbeat(CTX, beat=signs[1])
    assert len(_written_by(reports, [compute, signs[0]])) == 1


def test_a_service_that_was_deleted_comes_back_with_its_next_heartbeat(conductor: Conductor) -> None:
    def delete(connection: sa.Connection) -> None:
        (row,) = services_db.listed(connection, "host2")
        services_db.delete(connection, row.id)

    conductor.database.write(delete)
    conductor.beat(*HOSTS)
    assert "host2" in {row.host for row in conductor.database.query(hosts_db.services)}
    conductor.report("host2")
    assert len(conductor.database.query(hosts_db.nodes)) == len(HOSTS)


def test_reports_say_what_is_disabled(conductor: Conductor) -> None:
    def disable(connection: sa.Connection) -> None:
        (row,) = services_db.listed(connection, "host4")
        services_db.update(connection, row.uuid, disabled=True)

    conductor.database.write(disable)
    assert conductor.report(*HOSTS) == ("host4",)
    assert conductor.report(*HOSTS, vcpus=12) == ("host4",)


def test_a_host_moves_to_another_process(conductor: Conductor) -> None:
    conductor.beat("host0", "host1", endpoint="new")
    rows = {row.host: row.endpoint for row in conductor.database.query(hosts_db.services)}
    assert rows["host0"] == rows["host1"] == "new"
    assert rows["host2"] == "e"


def test_status_of_hosts_is_looked_up_for_those_asked_about(conductor: Conductor) -> None:
    status = HostStatus(conductor.conf, conductor.cells)
    conductor.seen("host3", conductor.conf.service_down_time + 2)
    assert status.of({"host1", "host3", "nowhere"}) == {"host1": "UP", "host3": "DOWN"}
    assert status.of(set()) == {}


def test_who_lives_is_told_by_the_clock_of_the_database(conductor: Conductor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host was heard of by a conductor whose own clock is an hour behind."""
    behind = utcnow() - datetime.timedelta(hours=1)
    for module in ("db.cell.hosts", "db.cell.services", "conductor.hosts"):
        monkeypatch.setattr(f"novalike.{module}.utcnow", lambda: behind, raising=False)
    conductor.seen("host1", conductor.conf.service_down_time + 2)
    conductor.beat("host1")
    monkeypatch.undo()
    assert HostStatus(conductor.conf, conductor.cells).of({"host1"}) == {"host1": "UP"}
    assert conductor.host("host1").up
