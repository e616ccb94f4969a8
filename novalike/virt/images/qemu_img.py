"""qemu-img, with every format named explicitly: it must never guess what a file is."""

import json
import logging
from pathlib import Path
from typing import Any

from oslo_concurrency import processutils

from novalike.virt.driver import GuestFailed

LOG = logging.getLogger(__name__)

# For reading images that nobody has checked yet: a crafted header must not eat the host.
_UNTRUSTED = processutils.ProcessLimits(cpu_time=30, address_space=1 << 30)


def _run(*args: str, limits: processutils.ProcessLimits | None = None) -> str:
    stdout, _ = processutils.execute("qemu-img", *args, prlimit=limits, env_variables=None)
    return str(stdout)


def _failed(what: str, error: Exception) -> GuestFailed:
    detail = getattr(error, "stderr", None) or str(error)
    return GuestFailed(reason=f"{what}: {detail.strip()}")


def info(path: Path, file_format: str) -> dict[str, Any]:
    """What qemu-img says of an unchecked file, read as ``file_format``.

    :raises ValueError: it can't be read as that.
    """
    try:
        found = json.loads(_run("info", "-f", file_format, "--output=json", str(path), limits=_UNTRUSTED))
    except (processutils.ProcessExecutionError, OSError, ValueError) as e:
        detail = getattr(e, "stderr", None) or str(e)
        raise ValueError(str(detail).strip().replace(str(path), "the file")) from e
    if not isinstance(found, dict):
        raise ValueError("qemu-img gave no description")
    return found


def corruptions(path: Path, file_format: str) -> int:
    """How many references of an unchecked file lead nowhere, or to where something else is; 0 when the format has none.

    Only tables are read, so that this takes milliseconds. A file that lost its end is found by it.
    """
    try:
        # 2: corrupt; 3: some clusters are in vain; 63: not that kind of format
        report, _ = processutils.execute(
            "qemu-img", "check", "-f", file_format, "--output=json", str(path),
            prlimit=_UNTRUSTED, env_variables=None, check_exit_code=[0, 2, 3, 63],
        )  # fmt: skip
        return int(json.loads(report).get("corruptions", 0)) if report.strip() else 0
    except (processutils.ProcessExecutionError, OSError, ValueError) as e:
        LOG.warning("%s could not be checked: %s", path, getattr(e, "stderr", None) or e)
        return 0


def create_overlay(path: Path, base: Path, base_format: str, size: int) -> None:
    """A qcow2 file of ``size`` bytes that shows ``base`` where it has not been written to.

    :raises GuestFailed: it can't be made.
    """
    try:
        _run("create", "-q", "-f", "qcow2", "-F", base_format, "-b", str(base), str(path), str(size))
    except (processutils.ProcessExecutionError, OSError) as e:
        raise _failed("Could not make a disk", e) from e


def create_empty(path: Path, file_format: str, size: int) -> None:
    """An empty file of ``size`` bytes.

    :raises GuestFailed: it can't be made.
    """
    try:
        _run("create", "-q", "-f", file_format, str(path), str(size))
    except (processutils.ProcessExecutionError, OSError) as e:
        raise _failed("Could not make a disk", e) from e


def convert(source: Path, source_format: str, target: Path, target_format: str) -> None:
    """Copy a checked image into another format; empty parts stay empty.

    :raises GuestFailed: it can't be read or there is no room.
    """
    try:
        _run("convert", "-f", source_format, "-O", target_format, "-t", "none", "-T", "none", str(source), str(target))
    except processutils.ProcessExecutionError as e:
        if "O_DIRECT" not in str(e.stderr):
            raise _failed("Could not convert the image", e) from e
        LOG.debug("%s is on a file system without O_DIRECT", target)
        try:
            _run("convert", "-f", source_format, "-O", target_format, str(source), str(target))
        except processutils.ProcessExecutionError as again:
            raise _failed("Could not convert the image", again) from again
    except OSError as e:
        raise _failed("Could not convert the image", e) from e


def rebase(path: Path, base: Path, base_format: str) -> None:
    """Have a qcow2 file name another base, of the same content, without reading either.

    :raises GuestFailed: it can't be changed.
    """
    try:
        _run("rebase", "-q", "-u", "-f", "qcow2", "-F", base_format, "-b", str(base), str(path))
    except (processutils.ProcessExecutionError, OSError) as e:
        raise _failed("Could not lay a disk over its base", e) from e


def resize(path: Path, file_format: str, size: int) -> None:
    """Make a disk larger; never smaller.

    :raises GuestFailed: it can't be.
    """
    try:
        _run("resize", "-q", "-f", file_format, str(path), str(size))
    except (processutils.ProcessExecutionError, OSError) as e:
        raise _failed("Could not resize a disk", e) from e
