"""Which tests a mutant is subjected to, and in which order: those that run it, the likeliest and quickest first."""

import random
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import PurePath

from tests.mutants.mutant import ROOT, Mutant
from tests.mutants.record import Test

# Seconds of tests that a mutant is subjected to at most, by kind of test.
SECONDS = {"unit": 15.0, "functional": 15.0, "crash": 12.0}
# What crash trials are for: how operations are run, and what becomes of them.
WORKFLOWS = (
    "novalike/compute/", "novalike/cmd/management/interventions", "novalike/conductor/journal",
    "novalike/conductor/leases", "novalike/conductor/operations", "novalike/conductor/servers/creation",
    "novalike/conductor/servers/cell_transfer", "novalike/objects/lifecycle", "novalike/objects/operation",
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z_]{4,}")
# Tests in one file share their setup; but one file should not use up all the time.
_AT_ONCE = 12
# They look at what is declared, and need not run any of it.
_OF_DECLARATIONS = (
    "tests/unit/bus/test_signatures.py::test_nothing_changes_unnoticed", "tests/unit/test_documentation.py::",
)  # fmt: skip


def _kind(test: Test) -> str:
    return test.name.split("/")[1]


class Chooser:
    """
    :param seed: of what is drawn where there are more tests than time.
    """

    def __init__(self, tests: Sequence[Test], seed: str) -> None:
        self._tests = tests
        self._seed = seed
        self._places = {test.name: number for number, test in enumerate(tests)}
        self._by_file: dict[str, list[Test]] = defaultdict(list)
        for test in tests:
            for file in test.lines:
                self._by_file[file].append(test)
        self._texts = {test.file: (ROOT / test.file).read_text() for test in tests}

    def choose(self, mutant: Mutant, but: Collection[str] = ()) -> dict[str, float]:
        """Test → the seconds it usually takes, should it come first in its file. Nothing when no test runs the mutant.

        :param but: tests that won't do.
        """
        found = [test for test in self._running(mutant) if test.name not in but]
        draw = random.Random(f"{self._seed} {mutant.file} {mutant.function} {mutant.after}")  # noqa: S311
        chosen: dict[str, float] = {}
        for kind, limit in SECONDS.items():
            if kind == "crash" and not mutant.file.startswith(WORKFLOWS):
                continue
            those = [test for test in found if _kind(test) == kind]
            draw.shuffle(those)
            seconds = 0.0
            some = []
            for test in self._in_order(mutant, those):
                if seconds + test.seconds <= limit or not seconds:
                    seconds += test.seconds
                    some.append(test)
            chosen |= {test.name: test.seconds + test.setup for test in some}
        return chosen

    def _running(self, mutant: Mutant) -> list[Test]:
        candidates = self._by_file[mutant.file]
        if mutant.in_body:
            return _touching(candidates, mutant.file, mutant.lines)
        # It is run when the module is imported. Who would notice?
        if mutant.body != (0, 0):  # the default of an argument
            return _touching(candidates, mutant.file, mutant.body)
        importing = re.compile(_import_of(mutant.file))
        files = {file for file, text in self._texts.items() if importing.search(text)}
        named = [t for t in self._tests if t.file in files or t.name.startswith(_OF_DECLARATIONS)]
        if not candidates:  # nothing in it is ever called: records
            named += [test for test in self._tests if test.file.startswith(("tests/functional/", "tests/unit/api/"))]
        return list({test.name: test for test in [*named, *candidates]}.values())

    def _in_order(self, mutant: Mutant, tests: Sequence[Test]) -> list[Test]:
        """File by file, a few tests of each in turn; first the files most of whose work is in the mutant's file, and
        before all of them, of what is run on import, the tests that look at what is declared, and those that are named
        after an entry of a table that is changed.

        Those of one file that are taken together are in its own order: some look at what earlier ones have left.
        """
        by_file: dict[str, list[Test]] = defaultdict(list)
        for test in tests:
            by_file[test.file].append(test)

        def relevance(test: Test) -> float:
            return len(test.lines.get(mutant.file, ())) / (1 + sum(map(len, test.lines.values())))

        words = set(_WORD.findall(mutant.before)) - set(_WORD.findall(mutant.after))
        named = [test for test in tests if mutant.function == "" and words & set(_WORD.findall(test.name))]
        stem = PurePath(mutant.file).stem.rstrip("s")
        files = sorted(
            by_file.values(),
            key=lambda those: (stem not in PurePath(those[0].file).stem, -max(map(relevance, those))),
        )
        for those in files:
            those.sort(key=lambda test: (-round(relevance(test), 1), test.seconds))
        found = [test for test in tests if not mutant.in_body and test.name.startswith(_OF_DECLARATIONS)]
        found += sorted(named, key=lambda test: self._places[test.name])[:_AT_ONCE]
        while any(files):
            for those in files:
                found += sorted(those[:_AT_ONCE], key=lambda test: self._places[test.name])
                del those[:_AT_ONCE]
        return list({test.name: test for test in found}.values())


def _touching(tests: Sequence[Test], file: str, lines: tuple[int, int]) -> list[Test]:
    first, last = lines
    return [test for test in tests if any(first <= line <= last for line in test.lines[file])]


def _import_of(file: str) -> str:
    """A pattern of how a module is imported."""
    *package, name = PurePath(file.removesuffix("/__init__.py").removesuffix(".py")).parts
    return rf"{re.escape('.'.join([*package, name]))}\b|from {re.escape('.'.join(package))} import .*\b{name}\b"
