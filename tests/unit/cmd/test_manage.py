"""novalike-manage, on SQLite."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as configuration
from novalike.cmd import manage
from novalike.cmd.management.cell_urls import cell0_url, mask
from novalike.conductor.cells import CELL0_UUID, Cells
from novalike.db.cell import hosts as hosts_db

Manage = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "novalike.conf"
    path.write_text(
        f"""[DEFAULT]
transport_url = rabbit://u:hush@broker:5672/
[api_database]
connection = sqlite:///{tmp_path}/n_api.sqlite
[database]
connection = sqlite:///{tmp_path}/n_cell1.sqlite
"""
    )
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Manage:
    def call(*words: str) -> tuple[int, str, str]:
        status = manage.main(["--config-file", str(config), *words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def cloud(run: Manage) -> Manage:
    run("api_db", "sync")
    run("db", "sync")
    run("cell_v2", "simple_cell_setup")
    return run


def cells(config: Path) -> Cells:
    return Cells(configuration.load("novalike-conductor", ["--config-file", str(config)], cfg.ConfigOpts()))


def test_from_nothing_to_a_cloud(run: Manage, config: Path, tmp_path: Path) -> None:
    assert run("api_db", "version")[:2] == (0, "none\n")
    for words in (("api_db", "sync"), ("db", "sync"), ("cell_v2", "simple_cell_setup")):
        assert run(*words)[0] == 0
        assert run(*words)[0] == 0
    assert run("api_db", "version")[1].strip().isdigit()
    assert run("db", "version")[1].strip().isdigit()
    found = cells(config)
    assert [(cell.name, cell.is_cell0) for cell in found.all()] == [("cell0", True), ("cell1", False)]
    assert found.home().name == "cell1"
    assert found.ping()
    assert (tmp_path / "n_cell0.sqlite").exists()


def test_only_the_local_cell(run: Manage, tmp_path: Path) -> None:
    assert run("db", "sync", "--local_cell")[0] == 0
    assert not (tmp_path / "n_cell0.sqlite").exists()


def test_missing_urls_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.conf"
    path.write_text("")
    for words, group in ((["api_db", "sync"], "api_database"), (["db", "version"], "database")):
        assert manage.main(["--config-file", str(path), *words]) == 1
        assert f"[{group}] connection is not set" in capsys.readouterr().err


def test_a_database_without_tables_is_no_traceback(run: Manage) -> None:
    status, _, err = run("cell_v2", "list_cells")
    assert status == 1
    assert "sync" in err


def test_lists_hide_passwords_unless_asked(cloud: Manage) -> None:
    assert "hush" not in cloud("cell_v2", "list_cells")[1]
    assert "u:hush@broker" in cloud("cell_v2", "list_cells", "--verbose")[1]


def test_cells_come_change_and_go(cloud: Manage, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/n_cell2.sqlite"
    status, uuid, _ = cloud("cell_v2", "create_cell", "--name", "two", "--database_connection", url, "--verbose")
    uuid = uuid.strip()
    assert status == 0
    assert cloud("cell_v2", "create_cell", "--database_connection", url)[0] == 2
    assert cloud("cell_v2", "create_cell", "--transport-url", "nonsense")[0] == 1
    assert cloud("cell_v2", "update_cell", "--cell_uuid", "none")[0] == 1
    assert cloud("cell_v2", "update_cell", "--cell_uuid", uuid, "--enable", "--disable")[0] == 4
    assert cloud("cell_v2", "update_cell", "--cell_uuid", CELL0_UUID, "--disable")[0] == 5
    assert cloud("cell_v2", "update_cell", "--cell_uuid", uuid, "--name", "deux", "--disable")[0] == 0
    assert "deux" in cloud("cell_v2", "list_cells")[1]
    assert cloud("cell_v2", "delete_cell", "--cell_uuid", uuid)[0] == 0
    assert cloud("cell_v2", "delete_cell", "--cell_uuid", uuid)[0] == 1


def test_hosts_are_found_and_hold_their_cell(cloud: Manage, config: Path) -> None:
    cell = next(cell for cell in cells(config).all() if not cell.is_cell0)
    now = cell.database.utcnow()
    cell.database.write(lambda c: hosts_db.insert_services(c, "novalike-compute", "h1", "i", ["h1"], 1, now))
    assert cloud("cell_v2", "list_hosts")[1].count("h1") == 0
    status, out, _ = cloud("cell_v2", "discover_hosts", "--verbose", "--strict")
    assert status == 0
    assert "'h1'" in out
    assert cloud("cell_v2", "discover_hosts", "--strict")[0] == 1
    assert cloud("cell_v2", "list_hosts", "--cell_uuid", cell.uuid)[1].count("h1") == 1
    assert cloud("cell_v2", "delete_cell", "--cell_uuid", cell.uuid)[0] == 2
    assert cloud("cell_v2", "delete_cell", "--force", "--cell_uuid", cell.uuid)[0] == 0


def test_a_cell_with_servers_stays(cloud: Manage, config: Path) -> None:
    found = cells(config)
    cell = next(cell for cell in found.all() if not cell.is_cell0)
    insert = sa.text(
        "INSERT INTO instance_mappings (instance_uuid, cell_id, project_id, user_id, queued_for_delete)"
        " VALUES ('s', :cell, 'p', 'u', 0)"
    )
    found.api.write(lambda c: c.execute(insert, {"cell": cell.id}))
    assert cloud("cell_v2", "delete_cell", "--force", "--cell_uuid", cell.uuid)[0] == 3


def test_operations_of_all_cells(cloud: Manage) -> None:
    status, out, _ = cloud("operation", "list")
    assert status == 0
    assert "Workflow" in out
    assert cloud("operation", "show", "none")[0] == 1


@pytest.mark.parametrize(
    ("url", "cell0"),
    [
        ("mysql+pymysql://u:p@h/novalike?charset=utf8mb4", "mysql+pymysql://u:p@h/novalike_cell0?charset=utf8mb4"),
        ("postgresql://u:p%40@h/novalike_cell12", "postgresql://u:p%40@h/novalike_cell0"),
        ("sqlite:////var/x/novalike.sqlite", "sqlite:////var/x/novalike_cell0.sqlite"),
    ],
)
def test_where_cell0_is(url: str, cell0: str) -> None:
    assert cell0_url(url) == cell0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rabbit://a:b@c:5,d:e@f:6/v", "rabbit://a:****@c:5,d:****@f:6/v"),
        ("mysql+pymysql://u:p%2F@h/n?x=1", "mysql+pymysql://u:****@h/n?x=1"),
        ("sqlite:////x/y", "sqlite:////x/y"),
        ("none:///", "none:///"),
        (None, ""),
    ],
)
def test_masked(url: str | None, shown: str) -> None:
    assert mask(url) == shown
