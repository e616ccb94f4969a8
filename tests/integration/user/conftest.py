"""A stack, and what its two users (demo, and admin) do with it."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user.command_line import CommandLine
from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.leftovers import traces
from tests.integration.user.stack import DESCRIPTION, Stack, read_stack
from tests.integration.user.waiting import wait_for

NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before any fixture makes something that the test wouldn't use."""
    here = read_stack()
    for item in items:
        if here and Path(__file__).parent in item.path.parents:
            for kind in {"libvirt", "fake"} - {here.virt_driver}:
                if item.get_closest_marker(kind):
                    item.add_marker(pytest.mark.skip(reason=f"the stack's hypervisor is {here.virt_driver}"))


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The stack."""
    found = read_stack()
    if found is None:
        pytest.skip(f"no stack is described by {DESCRIPTION}")
    return found


@pytest.fixture(scope="session")
def demo(stack: Stack) -> Iterator[CommandLine]:
    """The CLI of an ordinary user."""
    line = CommandLine(stack, "demo")
    yield line
    line.close()


@pytest.fixture(scope="session")
def admin(stack: Stack) -> Iterator[CommandLine]:
    """The CLI of the cloud's administrator."""
    line = CommandLine(stack, "admin")
    yield line
    line.close()


@pytest.fixture(scope="session")
def demo_api(stack: Stack) -> ComputeApi:
    """HTTP as an ordinary user."""
    return ComputeApi(stack, "demo")


@pytest.fixture(scope="session")
def admin_api(stack: Stack) -> ComputeApi:
    """HTTP as the cloud's administrator."""
    return ComputeApi(stack, "admin")


@pytest.fixture(scope="session")
def new_name() -> Callable[[str], str]:
    """Names that nothing has yet."""
    return lambda what: f"{what}-{os.getpid()}-{next(NUMBERS)}"


@pytest.fixture(scope="session")
def artifacts(stack: Stack) -> Path:
    """Where pictures are kept."""
    folder = Path(os.environ.get("NOVALIKE_ARTIFACTS") or Path(stack.logs) / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def nothing_is_left(stack: Stack, admin_api: ComputeApi) -> Callable[..., None]:
    """Check that nothing is left of a server that was deleted. Ports are those it had in Neutron."""

    def check(server_id: str, ports: list[dict[str, Any]] = ()) -> None:
        wait_for(
            lambda: not traces(stack, admin_api, server_id, ports),
            f"nothing is left of {server_id}: {traces(stack, admin_api, server_id, ports)}", 30,
        )  # fmt: skip

    return check


@pytest.fixture(scope="module")
def server_life(demo_api: ComputeApi) -> Iterator[list[str]]:
    """Servers of a module: whatever is still there at its end is deleted."""
    made: list[str] = []
    yield made
    for server_id in made:
        demo_api.compute.delete(f"/servers/{server_id}")
    for server_id in made:
        wait_for(lambda gone=server_id: demo_api.server(gone) is None, f"server {server_id} is gone", 60)
