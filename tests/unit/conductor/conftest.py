"""Databases for tests of the conductor."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.conductor.databases import Databases


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    """An API database, cell 0 and cell 1."""
    found = Databases(tmp_path)
    yield found
    found.close()
