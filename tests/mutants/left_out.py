"""What is not mutated, because nothing that a test should hold depends on it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import libcst as cst
import libcst.matchers as m

_LOG = m.Call(func=m.Attribute(value=m.Name("LOG")))
_RAISED = m.Raise()
_WORDING = ("reason", "message", "details", "description")


def _dotted(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def _is_text(node: cst.CSTNode) -> bool:
    return m.matches(node, m.SimpleString() | m.ConcatenatedString() | m.FormattedString())


def _docstring(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return m.matches(node, m.Expr(value=m.SimpleString() | m.ConcatenatedString() | m.Ellipsis()))


def _log(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return m.matches(node, m.Expr(value=_LOG) | m.Assign(targets=[m.AssignTarget(target=m.Name("LOG"))]))


def _type(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    if m.matches(node, m.Annotation() | m.TypeAlias() | m.Call(func=m.Name("TypeVar"))):
        return True
    if isinstance(node, cst.Arg):
        call = above[-1]
        return isinstance(call, cst.Call) and m.matches(call.func, m.Name("cast")) and call.args[0] is node
    alias = m.Assign(value=m.Subscript(value=m.Name("Callable") | m.Name("Mapping") | m.Name("dict") | m.Name("tuple")))
    return m.matches(node, alias) or m.matches(node, m.If(test=m.Name("TYPE_CHECKING")))


def _import(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return m.matches(node, m.Import() | m.ImportFrom())


def _wording(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    """Sentences; texts in what is raised, in templates of errors, and in arguments that are only ever shown."""
    if m.matches(node, m.AnnAssign(target=m.Name("template")) | m.Assign(targets=[m.AssignTarget(m.Name("template"))])):
        return True
    if not _is_text(node):
        return False
    if isinstance(node, cst.SimpleString) and len(str(node.evaluated_value).split(" ")) > 2:
        return True
    if any(m.matches(outer, _RAISED) for outer in above):
        return True
    if any(m.matches(outer, m.Arg(keyword=m.OneOf(*(m.Name(name) for name in _WORDING)))) for outer in above[-2:]):
        return True
    call = next((outer for outer in reversed(above) if isinstance(outer, cst.Call)), None)
    return call is not None and _dotted(call.func).startswith("errors.")


def _cause(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return isinstance(node, cst.From) and m.matches(above[-1], m.Raise())


def _name_of_thread(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    if m.matches(node, m.Arg(keyword=m.Name("thread_name_prefix"))):
        return True
    thread = above and m.matches(above[-1], m.Call(func=m.Attribute(attr=m.Name("Thread"))))
    return bool(thread) and m.matches(node, m.Arg(keyword=m.Name("name") | m.Name("daemon")))


def _unreachable(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    never = m.Raise(exc=m.Name("NotImplementedError") | m.Call(func=m.Name("AssertionError")))
    return m.matches(node, m.Assert() | never)


def _declared_only(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    slots = m.AssignTarget(target=m.Name("__slots__") | m.Name("__all__"))
    return m.matches(node, m.Assign(targets=[slots])) or m.matches(
        node, m.Arg(keyword=m.Name("frozen") | m.Name("kw_only") | m.Name("stacklevel"))
    )


def _strict(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return m.matches(node, m.Arg(keyword=m.Name("strict")))


def _cache_size(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return m.matches(node, m.Arg(keyword=m.Name("maxsize")))


def _row_lock(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    return m.matches(node, m.Arg(keyword=m.Name("lock")))


def _only_logs(handler: cst.ExceptHandler) -> bool:
    return all(
        isinstance(line, cst.SimpleStatementLine) and all(m.matches(each, m.Expr(value=_LOG)) for each in line.body)
        for line in handler.body.body
    )


def _logged_otherwise(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    if not isinstance(node, cst.ExceptHandler) or not _only_logs(node):
        return False
    handlers = list(cst.ensure_type(above[-1], cst.Try).handlers)
    last = handlers[-1]
    return node is not last and m.matches(last, m.ExceptHandler(type=m.Name("Exception"))) and _only_logs(last)


class Rule(NamedTuple):
    """A kind of code that is left out, with all that is in it.

    :param matches: told a node and the nodes around it, outermost first.
    """

    what: str
    why: str
    matches: Callable[[cst.CSTNode, Sequence[cst.CSTNode]], bool]


RULES = (
    Rule("docstrings", "they do nothing", _docstring),
    Rule("what is logged", "tests of texts in logs would be in the way of better texts", _log),
    Rule("annotations, type aliases, casts", "mypy's", _type),
    Rule("imports", "without one nothing runs", _import),
    Rule("messages' wording", "as for logs; that there is a message, and its class, is mutated", _wording),
    Rule("what an error was raised from", "it is in tracebacks only", _cause),
    Rule("names of threads, and whether they outlive the process", "for debuggers only", _name_of_thread),
    Rule("asserts, abstract methods", "they say what can't happen", _unreachable),
    Rule("frozen, kw_only, __slots__, stacklevel", "they keep programmers from mistakes; nothing does them",
         _declared_only),
    Rule("strict in zip()", "the same", _strict),
    Rule("sizes of caches", "tuning", _cache_size),
    Rule("whether rows are locked", "SQLite has no such locks; tests/integration/test_contention.py is on others",
         _row_lock),
    Rule("an except that only logs, before an except Exception that does the same", "as for logs", _logged_otherwise),
)  # fmt: skip


# What a rule can match; all else need not be asked about.
_KINDS = (
    cst.Expr, cst.Assign, cst.AnnAssign, cst.Annotation, cst.TypeAlias, cst.Call, cst.Arg, cst.If, cst.Import,
    cst.ImportFrom, cst.Assert, cst.Raise, cst.SimpleString, cst.ConcatenatedString, cst.FormattedString,
    cst.ExceptHandler, cst.From,
)  # fmt: skip


def is_left_out(node: cst.CSTNode, above: Sequence[cst.CSTNode]) -> bool:
    """Whether a node, with all that is in it, is not mutated.

    :param above: the nodes around it, outermost first.
    """
    return isinstance(node, _KINDS) and any(rule.matches(node, above) for rule in RULES)
