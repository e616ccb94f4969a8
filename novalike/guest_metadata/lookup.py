"""From a path that a guest asks for to the answer."""

import posixpath
from typing import Any, NamedTuple

from novalike.guest_metadata import ec2, openstack
from novalike.guest_metadata.guest import Guest


class Answer(NamedTuple):
    """:param is_password: the path of the guest's password, which it may also write."""

    content: bytes
    content_type: str = openstack.TEXT
    is_password: bool = False


def versions_page(names: tuple[str, ...] = ec2.VERSIONS) -> Answer:
    """The list of versions."""
    return Answer("\n".join((*names, "latest")).encode())


def is_root(path: str) -> bool:
    """Whether it is the path of the list of EC2 versions, which anybody may read."""
    return not _parts(path)


def look_up(guest: Guest, path: str, *, today: str) -> Answer:
    """The answer to a path. What doesn't begin with ``openstack`` is EC2's.

    :param today: ISO date: versions of the future aren't listed, though they can be read.
    :raises KeyError: there is nothing.
    """
    parts = _parts(path)
    if parts and parts[0] == "openstack":
        if len(parts) == 1:
            return versions_page(tuple(v for v in openstack.VERSIONS if v <= today))
        return _openstack(guest, openstack.version_of(parts[1]), "/".join(parts[2:]))
    if parts and parts[0] == "ec2":
        parts = parts[1:]
    if not parts:
        return versions_page()
    found: Any = ec2.tree(guest, parts[0])
    for part in parts[1:]:
        if not isinstance(found, dict) or part == ec2.LABEL:
            raise KeyError(path)
        found = found[part]
    content = ec2.listing(found)
    return Answer(content if isinstance(content, bytes) else content.encode())


def _openstack(guest: Guest, version: str, name: str) -> Answer:
    if name in ("", "version"):
        return Answer("\n".join(openstack.listing(guest, version)).encode())
    document = openstack.BY_NAME[name]
    if document.refused_before and version < document.refused_before:
        raise KeyError(name)
    content = document.read(guest, version)
    if content is None:
        raise KeyError(name)
    return Answer(content, document.content_type, is_password=name == "password")


def _parts(path: str) -> list[str]:
    """A path's names, with ``.``, ``..`` and empty ones resolved: nothing leads above the root."""
    return [part for part in posixpath.normpath(f"/{path}").split("/") if part]
