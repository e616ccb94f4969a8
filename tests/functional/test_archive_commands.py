"""novalike-manage db archive_deleted_rows and purge, on a cloud at work."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.record import utcnow
from tests.fakes import records
from tests.functional.harness import Cloud
from tests.functional.manage import Manage
from tests.functional.test_residents import QUICK

MakeCloud = Callable[..., Cloud]
ARCHIVE = ("db", "archive_deleted_rows")


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Cloud], Manage]:
    return lambda cloud: Manage(cloud, monkeypatch, capsys)


def _boot(cloud: Cloud, name: str, **more: Any) -> str:
    body = cloud.server_body(name, networks=[{"uuid": cloud.network["id"]}], **more)
    uuid: str = cloud.demo.at("2.52").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(uuid, "ACTIVE")
    return uuid


def _delete(cloud: Cloud, uuid: str) -> None:
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)


def _write(cloud: Cloud, statement: Any) -> None:
    cloud.conductor.cells.all()[-1].database.write(lambda c: c.execute(statement))


def _age(cloud: Cloud, *uuids: str) -> None:
    """Let servers have been deleted two minutes ago."""
    before = utcnow() - datetime.timedelta(minutes=2)
    _write(cloud, sa.update(t.instances).where(t.instances.c.uuid.in_(uuids)).values(deleted_at=before))


def _rows(cloud: Cloud, table: sa.Table, uuid: str) -> int:
    key = table.c.instance_uuid if "instance_uuid" in table.c else table.c.uuid
    query = sa.select(sa.func.count()).select_from(table).where(key == uuid)
    rows: int = cloud.conductor.cells.all()[-1].database.query(lambda c: c.execute(query).scalar_one())
    return rows


def _listed(cloud: Cloud, query: str) -> set[str]:
    return {server["id"] for server in cloud.admin.get(f"/servers?all_tenants=1&{query}")["servers"]}


def test_what_is_archived_is_gone_and_the_rest_is_as_it_was(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]
) -> None:
    cloud = make_cloud(hosts=1)
    run = manage(cloud)
    began = utcnow().isoformat(timespec="seconds") + "Z"
    old, new, living = (_boot(cloud, name, user_data="aHVzaA==", tags=[name]) for name in ("old", "new", "living"))
    for uuid in (old, new):
        _delete(cloud, uuid)
    assert run(*ARCHIVE) == 0  # both were deleted just now
    _age(cloud, old)
    assert run(*ARCHIVE, "--verbose") == 1
    assert "| API_DB.instance_mappings | 1 " in run.out
    assert _rows(cloud, t.shadow_instances, old) == _rows(cloud, t.shadow_instance_requests, old) == 1
    assert _rows(cloud, t.shadow_operations, old) == 2
    for table in (t.instances, t.instance_requests, t.operations, t.instance_tags):
        assert _rows(cloud, table, old) == 0
    assert _listed(cloud, "deleted=True") == {new}
    assert _listed(cloud, f"changes-since={began}") == {new, living}
    admin = cloud.admin.at("2.21")
    assert [action["action"] for action in admin.get(f"/servers/{new}/os-instance-actions")["instanceActions"]] == [
        "delete", "create",
    ]  # fmt: skip
    assert admin.request("GET", f"/servers/{old}/os-instance-actions").status_code == 404
    assert cloud.demo.request("GET", f"/servers/{old}").status_code == 404
    assert cloud.demo.request("DELETE", f"/servers/{old}").status_code == 404
    assert cloud.demo.get(f"/servers/{living}")["server"]["status"] == "ACTIVE"
    assert run("placement", "audit") == 0
    assert run("db", "purge", "--before", "2026-01-01") == 3
    assert run("db", "purge", "--all") == 0
    assert _rows(cloud, t.shadow_instances, old) == _rows(cloud, t.shadow_operations, old) == 0
    assert run("db", "purge", "--all") == 3
    _delete(cloud, living)
    _age(cloud, new, living)
    assert run(*ARCHIVE, "--all-cells", "--until-complete", "--purge") == 1
    assert run(*ARCHIVE, "--all-cells") == 0
    assert _listed(cloud, "deleted=True") == _listed(cloud, f"changes-since={began}") == set()


def test_deleted_while_its_host_is_away(make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]) -> None:
    """What is on the host must go when it comes back: so long the server stays."""
    cloud = make_cloud(hosts=1, **QUICK)
    run = manage(cloud)
    uuid = _boot(cloud, "vm")
    cloud.stop(cloud.compute)
    before = utcnow()
    cloud.eventually(lambda: cloud.admin.at("2.16").get(f"/servers/{uuid}")["server"]["host_status"] != "UP", 15)
    _delete(cloud, uuid)
    services = sa.update(t.services).values(last_seen_at=before - datetime.timedelta(minutes=3))
    _write(cloud, services.where(t.services.c.binary == "novalike-compute"))
    _write(cloud, sa.update(t.operations).where(t.operations.c.instance_uuid == uuid).values(due_at=None))
    _age(cloud, uuid)
    assert run(*ARCHIVE) == 0
    (guest,) = (cloud.folder / "fake-guests").iterdir()
    cloud.compute = cloud.start_compute()
    cloud.eventually(lambda: not guest.exists())
    assert run(*ARCHIVE) == 1
    assert _rows(cloud, t.instances, uuid) == 0


def test_a_host_hears_of_archived_servers(make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]) -> None:
    """Removing what was left has failed; meanwhile the server was archived."""
    cloud = make_cloud(hosts=1)
    run = manage(cloud)
    uuid = _boot(cloud, "vm")
    (host,) = cloud.compute.driver.hosts()
    remove_disks = cloud.compute.driver.remove_disks

    def fail(*_args: Any) -> None:
        raise errors.Unavailable(reason="not now")

    spec = cloud.conductor.cells.all()[-1].database.query(lambda c: servers_db.specs(c, [uuid]))[uuid]
    _delete(cloud, uuid)
    cloud.compute.driver.prepare_disks(records.guest(spec, host=host))
    cloud.compute.driver.remove_disks = fail  # type: ignore[method-assign]
    cloud.compute.recovery.reconcile()
    assert cloud.compute.driver.residents(host) == {uuid}
    _age(cloud, uuid)
    assert run(*ARCHIVE) == 1
    cloud.compute.driver.remove_disks = remove_disks  # type: ignore[method-assign]
    cloud.compute.recovery.reconcile()
    assert cloud.compute.driver.residents(host) == set()


def test_a_failed_build_whose_leftovers_are_still_looked_for(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]
) -> None:
    """It was on no host when it was deleted: once more, later, it is looked for what may have arrived late."""
    cloud = make_cloud(hosts=1, fake__failure_rate=1.0, conductor__operation_lease=3600)
    run = manage(cloud)
    body = cloud.server_body("vm", networks=[{"uuid": cloud.network["id"]}])
    uuid = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(uuid, "ERROR")
    _delete(cloud, uuid)
    _age(cloud, uuid)
    assert run("operation", "list", "--json") == 0
    assert run.out.strip() == "[]"  # all have ended
    assert run(*ARCHIVE) == 0  # what they may have left is looked for when a lease is over
    _write(cloud, sa.update(t.operations).where(t.operations.c.instance_uuid == uuid).values(due_at=utcnow()))
    cloud.eventually(lambda: run(*ARCHIVE) == 1)
    assert _rows(cloud, t.instances, uuid) == 0
