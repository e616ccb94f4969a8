"""Mutation operators: from a node of the syntax tree to what may stand in its place."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import libcst as cst
import libcst.matchers as m

from tests.mutants.left_out import is_left_out

Above = Sequence[cst.CSTNode]

_COMPARISONS: dict[type[cst.BaseCompOp], tuple[type[cst.BaseCompOp], ...]] = {
    cst.Equal: (cst.NotEqual,),
    cst.NotEqual: (cst.Equal,),
    cst.LessThan: (cst.LessThanEqual, cst.GreaterThanEqual),
    cst.LessThanEqual: (cst.LessThan, cst.GreaterThan),
    cst.GreaterThan: (cst.GreaterThanEqual, cst.LessThanEqual),
    cst.GreaterThanEqual: (cst.GreaterThan, cst.LessThan),
    cst.Is: (cst.IsNot,),
    cst.IsNot: (cst.Is,),
    cst.In: (cst.NotIn,),
    cst.NotIn: (cst.In,),
}
_ARITHMETIC: dict[type[cst.BaseBinaryOp], type[cst.BaseBinaryOp]] = {
    cst.Add: cst.Subtract,
    cst.Subtract: cst.Add,
    cst.Multiply: cst.Divide,
    cst.Divide: cst.Multiply,
    cst.FloorDivide: cst.Multiply,
    cst.Modulo: cst.Multiply,
    cst.BitAnd: cst.BitOr,
    cst.BitOr: cst.BitAnd,
}
_AUGMENTED: dict[type[cst.BaseAugOp], type[cst.BaseAugOp]] = {
    cst.AddAssign: cst.SubtractAssign,
    cst.SubtractAssign: cst.AddAssign,
    cst.BitOrAssign: cst.BitAndAssign,
    cst.BitAndAssign: cst.BitOrAssign,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any", "True": "False", "False": "True"}
_NONE_OR_NOT = m.ComparisonTarget(operator=m.Is() | m.IsNot())
_MOMENT = re.compile(r"monotonic\(|utcnow\(|total_seconds\(|\b(now|until|deadline|horizon|_at)\b")
_TRUE = m.Name("True")
# A call that says what would be so anyway.
_DEFAULT = m.Call(func=m.Attribute(attr=m.Name("shutdown")), args=[m.Arg(keyword=m.Name("wait"), value=m.Name("True"))])
_NOTHING = m.Name("None") | m.Name("False") | m.List([]) | m.Dict([]) | m.Tuple([])


def _comparison(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.ComparisonTarget):
        others = _COMPARISONS[type(node.operator)]
        # Two moments are never the same to the microsecond, so where the limit itself belongs to makes no difference.
        if len(others) > 1 and _MOMENT.search(cst.Module([]).code_for_node(above[-1])):
            others = others[1:]
        for other in others:
            yield node.with_changes(operator=other())


def _boolean(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.BooleanOperation):
        yield node.with_changes(operator=cst.Or() if isinstance(node.operator, cst.And) else cst.And())
    elif isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        yield node.expression


def _arithmetic(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.BinaryOperation) and type(node.operator) in _ARITHMETIC:
        if not isinstance(node.left, cst.SimpleString | cst.FormattedString):
            yield node.with_changes(operator=_ARITHMETIC[type(node.operator)]())
    elif isinstance(node, cst.AugAssign) and type(node.operator) in _AUGMENTED:
        yield node.with_changes(operator=_AUGMENTED[type(node.operator)]())
    elif isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        yield node.expression


def _constant(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.Integer):
        yield cst.Integer("0" if node.evaluated_value == 1 else str(node.evaluated_value + 1))
    elif isinstance(node, cst.Float):
        yield cst.Float(repr(node.evaluated_value * 2 + 1))
    elif isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        yield cst.SimpleString(repr(value + b"X" if isinstance(value, bytes) else value + "X"))
    elif isinstance(node, cst.Name) and node.value in ("True", "False"):
        yield cst.Name(_OPPOSITES[node.value])
    elif isinstance(node, cst.Name) and node.value == "None" and not m.matches(above[-1], _NONE_OR_NOT | m.Return()):
        yield cst.Name("True")


def _condition(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    """A condition, negated. (Comparisons and "not" have their own.)"""
    outer = above[-1] if above else None
    if (
        isinstance(outer, cst.If | cst.IfExp | cst.While | cst.CompIf)
        and node is outer.test
        and not isinstance(node, cst.Comparison)
        and not m.matches(node, m.UnaryOperation(operator=m.Not()) | m.Name("True"))
    ):
        loose = isinstance(node, cst.BooleanOperation | cst.NamedExpr) and not node.lpar
        inner = _in_parentheses(node) if loose else node
        yield cst.UnaryOperation(operator=cst.Not(), expression=inner)  # type: ignore[arg-type]


def _in_parentheses(node: Any) -> Any:
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _opposite(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        if node.func.value in ("min", "max", "any", "all"):
            yield node.with_changes(func=cst.Name(_OPPOSITES[node.func.value]))
        elif node.func.value in ("sorted", "reversed") and len(node.args) == 1:
            yield cst.Call(func=cst.Name("list"), args=[node.args[0]])


def _removed(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    """A statement. Of an assignment only its value is taken away, where its name is needed."""
    if isinstance(node, cst.Expr | cst.AugAssign | cst.Raise | cst.Del):
        yield cst.Pass()
    elif isinstance(node, cst.Assign):
        if all(isinstance(target.target, cst.Attribute | cst.Subscript) for target in node.targets):
            in_init = any(isinstance(o, cst.FunctionDef) and o.name.value == "__init__" for o in above)
            if not in_init:  # it would be noticed by whoever reads it
                yield cst.Pass()
        elif not m.matches(node.value, _NOTHING | _TRUE) and isinstance(node.targets[0].target, cst.Name):
            yield node.with_changes(value=cst.Name("None"))
    elif isinstance(node, cst.Break):
        yield cst.Continue()
    elif isinstance(node, cst.Continue):
        yield cst.Break()


def _return(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.Return):
        if node.value is None or m.matches(node.value, m.Name("None")):
            functions = [each for each in above if isinstance(each, cst.FunctionDef)]
            if functions[-1].body.body[-1] is not above[-1]:  # where it changes nothing
                yield cst.Pass()
        elif not m.matches(node.value, _NOTHING | _TRUE):  # whose truth is changed as a constant's
            yield node.with_changes(value=cst.Name("None"))


def _handler(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    """An ``except`` that catches nothing, or one class less; a ``suppress`` without one."""
    outer = above[-1] if above else None
    if isinstance(outer, cst.ExceptHandler) and node is outer.type:
        if isinstance(node, cst.Tuple) and len(node.elements) > 1:
            for number in range(len(node.elements)):
                yield node.with_changes(elements=[e for n, e in enumerate(node.elements) if n != number])
        else:
            yield cst.Tuple([])
    elif isinstance(node, cst.Call) and m.matches(node.func, m.Name("suppress") | m.Attribute(attr=m.Name("suppress"))):
        yield node.with_changes(args=[])


def _argument(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    """A call without one of its keyword arguments."""
    if isinstance(node, cst.Call):
        for argument in node.args:
            inside = [*above, node]
            kept = is_left_out(argument, inside) or is_left_out(argument.value, [*inside, argument])
            if argument.keyword is not None and not kept and not m.matches(node, _DEFAULT):
                yield _without(node, "args", argument)


def _entry(node: cst.CSTNode, above: Above) -> Iterator[cst.CSTNode]:
    """A table without one of its entries."""
    in_table = not any(isinstance(outer, cst.FunctionDef) for outer in above)
    if isinstance(node, cst.Dict) or (in_table and isinstance(node, cst.Set | cst.List | cst.Tuple)):
        if isinstance(node, cst.Set) and len(node.elements) == 1:
            return
        for element in node.elements:
            yield _without(node, "elements", element)


def _without(node: Any, field: str, child: cst.CSTNode) -> Any:
    all_of_them = getattr(node, field)
    kept = [each for each in all_of_them if each is not child]
    if kept and not (isinstance(node, cst.Tuple) and len(kept) == 1):
        kept[-1] = kept[-1].with_changes(comma=all_of_them[-1].comma)
    return node.with_changes(**{field: kept})


class Operator(NamedTuple):
    """
    :param mutate: told a node and the nodes around it, outermost first; gives what may stand in its place.
    """

    name: str
    mutate: Callable[[cst.CSTNode, Above], Iterator[cst.CSTNode]]


OPERATORS = (
    Operator("comparison", _comparison),
    Operator("boolean", _boolean),
    Operator("arithmetic", _arithmetic),
    Operator("constant", _constant),
    Operator("condition negated", _condition),
    Operator("opposite function", _opposite),
    Operator("statement removed", _removed),
    Operator("return changed", _return),
    Operator("except clause", _handler),
    Operator("argument removed", _argument),
    Operator("entry removed", _entry),
)
