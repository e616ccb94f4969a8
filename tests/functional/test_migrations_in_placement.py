"""novalike-manage placement audit: what migrations have in Placement, and what is left of those that are over."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from novalike.clients.placement_types import Claim, single
from novalike.conductor.cells import Cells
from novalike.db.cell import tables as t
from novalike.objects.operation import OperationState
from tests.functional.harness import DEMO_PROJECT, Cloud
from tests.functional.manage import Manage
from tests.functional.test_placement_commands import TINY, during, make_server

MakeCloud = Callable[..., Cloud]


@pytest.fixture
def cloud(make_cloud: MakeCloud) -> Cloud:
    return make_cloud(hosts=2)


@pytest.fixture
def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Manage:
    return Manage(cloud, monkeypatch, capsys)


def act(cloud: Cloud, server: str, action: str, then: str, status: int = 202) -> None:
    cloud.admin.post(f"/servers/{server}/action", {action: None}, status)
    cloud.admin.wait_for(server, then)


def moved(cloud: Cloud) -> tuple[str, str]:
    """Return a server that waits to be confirmed, and its migration."""
    server = make_server(cloud)
    act(cloud, server, "migrate", "VERIFY_RESIZE")
    (migration,) = cloud.admin.at("2.59").get(f"/os-migrations?instance_uuid={server}")["migrations"]
    return server, migration["uuid"]


def give(cloud: Cloud, migration: str, provider: str) -> None:
    cloud.placement.consumers.pop(migration, None)
    claim = Claim(migration, single(provider, TINY), DEMO_PROJECT, "demo-user", consumer_type="MIGRATION")
    cloud.placement.claim([claim])


def test_a_migration_that_is_not_over_keeps_its_claim_on_the_source(cloud: Cloud, run: Manage) -> None:
    server, migration = moved(cloud)
    before = dict(cloud.placement.consumers)
    assert before.keys() == {server, migration}
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert "Read 2 consumers of 2 resource providers, 1 servers, 1 migrations that are not over." in run.out
    assert cloud.placement.consumers == before
    # Or has none: a leg that gives it up has ended before the migration has.
    del cloud.placement.consumers[migration]
    assert run("placement", "audit") == 0


def test_a_claim_of_a_migration_elsewhere_is_shown_and_stays(cloud: Cloud, run: Manage) -> None:
    server, migration = moved(cloud)
    (destination,) = cloud.placement.consumers[server].allocations
    give(cloud, migration, destination)
    assert run("placement", "audit", "--delete") == 3
    assert f"{migration}: the migration has allocations elsewhere than on its source: " in run.out
    assert migration in cloud.placement.consumers


@pytest.mark.parametrize(
    ("action", "status"), [("confirmResize", 204), ("revertResize", 202)], ids=["confirmed", "reverted"]
)
def test_what_is_left_of_a_migration_that_is_over_is_deleted(
    cloud: Cloud, run: Manage, action: str, status: int
) -> None:
    server, migration = moved(cloud)
    (source,) = cloud.placement.consumers[migration].allocations
    act(cloud, server, action, "ACTIVE", status)
    assert list(cloud.placement.consumers) == [server]
    give(cloud, migration, source)
    assert run("placement", "audit") == 3
    assert f"{migration}: the migration is over: DISK_GB=1, MEMORY_MB=64, VCPU=1 of {source}" in run.out
    assert run("placement", "audit", "--delete") == 4
    assert list(cloud.placement.consumers) == [server]


def test_a_claim_of_a_migration_that_nobody_knows_is_deleted(cloud: Cloud, run: Manage) -> None:
    provider = next(iter(cloud.placement.providers))
    give(cloud, "unknown", provider)
    assert run("placement", "audit", "--delete") == 4
    assert "unknown: there is no such server or migration" in run.out
    assert not cloud.placement.consumers


def test_a_migration_of_a_server_that_something_is_done_to_is_left_alone(cloud: Cloud, run: Manage) -> None:
    server, migration = moved(cloud)
    (destination,) = cloud.placement.consumers[server].allocations
    give(cloud, migration, destination)
    database, o = Cells(cloud.conf).home().database, t.operations.c
    busy = sa.update(t.operations).where(o.uuid == migration).values(state=OperationState.RUNNING)
    database.write(lambda c: c.execute(busy))
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert f"Migration {migration} of server {server} is left alone: something is being done to it." in run.out


def test_a_migration_that_ends_during_the_audit_is_left_alone(cloud: Cloud, run: Manage) -> None:
    """What was read from Placement at the second look is old when the records are read."""
    server, migration = moved(cloud)
    (destination,) = cloud.placement.consumers[server].allocations
    give(cloud, migration, destination)
    during(cloud, "get_allocations", lambda: act(cloud, server, "confirmResize", "ACTIVE", 204), before=False)
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert f"Migration {migration} of server {server} is left alone: something is being done to it." in run.out
    assert list(cloud.placement.consumers) == [server]
