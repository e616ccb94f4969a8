"""Daemons of two releases on one bus: which version a message needs, and who may deal with it.

An interface's version rises with each method and argument that is added to it. A message names the version that *it*
needs, not the newest one that its sender knows: so a daemon of the release before goes on serving all that it knows.
"""

from typing import Any

import msgspec

from novalike.bus.interface import Interface, Method, methods, parse_version
from novalike.objects import errors

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def needed(method: Method, payload: str) -> str:
    """The version that must be known to whoever deals with a message: its method's, or that of the newest argument.

    :param payload: the arguments, encoded. One that has its default is not in there.
    """
    if not method.added:
        return method.since
    given: dict[str, Any] = _decode(payload)
    return max((method.since, *(v for name, v in method.added.items() if name in given)), key=parse_version)


def find(offered: type[Interface] | None, interface: str, method: str, version: str) -> Method:
    """The method that a message is for, as who got the message knows it.

    :param offered: what that one serves by this name.
    :param version: what the message needs.
    :raises Unavailable: the message is of a later release, or of a much earlier one.
    """
    known = methods(offered).get(method) if offered is not None else None
    if offered is not None and known is not None:
        (major, minor), (theirs, least) = parse_version(offered.version), parse_version(version)
        if major == theirs and minor >= least:
            return known
    have = f"has version {offered.version}" if offered is not None else "has none"
    reason = f"{interface}.{method} needs version {version} of {interface}; who was asked {have}"
    raise errors.Unavailable(reason=reason)
