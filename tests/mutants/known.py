"""The list of known survivors."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutant import ROOT, Mutant, mutants_of

LIST = Path(__file__).with_name("survivors.toml")


class Known(NamedTuple):
    """A mutant that is known to survive, and why that is all right."""

    file: str
    function: str
    mutation: str
    reason: str


class KnownSurvivors:
    """All of them."""

    def __init__(self) -> None:
        rows = tomllib.loads(LIST.read_text()).get("survivor", [])
        self._all = {
            (row.file, row.function, row.mutation): row
            for row in (Known(**{**each, "mutation": each["mutation"].strip()}) for each in rows)
        }

    def reason(self, mutant: Mutant) -> str | None:
        """Why a mutant survives; None when it is not known."""
        if not any(mutant.file == file and mutant.function == function for file, function, _ in self._all):
            return None
        known = self._all.get((mutant.file, mutant.function, mutant.changed()))
        return known and known.reason

    def stale(self, mutants: Iterable[Mutant] | None = None) -> list[Known]:
        """Entries that are no mutant's any more."""
        files = {file for file, _, _ in self._all}
        if mutants is None:
            mutants = [mutant for file in files if (ROOT / file).exists() for mutant in mutants_of(file)]
        functions = {(file, function) for file, function, _ in self._all}
        there = {(m.file, m.function, m.changed()) for m in mutants if (m.file, m.function) in functions}
        return [known for key, known in self._all.items() if key not in there]
