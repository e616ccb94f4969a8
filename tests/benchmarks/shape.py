"""Whether two answers have the same shape: the same keys, and as many things in each list. Values may differ."""

from collections.abc import Iterator
from typing import Any

# Tables of values, whose keys are no names of the API's.
_TABLES = frozenset({"metadata", "extra_specs", "properties"})


def differences(theirs: Any, ours: Any, where: str = "") -> Iterator[str]:
    """What is different, in words.

    :param theirs, ours: decoded JSON.
    :param where: what it is a part of.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() ^ ours.keys()):
            yield f"{where}.{key}: only {'Nova' if key in theirs else 'novalike'} has it"
        for key in theirs.keys() & ours.keys() - _TABLES:
            yield from differences(theirs[key], ours[key], f"{where}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{where}: {len(theirs)} and {len(ours)} of them"
        elif theirs:
            yield from differences(theirs[0], ours[0], f"{where}[0]")
    elif isinstance(theirs, (dict, list)) or isinstance(ours, (dict, list)):
        yield f"{where}: {type(theirs).__name__} and {type(ours).__name__}"
