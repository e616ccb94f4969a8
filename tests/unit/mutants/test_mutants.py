"""The runner of mutants: what it changes, what it leaves alone, which tests it takes, which it believes."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import child, choice, known, mutant, pool, record, report, trial
from tests.mutants.choice import Chooser
from tests.mutants.mutant import Mutant, mutants_of, sample

FILE = "novalike/objects/example.py"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes the file that is mutated."""
    monkeypatch.setattr(mutant, "ROOT", tmp_path)
    (tmp_path / FILE).parent.mkdir(parents=True)

    def put(code: str) -> list[Mutant]:
        mutant._text.cache_clear()
        (tmp_path / FILE).write_text(code)
        found = mutants_of(FILE)
        for each in found:
            ast.parse(each.source())
        return found

    yield put
    mutant._text.cache_clear()


def added(found: list[Mutant]) -> set[str]:
    """The lines that the mutants have instead."""
    return {line[2:] for each in found for line in each.changed().splitlines() if line.startswith("+ ")}


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("return a < b", {"return a <= b", "return a >= b", "return None"}),
        ("return time.monotonic() < b", {"return time.monotonic() >= b", "return None"}),
        ("return a is not None", {"return a is None", "return None"}),
        ("return a and not b", {"return a or not b", "return a and b", "return None"}),
        ("return a + 1", {"return a - 1", "return a + 0", "return None"}),
        ("return (a or b) + 2", {"return (a and b) + 2", "return (a or b) - 2", "return (a or b) + 3", "return None"}),
        ("return True", {"return False"}),
        ("return {'k': a, 'l': b}", {
            "return {'kX': a, 'l': b}", "return {'k': a, 'lX': b}", "return {'l': b}", "return {'k': a}", "return None",
        }),
        ("f(a, key=b)", {"f(a)", "pass"}),
        ("raise f(a)", {"pass"}),
        ("a.b = f()", {"pass"}),
        ("a = b", {"a = None"}),
        ("a = None", {"a = True"}),
        ("a += b", {"a -= b", "pass"}),
        ("return min(a, b)", {"return max(a, b)", "return None"}),
        ("return sorted(a)", {"return list(a)", "return None"}),
        ("del a[b]", {"pass"}),
        ("with suppress(E): f()", {"with suppress(): f()", "with suppress(E): pass"}),
        ("LOG.info('a %s', b + 1)", set()),
        ("raise E('not ' + 'this')", {"pass"}),
        ("raise E(reason='no')", {"pass"}),
        ("raise AssertionError('never')", set()),
        ("return 'a whole sentence of words'", {"return None"}),
        ("c: int | None = cast('str | int', a)", set()),
        ("return zip(a, b, strict=True)", {"return None"}), ("return cache(maxsize=5)", {"return None"}),
        ("threading.Thread(target=f, name='x', daemon=True)", {"threading.Thread(name='x', daemon=True)", "pass"}),
    ],
)  # fmt: skip
def test_what_is_changed(write: Any, line: str, instead: set[str]) -> None:
    found = write(f"def g(a, b):\n    {line}\n    h()\n")
    wanted = {each.replace("'", '"') for each in instead} | {"pass"}
    assert {each.replace("'", '"') for each in added(found)} == wanted


def test_conditions_are_negated_and_handlers_catch_nothing(write: Any) -> None:
    found = added(write(
        "def g(a):\n    if a and f(a):\n        return h(a)\n    while f(a):\n        continue\n"
        "    try:\n        f(a)\n    except (E, F):\n        raise\n    except G:\n        return a\n    return None\n"
    ))  # fmt: skip
    assert found >= {
        "if a or f(a):", "if not (a and f(a)):", "while not f(a):", "break", "except (E, ):", "except (F,):",
        "except ():",
    }  # fmt: skip


def test_an_except_that_only_logs_differs_in_the_log_only(write: Any) -> None:
    last = "    except Exception:\n        LOG.exception('x')\n"
    code = "def g():\n    try:\n        f()\n    except E:\n        {}\n" + last
    assert added(write(code.format("LOG.warning('y')"))) == {"pass", "except ():"}
    mutants = write(code.format("h()"))
    assert sum(each.after == "()" for each in mutants) == 2


