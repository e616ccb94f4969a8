"""What conformance tests do to the disks of the libvirt driver's guests."""

import hashlib
import itertools
import subprocess
from pathlib import Path
from typing import Any

from novalike.virt.guest import Guest

MIB = 1024**2
_PATTERNS = itertools.cycle(range(1, 256))


class LibvirtDisks:
    """For classes of conformance tests."""

    def write(self, driver: Any, guest: Guest) -> None:
        _run("qemu-io", "-f", "qcow2", "-c", f"write -P {next(_PATTERNS)} 64k 64k", _folder(driver, guest) / "disk")

    def content(self, driver: Any, guest: Guest) -> str:
        """The beginning of the root disk; what is behind that is empty when the disk has grown."""
        raw = _folder(driver, guest).with_name("raw")
        _run("qemu-img", "convert", "-U", "-f", "qcow2", "-O", "raw", _folder(driver, guest) / "disk", raw)
        try:
            with raw.open("rb") as f:
                return hashlib.sha256(f.read(MIB)).hexdigest()
        finally:
            raw.unlink()

    def has_config_drive(self, driver: Any, guest: Guest) -> bool:
        return (_folder(driver, guest) / "disk.config").exists()


def _folder(driver: Any, guest: Guest) -> Path:
    folder: Path = driver._instances / guest.uuid
    return folder


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
