"""What is declared in pyproject.toml is what is imported: nothing more, nothing less."""

import re
import sys
import tomllib
from typing import Any

import pytest

from tests.unit.test_architecture import ROOT, imported

# Modules of packages that are called otherwise than these.
MODULES = {
    "google-re2": {"re2"},
    "libvirt-python": {"libvirt", "libvirt_qemu"},
    "os-vif": {"os_vif", "vif_plug_ovs"},
    "pillow": {"pil"},
    "python-dateutil": {"dateutil"},
}
# Declared though nothing here imports it, and why.
NOT_IMPORTED = {
    "python-memcached": "keystonemiddleware asks memcached with it, and doesn't require it itself",
    "pymysql": "SQLAlchemy loads it for mysql+pymysql://",
    "psycopg2-binary": "SQLAlchemy loads it for postgresql://",
    "fixtures": "oslo.messaging's own fixture for tests is one of its",
    "import-linter": "a command: lint-imports",
    "mypy": "a command",
    "ruff": "a command",
    "types-requests": "for mypy",
    "pytest-cov": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "pytest-benchmark": "a plugin of pytest",
    "myst-parser": "an extension of Sphinx",
    "sphinx": "a command",
}
# Imported though it is not declared, and why.
NOT_DECLARED = {
    "nova": "tests/chaos/nova_kept_guests.py runs inside Nova, in Nova's environment",
}


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def names(requirements: list[str]) -> set[str]:
    """Names of packages, in lower case."""
    return {re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def modules_of(packages: set[str]) -> set[str]:
    return set().union(*(MODULES.get(name, {re.sub(r"[-.]", "_", name)}) for name in packages))


def imports_of(folder: str) -> set[str]:
    """Modules that are neither Python's nor ours, in lower case."""
    found = set().union(*(imported(path) for path in (ROOT / folder).rglob("*.py")))
    return {name.lower() for name in found - sys.stdlib_module_names - {"novalike", "tests"}}


def declared() -> dict[str, set[str]]:
    """What the package needs, with the extras that it loads when they are there; and what only tests and tools need."""
    extras = {extra: names(found) for extra, found in project()["optional-dependencies"].items()}
    own = names(project()["dependencies"]).union(*(extras.pop(extra) for extra in ("mysql", "postgresql", "libvirt")))
    return {"novalike": own, "tests": set().union(*extras.values())}


@pytest.mark.parametrize("folder", ["novalike", "tests"])
def test_what_is_declared_is_imported(folder: str) -> None:
    used = imports_of(folder)
    unused = {name for name in declared()[folder] if not modules_of({name}) & used}
    assert unused - NOT_IMPORTED.keys() == set(), "leave it out, or say above what it is for"


@pytest.mark.parametrize("folder", ["novalike", "tests"])
def test_what_is_imported_is_declared(folder: str) -> None:
    known = declared()
    packages = known["novalike"] if folder == "novalike" else known["novalike"] | known["tests"]
    assert imports_of(folder) - modules_of(packages) - NOT_DECLARED.keys() == set()


def test_the_exceptions_are_needed() -> None:
    everything = set().union(*declared().values())
    assert NOT_IMPORTED.keys() <= everything
    assert imports_of("novalike") | imports_of("tests") >= NOT_DECLARED.keys()