def test_tables_and_defaults_are_changed_and_declarations_are_not(write: Any) -> None:
    found = write(
        '"""Doc."""\nimport x\nT = {"a": 1}\nclass C(Record, frozen=True):\n    """Doc."""\n    __slots__ = ("s",)\n'
        "    n: int = 3\n    template = 'x'\n\n    def m(self, k=5):\n        return k\n"
    )
    assert {(each.function, each.after) for each in found} == {
        ("", "{}"), ("", "None"), ("", "'aX'"), ("", "0"), ("C", "4"), ("C.m", "6"), ("C.m", "return None"),
        ("", "T = None"),
    } - {("", "None")}  # fmt: skip
    where = {each.after: (each.in_body, each.lines) for each in found}
    assert where["6"] == (False, (10, 10))
    assert where["return None"] == (True, (11, 11))


def test_the_same_code_in_another_place_is_the_same_mutant(write: Any) -> None:
    code = "def g(a):\n    return a < 1\n"
    before = write(code)
    after = write(f"def h():\n    f()\n\n\n{code}")
    ranks = {each.rank("seed") for each in after}
    assert {each.rank("seed") for each in before} < ranks
    assert {each.rank("seed") for each in before}.isdisjoint(each.rank("other") for each in before)


def test_of_each_part_there_is_its_share() -> None:
    def some(file: str, count: int) -> list[Mutant]:
        return [Mutant(file, "f", "o", True, n, 1, "a", "b", (n, n), (1, 99), n) for n in range(count)]

    every = some("novalike/objects/a.py", 300) + some("novalike/compute/b.py", 100)
    every += some("novalike/api/dispatch.py", 3)
    found = [each.part for each in sample(every, 100, "seed")]
    parts = {part: found.count(part) for part in set(found)}
    assert parts["novalike/api/dispatch.py"] == 3
    assert 70 <= parts["novalike/objects"] <= 78
    assert 22 <= parts["novalike/compute"] <= 28


def _mutant(line: int = 5, *, file: str = FILE) -> Mutant:
    return Mutant(file, "f", "o", True, 0, 1, "a", "b", (line, line), (1, 99), 1)


def _test(name: str, seconds: float = 1.0, *lines: int) -> record.Test:
    return record.Test(f"tests/unit/{name}", seconds, {FILE: frozenset(lines)})


@pytest.fixture
def chooser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr("tests.mutants.choice.ROOT", tmp_path)

    def make(*tests: record.Test) -> Chooser:
        for test in tests:
            (tmp_path / test.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / test.file).write_text("")
        return Chooser(tests, "seed")

    return make


def test_tests_that_run_the_line_are_taken_in_the_order_of_their_file(chooser: Any) -> None:
    found = chooser(
        _test("test_b.py::two", 1.0, 5, 6), _test("test_b.py::one", 0.1, 5), _test("test_c.py::no", 1.0, 6),
        _test("test_example.py::named", 3.0, 5),
    )  # fmt: skip
    names = [name.rpartition("/")[2] for name in found.choose(_mutant())]
    assert names == ["test_example.py::named", "test_b.py::two", "test_b.py::one"]
    assert list(found.choose(_mutant(), but={"tests/unit/test_b.py::two"}).values()) == [3.0, 0.1]
    assert found.choose(_mutant(7)) == {}


def test_no_more_are_taken_than_there_is_time_for(chooser: Any) -> None:
    found = chooser(*(_test(f"test_{n}.py::t", 4.0, 5) for n in range(9))).choose(_mutant())
    assert sum(found.values()) == 12.0
    assert list(chooser(_test("test_long.py::t", 99.0, 5)).choose(_mutant())) == ["tests/unit/test_long.py::t"]


def test_what_the_tests_of_a_file_share_is_part_of_the_usual_time(chooser: Any) -> None:
    """Whichever of them comes first sets it up: it was said to hang on a busy machine, and to fail by itself."""
    tests = [record.Test(f"tests/functional/test_a.py::{n}", 1.0, {FILE: frozenset({5})}, 4.0) for n in range(9)]
    assert set(chooser(*tests).choose(_mutant()).values()) == {5.0}
    assert len(chooser(*tests).choose(_mutant())) == 9


def test_what_is_declared_is_looked_at_first(chooser: Any) -> None:
    declared = record.Test(f"{choice._OF_DECLARATIONS[0]}", 1.0, {})
    others = [_test(f"test_{n}.py::t", 4.0, 5) for n in range(9)]
    default = _mutant()._replace(function="Record", in_body=False, body=(0, 0))
    assert next(iter(chooser(*others, declared).choose(default))) == declared.name
    assert declared.name not in chooser(*others, declared).choose(_mutant())


