"""All mutants of a file, and a sample of those of many."""

import difflib
import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst import metadata

from tests.mutants.left_out import is_left_out
from tests.mutants.operators import OPERATORS

ROOT = Path(__file__).parents[2]
PARTS = (
    "novalike/objects", "novalike/conductor", "novalike/compute", "novalike/scheduler", "novalike/api/dispatch.py",
    "novalike/db/cell/server_queries.py", "novalike/db/cell/pattern_filters.py",
)  # fmt: skip
# No part is judged by less than this many.
FEW = 10
_PUNCTUATION = (
    cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Comment, cst.Newline, cst.Comma,
    cst.Colon, cst.Dot, cst.Semicolon, cst.AssignEqual, cst.LeftParen, cst.RightParen, cst.LeftSquareBracket,
    cst.RightSquareBracket, cst.LeftCurlyBrace, cst.RightCurlyBrace,
)  # fmt: skip


class Mutant(NamedTuple):
    """A file with one thing changed.

    :param function: its qualified name; empty is the module's own level.
    :param in_body: whether it runs when the function is called, and not when the module is imported.
    :param place, length: of what is replaced, in bytes.
    :param lines: the first and the last line of the statement, or of the compound statement's head.
    :param body: the first and the last line of the function.
    :param number: among those of the function that look the same.
    """

    file: str
    function: str
    operator: str
    in_body: bool
    place: int
    length: int
    before: str
    after: str
    lines: tuple[int, int]
    body: tuple[int, int]
    number: int

    @property
    def part(self) -> str:
        """Which of PARTS it belongs to."""
        return next(part for part in PARTS if self.file.startswith(part))

    def source(self) -> str:
        """The whole file, changed."""
        text = _text(self.file)
        return (text[: self.place] + self.after.encode() + text[self.place + self.length :]).decode()

    def changed(self) -> str:
        """The lines that differ, without their indentation: what the list of known survivors says."""
        old = [line.strip() for line in _text(self.file).decode().splitlines()]
        new = [line.strip() for line in self.source().splitlines()]
        found = difflib.unified_diff(old, new, n=0, lineterm="")
        lines = (f"{line[0]} {line[1:]}" for line in found if not line.startswith(("---", "+++", "@@")))
        return "\n".join(line for line in lines if line.strip("+- "))

    def diff(self) -> str:
        """The change as ``diff -u`` prints it."""
        old = _text(self.file).decode().splitlines()
        found = difflib.unified_diff(old, self.source().splitlines(), self.file, self.file, lineterm="")
        return "\n".join(found)

    def rank(self, seed: str) -> bytes:
        """Sorts mutants at random, and the same ones the same way when other code has changed."""
        parts = (seed, self.file, self.function, self.operator, self.before, self.after, str(self.number))
        return hashlib.sha256("\0".join(parts).encode()).digest()


@functools.cache
def _text(file: str) -> bytes:
    """As it was when it was first looked at: places are only right in that."""
    return (ROOT / file).read_bytes()


def files_of(part: str) -> list[Path]:
    """The files of one of PARTS, of a folder, or the one that it is."""
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def mutants_of(file: str) -> list[Mutant]:
    """All mutants of a file, which is named relative to the project's folder."""
    wrapper = metadata.MetadataWrapper(cst.parse_module(_text(file)), unsafe_skip_copy=False)
    return list(_Finder(file, wrapper).find())


class _Finder:
    def __init__(self, file: str, wrapper: metadata.MetadataWrapper) -> None:
        self._file = file
        self._module = wrapper.module
        self._spans = wrapper.resolve(metadata.ByteSpanPositionProvider)
        self._positions = wrapper.resolve(metadata.PositionProvider)
        self._seen: Counter[tuple[str, ...]] = Counter()

    def find(self) -> Iterator[Mutant]:
        yield from self._walk(self._module, [])

    def _walk(self, node: cst.CSTNode, above: list[cst.CSTNode]) -> Iterator[Mutant]:
        if is_left_out(node, above):
            return
        for operator in OPERATORS:
            for replacement in operator.mutate(node, above):
                yield self._mutant(node, above, operator.name, replacement)
        above.append(node)
        for child in node.children:
            if not isinstance(child, _PUNCTUATION):
                yield from self._walk(child, above)
        above.pop()

    def _mutant(
        self, node: cst.CSTNode, above: list[cst.CSTNode], operator: str, replacement: cst.CSTNode
    ) -> Mutant:
        if getattr(node, "lpar", ()) and type(replacement) is type(node) and getattr(replacement, "elements", True):
            replacement = replacement.with_changes(lpar=(), rpar=())  # the place leaves them out
        span = self._spans[node]
        names = [each for each in above if isinstance(each, cst.FunctionDef | cst.ClassDef)]
        function = ".".join(each.name.value for each in names)
        before, after = self._module.code_for_node(node), self._module.code_for_node(replacement)
        alike = (function, operator, before, after)
        self._seen[alike] += 1
        inner = next((each for each in reversed(above) if isinstance(each, cst.FunctionDef)), None)
        return Mutant(
            file=self._file,
            function=function,
            operator=operator,
            in_body=inner is not None and any(each is inner.body for each in above),
            place=span.start,
            length=span.length,
            before=before,
            after=after,
            lines=self._lines(node, above),
            body=self._range(inner.body) if inner is not None else (0, 0),
            number=self._seen[alike],
        )

    def _range(self, node: cst.CSTNode) -> tuple[int, int]:
        position = self._positions[node]
        return position.start.line, position.end.line

    def _lines(self, node: cst.CSTNode, above: list[cst.CSTNode]) -> tuple[int, int]:
        """Where coverage sees the statement."""
        around = [*above, node]
        for number in range(len(around) - 1, -1, -1):
            each = around[number]
            if isinstance(each, cst.BaseSmallStatement):
                return self._range(each)
            if isinstance(each, cst.ExceptHandler):
                return self._range(each)[0], self._range(each.body)[0]
            if isinstance(each, cst.BaseCompoundStatement):
                body = self._range(each.body)[0] if hasattr(each, "body") else self._range(each)[1]
                return self._range(each)[0], max(self._range(each)[0], min(body - 1, self._range(node)[1]))
        return self._range(node)


def find(only: Iterable[str] = PARTS) -> list[Mutant]:
    """All mutants of files and folders."""
    found = []
    for part in only:
        for file in files_of(part):
            found += mutants_of(str(file.relative_to(ROOT)))
    return found


def sample(mutants: Iterable[Mutant], count: int, seed: str) -> list[Mutant]:
    """``count`` of them at random: of each part its share, in an order that is at random too."""
    by_part: dict[str, list[Mutant]] = {}
    for mutant in sorted(mutants, key=lambda mutant: mutant.rank(seed)):
        by_part.setdefault(mutant.part, []).append(mutant)
    total = sum(map(len, by_part.values()))
    found = []
    for those in by_part.values():
        found += those[: max(FEW, round(count * len(those) / total))]
    return sorted(found, key=lambda mutant: mutant.rank(seed))
