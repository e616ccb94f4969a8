"""What tests of commands have in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cmd.databases import Databases


@pytest.fixture
def databases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Databases]:
    """A cloud's, with two cells beside cell0; [database] connection is that of cell1."""
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("api", "cell0", "cell1", "cell2")]
    found = Databases(tmp_path / "manage.conf", urls, capsys)
    yield found
    found.close()