def test_tests_that_are_named_are_there() -> None:
    names = [*choice._OF_DECLARATIONS, *record._OF_PROCESSES]
    for name in names:
        file, _, test = name.partition("::")
        assert f"def {test}" in (mutant.ROOT / file).read_text(), name


class Pool:
    """In the place of processes.

    :ivar kills: mutant → the test that notices it.
    :ivar needy: tests that fail, with a mutant and without.
    """

    def __init__(self) -> None:
        self.kills: dict[Mutant, str] = {}
        self.needy: set[str] = set()
        self.runs: list[tuple[Mutant | None, list[str]]] = []

    def run(self, tasks: Iterator[pool.Task], workers: int) -> Iterator[pool.Result]:
        for task in tasks:
            subject = task.name
            names = list(subject.expected)
            self.runs.append((subject.mutant, names))
            if subject.alone:
                failed = subject.alone if subject.alone in self.needy else ""
            else:
                noticed = self.kills.get(subject.mutant, "")
                failed = next((name for name in names if name == noticed or name in self.needy), "")
            yield pool.Result(subject, 1 if failed else 0, failed, "", 0.1)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Pool:
    found = Pool()
    monkeypatch.setattr(trial.pool, "run", found.run)
    monkeypatch.setattr(trial.known, "KnownSurvivors", lambda: type("None_", (), {"reason": lambda self, m: None})())
    monkeypatch.setattr(child, "judge", lambda *_: None)
    return found


def test_a_test_that_fails_by_itself_is_not_believed(chooser: Any, processes: Pool) -> None:
    needy, good = _test("test_a.py::needy", 1.0, 5, 6), _test("test_a.py::good", 1.0, 5)
    processes.needy = {needy.name}
    one, two = _mutant(5), _mutant(6)
    processes.kills = {one: good.name}
    run = trial.Run([one, two], chooser(needy, good), until=float("inf"))
    ends = {verdict.mutant: (verdict.end, verdict.test) for verdict in run.verdicts(1)}
    assert ends == {one: (report.KILLED, good.name), two: (report.NOT_RUN, "")}
    assert run.unfit == {needy.name}
    # Each is asked once whether it can be believed.
    assert sum(subject is None and names == [good.name] for subject, names in processes.runs) == 1


def test_when_the_time_is_up_the_rest_is_left_out(chooser: Any, processes: Pool) -> None:
    run = trial.Run([_mutant(5)], chooser(_test("test_a.py::t", 1.0, 5)), until=float("-inf"))
    assert list(run.verdicts(1)) == []


def test_tests_that_fail_without_a_mutant_are_told(chooser: Any, processes: Pool) -> None:
    test = _test("test_a.py::flaky", 1.0, 5)
    processes.needy = {test.name}
    run = trial.Run([_mutant(5)], chooser(test), until=float("inf"))
    list(run.verdicts(1))
    assert (run.controls, run.disturbed) == (1, [test.name])


def test_known_survivors_say_why_and_leave_the_list_with_their_line(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = 'function = "g"\nmutation = """\n- return a < 1\n+ return a <= 1"""\nreason = "so"\n'
    (tmp_path / "list.toml").write_text(f'[[survivor]]\nfile = "{FILE}"\n{entry}')
    monkeypatch.setattr(known, "LIST", tmp_path / "list.toml")
    monkeypatch.setattr(known, "ROOT", tmp_path)
    found = write("# moved\n\ndef g(a):\n    return a < 1\n")
    survivors = known.KnownSurvivors()
    assert [each.changed() for each in found if survivors.reason(each) == "so"] == ["- return a < 1\n+ return a <= 1"]
    assert survivors.stale() == []
    write("def g(a):\n    return a < 2\n")
    assert [entry.reason for entry in known.KnownSurvivors().stale()] == ["so"]


def test_known_survivors_count_as_not_noticed() -> None:
    ends = (report.KILLED, report.TIMED_OUT, report.KNOWN, report.SURVIVED, report.NOT_RUN)
    verdicts = [report.Verdict(_mutant(), end) for end in ends]
    assert report.share(verdicts) == 0.4
    assert "| novalike/objects | 5 | 1 | 1 | 1 | 1 | 1 | 40% |" in report.table(verdicts)
