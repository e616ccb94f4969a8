"""The rules that hold the house together: who may import what, and what may not change unnoticed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Who may name eventlet: what patches, what lends real threads, the HTTP server, and psycopg2's wait callback.
EVENTLET = {
    "novalike/concurrency.py",
    "novalike/cmd/wsgi.py",
    "novalike/db/engine.py",
    "novalike/virt/native_threads.py",
}


def sources() -> list[Path]:
    return sorted((ROOT / "novalike").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_import_contracts_hold() -> None:
    """The contracts are in pyproject.toml, [tool.importlinter]."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(tool), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_those_who_must_name_eventlet() -> None:
    found = {str(path.relative_to(ROOT)) for path in sources() if "eventlet" in imported(path)}
    assert found <= EVENTLET, "everybody else uses the standard library, which the entry point may have patched"


def test_oslo_messaging_stays_in_the_bus() -> None:
    found = {str(path.relative_to(ROOT)) for path in sources() if {"oslo_messaging", "kombu"} & imported(path)}
    assert {name.split("/")[1] for name in found} <= {"bus"}


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "manager"])
def test_no_drawer_for_everything(name: str) -> None:
    assert [path for path in sources() if name in (path.stem, path.parent.name)] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path in sources():
        if not ast.get_docstring(ast.parse(path.read_text())):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []
