"""The operators of extra specs: ``>= 4``, ``s== x``, ``<in> avx``, ``<all-in> a b``, ``<or> x <or> y``.

Without an operator the texts must be equal. A bare ``=`` means "at least", for numbers, by tradition.
"""

import functools
import operator
from collections.abc import Callable

NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": operator.contains,
}


@functools.lru_cache(maxsize=4096)
def matches(value: str | None, wanted: str) -> bool:
    """Whether a host's value is what an extra spec asks for. What can't be compared doesn't match."""
    words = wanted.split()
    sign = words[0] if words else ""
    operands = words[1:]
    if sign not in NUMBERS and sign not in TEXTS and sign not in ("<or>", "<all-in>"):
        return value == wanted
    if value is None or not operands:
        return False
    if sign == "<or>":
        return value in operands[::2]
    if sign == "<all-in>":
        return all(operand in value for operand in operands)
    if sign in TEXTS:
        return TEXTS[sign](value, operands[0])
    try:
        return NUMBERS[sign](float(value), float(operands[0]))
    except ValueError:
        return False
