"""The end of a console log. virtlogd writes it, and moves it aside to ``<name>.0`` when it has grown."""

from pathlib import Path

from novalike.virt.driver import GuestFailed


def older(name: str) -> str:
    """Return what a log is called when it has been moved aside."""
    return name + ".0"


def tail(path: Path, size: int) -> bytes | None:
    """The last ``size`` bytes; None when there is no log.

    :raises GuestFailed: it can't be read.
    """
    text = _end(path, size)
    if text is not None and len(text) < size:
        before = _end(path.with_name(older(path.name)), size - len(text))
        text = (before or b"") + text
    return text


def _end(path: Path, size: int) -> bytes | None:
    try:
        with path.open("rb") as f:
            length = f.seek(0, 2)
            f.seek(max(0, length - size))
            return f.read(size)
    except FileNotFoundError:
        return None
    except PermissionError as e:
        raise GuestFailed(
            reason=f"{path} can't be read: virtlogd writes it as root, so novalike-compute must run as root too"
        ) from e
