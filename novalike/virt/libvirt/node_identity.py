"""The identity of this compute node: a uuid made at the first start, which survives everything.

The node's resource provider in Placement, and with it all allocations, hang on it. The host's name is kept
beside it: a daemon that starts under another name would orphan its guests, so it doesn't.
"""

import os
import uuid
from pathlib import Path

UUID_FILE = "compute_id"
HOST_FILE = "compute_host"


def identify(state_path: Path, host: str) -> str:
    """The node's uuid; made and kept when there is none. An operator may put one there beforehand.

    :param host: ``[DEFAULT] host``.
    :raises SystemExit: the recorded host is another, or the file holds something else.
    :raises OSError: it can't be written.
    """
    recorded = _read(state_path / HOST_FILE)
    if recorded and recorded != host:
        raise SystemExit(
            f"[DEFAULT] host is {host!r}, and this compute node was started before as {recorded!r} "
            f"({state_path / HOST_FILE}). Its servers and its resource provider belong to that name: set host back to "
            f"it. Only if this node never ran a server may {UUID_FILE} and {HOST_FILE} be removed."
        )
    text = _read(state_path / UUID_FILE)
    if not text:
        text = str(uuid.uuid4())
        _write(state_path / UUID_FILE, text)
    try:
        node = str(uuid.UUID(text))
    except ValueError as e:
        raise SystemExit(f"{state_path / UUID_FILE} does not hold a UUID: {text!r}") from e
    if not recorded:
        _write(state_path / HOST_FILE, host)
    return node


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    with partial.open("w") as f:
        f.write(text + "\n")
        f.flush()
        os.fsync(f.fileno())
    partial.rename(path)
