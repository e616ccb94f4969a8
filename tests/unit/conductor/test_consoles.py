"""URLs of consoles, what is kept of tokens, and what is forgotten of them."""

import datetime
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.bus.compute import ConsoleAccess
from novalike.conductor import consoles
from novalike.conductor.cells import CELL0_UUID, Cell
from novalike.db.cell import console_tokens
from novalike.db.cell import tables as t
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.record import utcnow
from tests.fakes.records import context, server


@pytest.mark.parametrize(
    ("base", "kind", "expected"),
    [
        ("http://h:6080/vnc_lite.html", "novnc", "http://h:6080/vnc_lite.html?path=%3Ftoken%3Dabc"),
        ("https://h/c/vnc.html?path=ws", "novnc", "https://h/c/vnc.html?path=ws%3Ftoken%3Dabc"),
        (
            "http://h:6080/vnc_lite.html?autoconnect=true&path=a%2Fb",
            "novnc",
            "http://h:6080/vnc_lite.html?autoconnect=true&path=a%2Fb%3Ftoken%3Dabc",
        ),
        ("ws://h:6083/", "serial", "ws://h:6083/?token=abc"),
    ],
)
def test_access_url(base: str, kind: str, expected: str) -> None:
    assert consoles.access_url(base, kind, "abc") == expected


class FakeCells:
    def __init__(self, *cells: Cell) -> None:
        self.cells = cells

    def compute_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if not cell.is_cell0]


class SilentDatabase:
    def query(self, function: object) -> None:
        raise errors.Unavailable(reason="gone")

    def utcnow(self) -> None:
        raise errors.Unavailable(reason="gone")


def insert(database: Database, token: str, seconds: float) -> None:
    database.write(
        lambda c: console_tokens.insert(
            c, token_hash=consoles.digest(token), instance_uuid=str(uuid.uuid4()), console_type="novnc",
            host="h", port=5900, expires=utcnow() + datetime.timedelta(seconds=seconds),
        )
    )  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    database = Database(f"sqlite:///{tmp_path}/cell.db", conf)
    t.metadata.create_all(database.engine)
    yield database
    database.close()


def cell_of(database: object, number: int = 1) -> Cell:
    return Cell(number, str(uuid.uuid4()) if number else CELL0_UUID, f"cell{number}", database, False)  # type: ignore[arg-type]


def test_tokens_are_found_until_they_expire_and_not_kept_in_the_clear(database: Database) -> None:
    insert(database, "good", 60)
    insert(database, "old", -1)
    cells = FakeCells(cell_of(database))
    assert consoles.find(cells, "good").port == 5900  # type: ignore[arg-type]
    for token in ("old", "unknown", "", consoles.digest("good"), "é" * 1000):
        with pytest.raises(errors.ConsoleTokenInvalid):
            consoles.find(cells, token)  # type: ignore[arg-type]
    with database.read() as connection:
        kept = str(connection.execute(t.console_auth_tokens.select()).all())
    assert "good" not in kept


def test_a_silent_cell_hides_no_token_of_another(database: Database) -> None:
    insert(database, "good", 60)
    cells = FakeCells(cell_of(SilentDatabase(), 1), cell_of(database, 2))
    assert consoles.ConsoleReadsHandler(cells).validate_token(context(), token="good").host == "h"  # type: ignore[arg-type]
    with pytest.raises(errors.Unavailable):
        consoles.find(cells, "elsewhere")  # type: ignore[arg-type]


def test_expired_tokens_are_forgotten_now_and_then(database: Database) -> None:
    handler = consoles.ConsoleCommandsHandler(cfg.ConfigOpts(), FakeCells(), None)  # type: ignore[arg-type]
    cell = cell_of(database)

    def count() -> int:
        with database.read() as connection:
            return len(connection.execute(t.console_auth_tokens.select()).all())

    insert(database, "good", 60)
    insert(database, "old", -1)
    handler._purge(cell)
    assert count() == 1
    insert(database, "older", -1)
    handler._purge(cell)
    assert count() == 2, "not at every console that is opened"


class Compute:
    """A host's process: what it answers, or why it doesn't."""

    def __init__(self) -> None:
        self.answer: ConsoleAccess | Exception = ConsoleAccess(host="h", port=5900, access_url_base="http://x")

    def client(self, interface: object, endpoint: str) -> "Compute":
        return self

    def console_access(self, ctx: object, **asked: object) -> ConsoleAccess:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def admitted(database: Database, monkeypatch: pytest.MonkeyPatch) -> tuple[Compute, Callable[[], object]]:
    """A host's process, and a try to use a token of one of its consoles."""
    compute, cell = Compute(), cell_of(database)
    handler = consoles.ConsoleCommandsHandler(cfg.ConfigOpts(), FakeCells(cell), compute)  # type: ignore[arg-type]
    monkeypatch.setattr(handler, "_find_guest", lambda server_id: (cell, server(host="h"), compute))
    insert(database, "good", 60)
    return compute, lambda: handler.admit(context(), token="good")


def test_a_token_is_good_while_the_console_is_where_it_was(admitted: tuple[Compute, Callable[[], object]]) -> None:
    compute, admit = admitted
    assert admit()
    for host, port in (("h", 5901), ("elsewhere", 5900)):
        compute.answer = ConsoleAccess(host=host, port=port, access_url_base="http://x")
        with pytest.raises(errors.ConsoleTokenInvalid):
            admit()


@pytest.mark.parametrize(
    "why",
    [
        errors.InstanceNotFound(instance_id="x"), errors.InstanceNotReady(instance_id="x"),
        errors.ConsoleTypeUnavailable(console_type="novnc"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_token_of_a_console_that_is_no_more_is_invalid(
    admitted: tuple[Compute, Callable[[], object]], why: Exception
) -> None:
    """Whoever has it learns no more than that."""
    compute, admit = admitted
    compute.answer = why
    with pytest.raises(errors.ConsoleTokenInvalid):
        admit()


def test_a_token_is_not_called_invalid_because_its_host_is_away(
    admitted: tuple[Compute, Callable[[], object]]
) -> None:
    compute, admit = admitted
    compute.answer = errors.Unavailable(reason="away")
    with pytest.raises(errors.Unavailable):
        admit()
