"""What the conductor says of an API database that it can't have, and what it makes of the cells in one."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.cells import Cell, Cells, follows_moves
from novalike.db.api import mappings, tables
from novalike.objects import errors


@pytest.mark.parametrize("url", ["", "not a url", "oracel://secret@h/d"])
def test_a_url_that_is_none(url):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("connection", url, group="api_database")
    with pytest.raises(SystemExit, match=r"\[api_database\] connection") as said:
        Cells(conf)
    assert "secret" not in str(said.value)


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("connection", f"sqlite:///{tmp_path}/api.db", group="api_database")
    found = Cells(conf)
    tables.metadata.create_all(found.api.engine)
    yield found
    found.close()


def add_cell(cells: Cells, name: str, url: str, *, number: int, disabled: bool = False) -> None:
    identity = f"00000000-0000-0000-0000-00000000000{number}"
    cells.api.write(
        lambda c: mappings.insert_cell(c, uuid=identity, name=name, database_connection=url, disabled=disabled)
    )


def test_without_cells_it_is_waited_for_them(cells: Cells, tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable):
        cells.all()
    assert not cells.ping()
    add_cell(cells, "cell1", f"sqlite:///{tmp_path}/1.db", number=1)
    assert [cell.name for cell in cells.all()] == ["cell1"]
    assert cells.ping()


def test_all_databases_must_answer(cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        add_cell(cells, f"cell{number}", f"sqlite:///{tmp_path}/{number}.db", number=number)
    assert cells.ping()
    monkeypatch.setattr(cells.all()[1].database, "ping", lambda: False)
    assert not cells.ping()


def test_a_new_server_starts_in_the_only_cell_or_in_cell_0(cells: Cells, tmp_path: Path) -> None:
    for number, disabled in ((2, True), (1, False), (0, False)):
        add_cell(cells, f"cell{number}", f"sqlite:///{tmp_path}/{number}.db", number=number, disabled=disabled)
    assert [cell.name for cell in cells.all()] == ["cell0", "cell2", "cell1"]
    assert [cell.name for cell in cells.compute_cells()] == ["cell2", "cell1"]
    assert cells.home().name == "cell1"
    add_cell(cells, "cell3", f"sqlite:///{tmp_path}/3.db", number=3)
    cells._load()
    assert cells.home().name == "cell0"


def test_a_cell_that_has_just_been_made_is_found(cells: Cells, tmp_path: Path) -> None:
    add_cell(cells, "cell0", f"sqlite:///{tmp_path}/0.db", number=0)
    assert len(cells.all()) == 1
    add_cell(cells, "cell1", f"sqlite:///{tmp_path}/1.db", number=1)
    assert cells.by_id(2).name == "cell1"
    with pytest.raises(errors.CellNotFound):
        cells.by_id(3)


def test_a_cell_that_is_away_holds_up_no_other_one(cells: Cells, tmp_path: Path) -> None:
    for number in range(2):
        add_cell(cells, f"cell{number}", f"sqlite:///{tmp_path}/{number}.db", number=number)

    def name(cell: Cell) -> str:
        if cell.is_cell0:
            raise errors.Unavailable(reason="away")
        return cell.name

    assert cells.each_reachable(name) == ["cell1"]
    with pytest.raises(errors.Unavailable):
        cells.each(name)
    assert cells.each(name, cells.compute_cells()) == ["cell1"]


@pytest.mark.parametrize(("cell", "looks"), [(0, 2), (1, 1)])
def test_a_server_that_is_not_found_is_looked_for_again_where_servers_move(cell: int, looks: int) -> None:
    looked = []

    class Handler:
        def __init__(self) -> None:
            self._cells = SimpleNamespace(home=lambda: SimpleNamespace(is_cell0=cell == 0))

        @follows_moves
        def get(self, name: str, *, times: int) -> str:
            looked.append(name)
            if len(looked) < times:
                raise errors.InstanceNotFound(instance_id=name)
            return "found"

    with pytest.raises(errors.InstanceNotFound):
        Handler().get("s", times=99)
    assert looked == ["s"] * looks
    del looked[:]
    if looks == 2:
        assert Handler().get("s", times=2) == "found"
