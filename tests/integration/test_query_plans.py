"""What is asked all the time must cost the same however many servers there are: no big table is read whole, none of its
rows are sorted for a page. The statements are those that the conductor really executes, on a database with twenty
thousand servers."""

import datetime
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.bus.migrations import MigrationQuery
from novalike.bus.servers import ServerQuery
from novalike.cmd.management.cell_archive import CellArchive
from novalike.conductor import quota_check
from novalike.conductor.cells import Cells
from novalike.conductor.host_states import HostStatesHandler
from novalike.conductor.hosts import HostReports, HostStatus
from novalike.conductor.hypervisors import HypervisorReadsHandler
from novalike.conductor.leases import Leases
from novalike.conductor.migrations import MigrationReadsHandler
from novalike.conductor.servers.reads import ServerReadsHandler
from novalike.db.api import mappings
from novalike.db.api import tables as api_tables
from novalike.db.cell import archive as archive_db
from novalike.db.cell import operations as operations_db
from novalike.db.cell import purge as purge_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as cell_tables
from novalike.objects.context import RequestContext
from novalike.objects.host import Heartbeat, NodeReport
from novalike.objects.operations import transitions
from novalike.objects.record import utcnow
from tests.benchmarks.growth import population
from tests.integration.query_plans import Caught, Plan, caught, explain

SERVERS, HOSTS, BIG, USER = 20_000, 500, "b" * 32, "u" * 32
LARGE = frozenset({"instances", "instance_requests", "instance_tags", "operations", "instance_mappings"}) | {
    "migrations", "shadow_instances", "shadow_instance_requests", "shadow_operations", "shadow_migrations",
}  # fmt: skip
PAGE = 50


class Conductor(NamedTuple):
    """What of a conductor reads and writes its databases, over one that is full."""

    engine: sa.Engine
    cells: Cells
    reads: ServerReadsHandler
    reports: HostReports
    inventory: HostStatesHandler
    hypervisors: HypervisorReadsHandler
    leases: Leases
    migrations: MigrationReadsHandler


@pytest.fixture(scope="module")
def conductor(database_url: str) -> Iterator[Conductor]:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("connection", database_url, "api_database")
    engine = sa.create_engine(database_url)
    schemas = (api_tables.metadata, cell_tables.metadata)
    for schema in schemas:
        schema.drop_all(engine)
        schema.create_all(engine)
    cells = Cells(conf)
    number = str(uuid.uuid4())
    cells.api.write(
        lambda c: mappings.insert_cell(c, uuid=number, name="cell1", database_connection=database_url, disabled=False)
    )
    population.populate(engine, engine, cells.all()[0].id, 0, SERVERS, BIG, USER)
    population.populate_migrations(engine, 0, SERVERS, BIG)
    found = Conductor(
        engine,
        cells,
        ServerReadsHandler(cells, HostStatus(conf, cells)),
        HostReports(conf, cells),
        HostStatesHandler(conf, cells),
        HypervisorReadsHandler(conf, cells),
        Leases(conf, cells, "conductor:1"),
        MigrationReadsHandler(cells),
    )
    names = [f"{population.HOST_PREFIX}{n:05}" for n in range(HOSTS)]
    found.reports.report_nodes(RequestContext(), endpoint="e", incarnation="i", nodes=tuple(map(_node, names)))
    population.analyze(engine, engine)
    yield found
    cells.close()
    for schema in schemas:
        schema.drop_all(engine)
    engine.dispose()


def _node(name: str) -> NodeReport:
    return NodeReport(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, name)), host=name, hypervisor_hostname=name, hypervisor_type="fake",
        hypervisor_version=1, host_ip=None, vcpus=4, memory_mb=8192, local_gb=100,
    )  # fmt: skip


def check(conductor: Conductor, act: Callable[[], Any], rows: int) -> Any:
    """What the function gives; each of its statements looks at no more than so many rows of large tables."""
    with caught() as statements:
        given = act()
    assert statements
    for statement in dict.fromkeys(map(_hashable, statements)):
        plan = explain(conductor.engine, statement)
        said = f"{statement}\n{statement.parameters}\n{plan.text}"
        assert not plan.scans & LARGE, said
        assert plan.sorted_rows <= max(rows, HOSTS), said
        assert sum(plan.rows[table] for table in LARGE) <= rows, said
    return given


