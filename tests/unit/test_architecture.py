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
    "novalike/service/wsgi.py",
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


# Who may compile an expression that isn't written there: schemas' own, when RE2 can't; file names of the image cache,
# which are put together from constants.
COMPILES_OTHERS = {"novalike/api/validation.py", "novalike/virt/images/names.py"}


def test_python_s_expressions_are_our_own() -> None:
    """What users send is matched by novalike.objects.pattern: Python's engine can be kept busy for ever."""
    found = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and not isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(path.relative_to(ROOT)))
    assert found == COMPILES_OTHERS


def test_databases_are_asked_for_plain_texts_only() -> None:
    asked = {path for path in sources() if "regexp_match" in path.read_text()}
    assert {path.relative_to(ROOT / "novalike").as_posix() for path in asked} == {
        "db/cell/server_queries.py", "db/api/flavors.py",
    }  # fmt: skip
    assert all("is_plain(" in path.read_text() for path in asked)


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "manager"])
def test_no_drawer_for_everything(name: str) -> None:
    assert [path for path in sources() if name in (path.stem, path.parent.name)] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path in sources():
        if not ast.get_docstring(ast.parse(path.read_text())):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


# Underscored names that their owners document for everybody.
PUBLIC = {"_mapping", "_replace", "_asdict", "_exit", "_Element"}
# What the bus's decorators leave on the functions and classes of our own interfaces.
OURS = {"_bus", "_methods"}


def private_imports(path: Path) -> set[str]:
    """Names with an underscore that a file imports from others than us."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(("novalike", "tests")):
            found |= {f"{node.module}.{each.name}" for each in node.names if each.name not in PUBLIC}
    return {name for name in found if "._" in name}


def private_attributes(path: Path) -> set[str]:
    """Attributes with an underscore of what isn't the file's own: neither of ``self`` nor made in the file."""
    attributes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    private = [node for node in attributes if node.attr.startswith("_") and not node.attr.startswith("__")]
    own = {node.attr for node in private if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")}
    return {ast.unparse(node) for node in private if node.attr not in own | PUBLIC | OURS}


def test_nothing_private_of_a_library_is_used() -> None:
    """It may be another one with the library's next release, and the bounds are open above."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    imports = {str(path.relative_to(ROOT)): private_imports(path) for path in (*sources(), *tests)}
    assert {path: names for path, names in imports.items() if names} == {}
    attributes = {str(path.relative_to(ROOT)): private_attributes(path) for path in sources()}
    assert {path: names for path, names in attributes.items() if names} == {}
