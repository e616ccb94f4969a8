"""Clouds for tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.harness import Cloud

FLAVOR = {"flavor": {"id": "1", "name": "m1.tiny", "ram": 64, "vcpus": 1, "disk": 1}}


def furnish(cloud: Cloud) -> Cloud:
    """Give a cloud what every test needs."""
    cloud.admin.post("/flavors", FLAVOR, 200)
    return cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud that the tests of a module share."""
    found = furnish(Cloud(tmp_path_factory.mktemp("cloud")))
    yield found
    found.close()


@pytest.fixture
def make_cloud(tmp_path: Path) -> Iterator[Callable[..., Cloud]]:
    """Makes clouds of a test's own."""
    made: list[Cloud] = []

    def make(**options: Any) -> Cloud:
        folder = tmp_path / f"cloud{len(made)}"
        folder.mkdir()
        made.append(furnish(Cloud(folder, **options)))
        return made[-1]

    yield make
    for cloud in made:
        cloud.close()
