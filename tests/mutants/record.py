"""Which tests run which lines, and how long they take: learnt once, and again of what has changed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutants import child, pool
from tests.mutants.mutant import PARTS, ROOT, files_of

CACHE = ROOT / ".mutants"
# These run nothing of what is mutated, or start processes, which are not mutated.
_FOLDERS = ("api", "bus", "compute", "conductor", "db", "objects", "scheduler")
_TOO_LONG = 600.0
# Another one when records are made in another way.
_VERSION = "2"
# They start a process that does what they look at, and that is not mutated.
_OF_PROCESSES = frozenset({"tests/functional/test_attacks.py"})


class Test(NamedTuple):
    """
    :param lines: file → lines that it runs.
    :param setup: seconds that are to be added when it comes first of its file: what the tests of that share is set up.
    """

    name: str
    seconds: float
    lines: dict[str, frozenset[int]]
    setup: float = 0.0

    @property
    def file(self) -> str:
        return self.name.partition("::")[0]


class Record(NamedTuple):
    """
    :param failed: tests that don't pass as things are: nothing can be said with them.
    """

    tests: tuple[Test, ...]
    failed: tuple[str, ...]


def _hash(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _files() -> list[str]:
    folders = [*(ROOT / "tests/unit" / name for name in _FOLDERS), ROOT / "tests/functional", ROOT / "tests/crash"]
    files = [ROOT / "tests/unit/test_architecture.py", ROOT / "tests/unit/test_documentation.py"]
    files += [path for folder in folders for path in sorted(folder.rglob("test_*.py"))]
    return [name for path in files if (name := str(path.relative_to(ROOT))) not in _OF_PROCESSES]


def _sources() -> list[str]:
    return [str(path.relative_to(ROOT)) for part in PARTS for path in files_of(part)]


def _keys() -> dict[str, str]:
    """Test file → what its record depends on: itself, what it may import, and how it is recorded."""
    helpers = [
        path
        for folder in ("crash", "fakes", "functional", "unit")
        for path in (ROOT / "tests" / folder).rglob("*.py")
        if not path.name.startswith("test_")
    ]
    base = _hash([*(ROOT / "novalike").rglob("*.py"), *helpers])
    return {file: f"{_VERSION}{base}{_hash([ROOT / file])}" for file in _files()}


def learn(workers: int) -> Record:
    """Run the tests whose record is not in the cache."""
    CACHE.mkdir(exist_ok=True)
    keys = _keys()
    places = {file: CACHE / f"{file.replace('/', '.')}.json" for file in keys}
    found = {file: _cached(places[file], key) for file, key in keys.items()}
    # Those that take the longest first.
    new = sorted((file for file, known in found.items() if known is None), key=lambda file: "/crash/" not in file)
    if new:
        print(f"learning which lines the tests of {len(new)} files run", flush=True)
    tasks = [pool.Task(file, partial(_record, file), _TOO_LONG) for file in new]
    for result in pool.run(tasks, workers):
        if result.status != 0:
            raise SystemExit(f"{result.name} could not be run:\n{result.output}")
        found[result.name] = {"key": keys[result.name], **json.loads(result.answer)}
        if not found[result.name]["failed"]:  # which may have been chance
            places[result.name].write_text(json.dumps(found[result.name]))
    return _made(list(found.values()))


def _record(file: str, folder: Path) -> None:
    child.record(file, _sources(), folder)


def _cached(path: Path, key: str) -> dict[str, Any] | None:
    if not path.exists():
        return None
    known: dict[str, Any] = json.loads(path.read_text())
    return known if known["key"] == key else None


def _made(found: Sequence[Any]) -> Record:
    tests, failed = [], []
    for record in found:
        failed += record["failed"]
        for name, known in record["tests"].items():
            lines = {file: frozenset(lines) for file, lines in known["lines"].items()}
            tests.append(Test(name, known["seconds"], lines, record["setup"]))
    return Record(tuple(tests), tuple(failed))