def _hashable(statement: Caught) -> Caught:
    parameters = statement.parameters
    return statement if isinstance(parameters, tuple) else Caught(statement.text, _Frozen(parameters))


class _Frozen(dict[str, Any]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))


USER_CONTEXT = RequestContext(project_id=BIG, user_id=USER, is_admin=False)
ADMIN = RequestContext(project_id="a" * 32, user_id="a" * 32, is_admin=True)
MIDDLE = population.server_uuid(SERVERS // 2)
OTHER = population.project_of(7, BIG)
SORTS: tuple[tuple[tuple[str, str], ...], ...] = (
    (), (("created_at", "desc"),), (("created_at", "asc"),), (("display_name", "asc"),), (("display_name", "desc"),),
)  # fmt: skip


def query(**facts: Any) -> ServerQuery:
    return ServerQuery(**({"project_id": BIG, "limit": PAGE} | facts))


@pytest.mark.parametrize("marker", [None, MIDDLE], ids=["first", "middle"])
@pytest.mark.parametrize("sort", SORTS, ids=lambda sort: "-".join(map("-".join, sort)) or "default")
@pytest.mark.parametrize("detail", [False, True], ids=["short", "detail"])
def test_a_page_of_a_project(conductor: Conductor, sort: Any, marker: str | None, detail: bool) -> None:
    asked = query(sort=sort, marker=marker)
    read = conductor.reads.list_servers_detail if detail else conductor.reads.list_servers
    found = check(conductor, lambda: read(USER_CONTEXT, query=asked), 6 * PAGE)
    assert len(found) == PAGE


@pytest.mark.parametrize("marker", [None, MIDDLE], ids=["first", "middle"])
@pytest.mark.parametrize("sort", SORTS[:3], ids=lambda sort: "-".join(map("-".join, sort)) or "default")
def test_a_page_of_all_projects(conductor: Conductor, sort: Any, marker: str | None) -> None:
    asked = query(project_id=None, sort=sort, marker=marker)
    found = check(conductor, lambda: conductor.reads.list_servers_detail(ADMIN, query=asked), 6 * PAGE)
    assert len(found) == PAGE


@pytest.mark.parametrize("project", [BIG, None], ids=["project", "all"])
@pytest.mark.parametrize(
    ("facts", "rows", "least"),
    [
        ({"statuses": ("ACTIVE",)}, 6 * PAGE, PAGE),
        ({"statuses": ("ACTIVE",), "marker": MIDDLE}, 6 * PAGE, PAGE),
        ({"statuses": ("ERROR",)}, 6 * PAGE, 5),
        ({"filters": {"vm_state": "error"}}, 6 * PAGE, 5),
        ({"filters": {"host": population.host_of(SERVERS // 2)}}, 6 * PAGE, 20),
        ({"filters": {"uuid": [population.server_uuid(4), population.server_uuid(6)]}}, 6 * PAGE, 2),
        ({"filters": {"flavor_id": population.FLAVOR.flavor_id}}, 6 * PAGE, PAGE),
        ({"filters": {"image_ref": population.IMAGE}}, 6 * PAGE, PAGE),
        ({"deleted": None, "changes_since": population.BEGAN + datetime.timedelta(seconds=20 * (SERVERS - 60))},
         6 * PAGE, 20),
    ],
    ids=["active", "active-middle", "error", "vm_state", "host", "uuids", "flavor", "image", "changes-since"],
)  # fmt: skip
def test_a_page_with_a_filter(
    conductor: Conductor, project: str | None, facts: dict[str, Any], rows: int, least: int
) -> None:
    asked = query(project_id=project, **facts)
    found = check(conductor, lambda: conductor.reads.list_servers_detail(ADMIN, query=asked), rows)
    assert len(found) >= least


def test_a_small_project(conductor: Conductor) -> None:
    asked = query(project_id=OTHER, statuses=("ACTIVE",))
    found = check(conductor, lambda: conductor.reads.list_servers_detail(ADMIN, query=asked), 6 * PAGE)
    assert len(found) == PAGE


def test_one_server_and_its_actions(conductor: Conductor) -> None:
    server = check(conductor, lambda: conductor.reads.get_server(USER_CONTEXT, server_id=MIDDLE), 5)
    assert server.uuid == MIDDLE
    found = check(conductor, lambda: conductor.reads.list_operations(USER_CONTEXT, server_id=MIDDLE), 4)
    (newest, *_) = found.operations
    one = check(
        conductor,
        lambda: conductor.reads.get_operation(USER_CONTEXT, server_id=MIDDLE, request_id=newest.request_id),
        4,
    )
    assert one.operations


@pytest.mark.parametrize(
    ("facts", "least"),
    [
        ({}, PAGE),
        ({"marker": population.migration_uuid(SERVERS // 2)}, PAGE),
        ({"project_id": BIG}, PAGE),
        ({"project_id": BIG, "marker": population.migration_uuid(SERVERS // 2)}, PAGE),
        ({"status": "confirmed"}, PAGE),
        ({"host": population.host_of(SERVERS // 2)}, PAGE),
        ({"source_compute": population.host_of(SERVERS // 2)}, 40),
        ({"instance_uuid": MIDDLE}, 1),
        ({"changes_since": population.BEGAN + datetime.timedelta(seconds=20 * (SERVERS - 60))}, PAGE),
    ],
    ids=["first", "middle", "project", "project-middle", "status", "host", "source", "server", "changes-since"],
)
def test_a_page_of_migrations(conductor: Conductor, facts: dict[str, Any], least: int) -> None:
    asked = MigrationQuery(limit=PAGE, **facts)
    found = check(conductor, lambda: conductor.migrations.list_migrations(ADMIN, query=asked), 6 * PAGE)
    assert len(found) >= least


def test_migrations_of_a_server(conductor: Conductor) -> None:
    (known,) = conductor.migrations.list_migrations(ADMIN, query=MigrationQuery(instance_uuid=MIDDLE))
    for look in (
        lambda: conductor.migrations.list_server_migrations(ADMIN, server_id=MIDDLE),
        lambda: conductor.migrations.get_server_migration(ADMIN, server_id=MIDDLE, migration_id=str(known.id)),
    ):
        check(conductor, look, 5)


def test_the_usage_of_a_project(conductor: Conductor) -> None:
    """It grows with the project, and with nothing else: an index has all that is summed up."""
    small = check(conductor, lambda: quota_check.usage(conductor.cells, OTHER), 200)
    assert 80 < small["instances"] <= 100
    with caught() as statements:
        assert quota_check.usage(conductor.cells, BIG)["instances"] == SERVERS * 45 // 100
        assert quota_check.usage(conductor.cells, BIG, USER)["instances"] == SERVERS * 45 // 100
    for statement in statements:
        plan = explain(conductor.engine, statement)
        assert "ix_instances_usage" in plan.text, plan.text
        assert plan.rows["instances"] <= SERVERS * 45 // 100 + 1, plan.text


def test_what_reaper_and_leases_look_for(conductor: Conductor) -> None:
    database = conductor.cells.all()[0].database
    now = utcnow()
    for look in (operations_db.due, operations_db.ended_due):
        assert check(conductor, lambda f=look: database.query(lambda c: f(c, now, 500)), 10) == []
    check(conductor, conductor.leases.give_back, 10)
    ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"{population.server_uuid(n)}-create")) for n in range(20)]
    reported = check(conductor, lambda: database.write(lambda c: operations_db.get_for_report(c, ids[0])), 20)
    assert reported.operation.uuid == ids[0]
    check(conductor, lambda: database.query(lambda c: operations_db.oldest_start(c, ids)), 20)
    check(conductor, lambda: database.write(lambda c: operations_db.claim_ended(c, ids[0], now, now)), 20)
    check(conductor, lambda: database.write(lambda c: operations_db.hold_until(c, "conductor:1", now, ids)), 20)


def test_what_changes_a_server(conductor: Conductor) -> None:
    database = conductor.cells.all()[0].database

    def change(connection: Any) -> None:
        servers_db.get(connection, MIDDLE, lock=True)
        servers_db.change_state(connection, MIDDLE, transitions.succeeds("reboot_soft"), updated_at=utcnow())
        operations_db.supersede(connection, MIDDLE, utcnow(), "")
        operations_db.created_by(connection, "req-none")

    check(conductor, lambda: database.write(change), 5)


def test_what_hosts_report(conductor: Conductor) -> None:
    names = tuple(f"{population.HOST_PREFIX}{n:05}" for n in range(5))
    beat = Heartbeat(binary="novalike-compute", endpoint="e", incarnation="i", hosts=names, version=1)
    check(conductor, lambda: conductor.reports.heartbeat(ADMIN, beat=beat), 0)
    nodes = tuple(map(_node, names))
    check(
        conductor,
        lambda: conductor.reports.report_nodes(ADMIN, endpoint="e", incarnation="i", nodes=nodes),
        0,
    )
    database = conductor.cells.all()[0].database
    found = check(conductor, lambda: database.query(lambda c: servers_db.on_hosts(c, names[:2])), 120)
    assert len(found) == 90


def test_what_the_scheduler_asks(conductor: Conductor) -> None:
    """Once it knows all hosts it is told of those that have changed, and only these are looked at."""
    ask = conductor.inventory.inventory
    whole = ask(ADMIN)
    assert whole is not None
    assert len(whole.hosts) == HOSTS
    known = whole.version
    assert check(conductor, lambda: ask(ADMIN, known_version=known, changes=True), 100) is None
    # Long enough ago for the reports at the beginning not to count as news.
    _age(conductor.engine)
    known = ask(ADMIN).version  # type: ignore[union-attr]
    database = conductor.cells.all()[0].database
    database.write(lambda c: servers_db.update(c, MIDDLE, updated_at=utcnow()))
    news = check(conductor, lambda: ask(ADMIN, known_version=known, changes=True), 100)
    assert not news.whole
    assert population.host_of(SERVERS // 2) in {state.host for state in news.hosts}
    assert len(news.hosts) < 5


def _age(engine: sa.Engine) -> None:
    long_ago = utcnow() - datetime.timedelta(hours=1)
    with engine.begin() as connection:
        for table in (cell_tables.compute_nodes, cell_tables.services):
            connection.execute(sa.update(table).values(updated_at=long_ago))


def test_a_page_of_hypervisors(conductor: Conductor) -> None:
    found = check(conductor, lambda: conductor.hypervisors.list_hypervisors(ADMIN, limit=20), 20 * 50)
    assert len(found) == 20


def test_a_bad_plan_is_told_from_a_good_one(conductor: Conductor) -> None:
    """The check itself: it sees a scan, a sort, and too many rows."""
    table = cell_tables.instances
    unsorted = sa.select(table).where(table.c.description.is_(None)).order_by(table.c.hostname).limit(PAGE)
    with caught() as statements, conductor.engine.connect() as connection:
        connection.execute(unsorted).all()
    plan: Plan = explain(conductor.engine, statements[0])
    assert plan.scans == {"instances"}
    assert plan.sorted_rows >= SERVERS * 9 // 10
    assert plan.rows["instances"] >= SERVERS * 9 // 10  # an estimate, on MariaDB


def test_archiving_and_purging(conductor: Conductor) -> None:
    """A batch looks at its own servers, however many there are. (The last test: many servers are gone then.)"""
    cell, api = conductor.cells.all()[0], conductor.cells.api
    now = utcnow()
    cursor = None
    for _ in range(3):
        found, cursor = check(
            conductor,
            lambda at=cursor: cell.database.query(lambda c: archive_db.candidates(c, now, at, 20)),
            100,
        )
        uuids, ids = [server.uuid for server in found], [server.id for server in found]
        check(conductor, lambda u=uuids: api.write(lambda c: mappings.unmap_instances(c, u, cell.id)), 20)
        moved = check(conductor, lambda i=ids: cell.database.write(lambda c: archive_db.move(c, i)), 100)
        assert moved["instances"] == moved["instance_requests"] == moved["migrations"] == 20
    CellArchive(api, cell, now).archive(10**6, at_least_one=True)
    population.analyze(conductor.engine, conductor.engine)
    check(conductor, lambda: cell.database.query(lambda c: archive_db.candidates(c, now, None, 20)), 0)
    check(conductor, lambda: cell.database.query(lambda c: servers_db.archived_among(c, [MIDDLE, uuids[0]])), 2)
    for before in (None, now):
        purged = check(conductor, lambda b=before: cell.database.write(lambda c: purge_db.purge(c, b, 5)), 20)
        assert purged[0] == 5
