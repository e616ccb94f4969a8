"""Config drives: a small ISO 9660 image with a server's metadata, labelled ``config-2``."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from novalike.virt.driver import ConfigDrive

LABEL = "config-2"


def build(drive: ConfigDrive) -> bytes:
    """The image's bytes. File names as given, by Joliet and Rock Ridge; ISO names are made up.

    :raises ValueError: a path is absolute or has ``..`` in it, or is none that such an image can have.
    """
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    try:
        made: dict[str, str] = {"": ""}
        for number, (path, content) in enumerate(sorted(drive.files.items())):
            parts = path.split("/")
            if not all(parts) or any(part in (".", "..") for part in parts):
                raise ValueError(f"{path!r} is not a path inside a config drive")
            folder = _folder(iso, made, parts[:-1])
            iso.add_fp(
                io.BytesIO(content),
                len(content),
                f"{folder}/F{number:07d}.;1",
                rr_name=parts[-1],
                joliet_path="/" + path,
            )
        out = io.BytesIO()
        iso.write_fp(out)
        return out.getvalue()
    except PyCdlibException as e:
        raise ValueError(str(e)) from e
    finally:
        iso.close()


def write(drive: ConfigDrive, target: Path, sync: Callable[[int], object] = os.fsync) -> None:
    """Put the image into a file, which appears complete or not at all; secrets are in it.

    :param sync: ``os.fsync``, or what calls it without stopping the process.
    :raises OSError: it can't be written.
    :raises ValueError: as :func:`build`.
    """
    partial = target.with_name(target.name + ".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as f:
        f.write(build(drive))
        f.flush()
        sync(f.fileno())
    partial.rename(target)


def _folder(iso: pycdlib.PyCdlib, made: dict[str, str], parts: list[str]) -> str:
    """The ISO path of a folder; makes it and the ones above it. ``made`` is real path → ISO path."""
    path = ""
    for part in parts:
        above, path = path, f"{path}/{part}"
        if path not in made:
            made[path] = f"{made[above]}/D{len(made):07d}"
            iso.add_directory(made[path], rr_name=part, joliet_path=path)
    return made[path]
