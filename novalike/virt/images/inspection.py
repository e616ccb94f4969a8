"""Whether a downloaded file is the image that it says it is, and harmless.

QEMU follows what a header tells it: a qcow2 with a backing file, or a vmdk whose extents are elsewhere, would
show a guest any file of the host. So a file is looked at by two readers, each told or finding independently
what it is: oslo.utils' inspectors, which only parse headers, and qemu-img, under limits.
"""

from pathlib import Path
from typing import Any

from oslo_utils.imageutils import format_inspector

from novalike.objects.image import Image
from novalike.objects.record import Record
from novalike.virt.driver import ImageRejected
from novalike.virt.images import qemu_img

# Glance's disk_format → what inspectors may find. A raw disk may begin with a partition table ("gpt", also for
# DOS tables); a bootable ISO is a disk with a table as well.
_ALLOWED: dict[str, frozenset[str]] = {
    "raw": frozenset({"raw", "gpt"}),
    "ami": frozenset({"raw", "gpt"}),
    "aki": frozenset({"raw", "gpt"}),
    "ari": frozenset({"raw", "gpt"}),
    "iso": frozenset({"iso", "gpt"}),
    "qcow2": frozenset({"qcow2"}),
    "vmdk": frozenset({"vmdk"}),
    "vdi": frozenset({"vdi"}),
    "vhd": frozenset({"vhd"}),
    "vhdx": frozenset({"vhdx"}),
}
# Glance's names → QEMU's, where they differ.
_QEMU_NAME = {"vhd": "vpc", "ami": "raw", "aki": "raw", "ari": "raw", "iso": "raw"}
_VMDK_KINDS = frozenset({"monolithicSparse", "streamOptimized"})

DISK_FORMATS = frozenset(_ALLOWED)


class Findings(Record, frozen=True):
    """A file that passed.

    :param qemu_format: what to call it to QEMU.
    :param virtual_size: bytes of the disk inside.
    """

    qemu_format: str
    virtual_size: int


def inspect(path: Path, image: Image) -> Findings:
    """Check a file against what Glance says of it.

    :raises ImageRejected: it is something else, or refers to other files, or uses what isn't understood.
    """

    def reject(reason: str) -> ImageRejected:
        return ImageRejected(image_id=image.id, reason=reason)

    claimed = image.disk_format or ""
    if claimed not in _ALLOWED:
        raise reject(f"Disk format {claimed or 'unset'!r} is not supported")
    for found in _formats(path, image):
        if str(found) not in _ALLOWED[claimed]:
            raise reject(f"Image content does not match disk_format: it says {claimed} and contains {found}")
        if str(found) == "gpt":
            continue  # a raw disk's partition table is its guest's business, QEMU doesn't read it
        try:
            found.safety_check()
        except format_inspector.SafetyCheckFailed as e:
            why = "; ".join(str(failure) for failure in e.failures.values()) or str(e)
            raise reject(f"Image content is not safe: {why}") from e
    qemu_format = _QEMU_NAME.get(claimed, claimed)
    if qemu_format == "raw":
        return Findings(qemu_format="raw", virtual_size=path.stat().st_size)
    try:
        facts = qemu_img.info(path, qemu_format)
    except ValueError as e:
        raise reject(f"Image can't be read as {claimed}: {e}") from e
    _check_facts(facts, qemu_format, reject)
    if qemu_img.corruptions(path, qemu_format):
        raise reject("Image is damaged or not complete")
    return Findings(qemu_format=qemu_format, virtual_size=int(facts["virtual-size"]))


def qcow2_faults(path: Path, *, has_base: bool) -> str:
    """Return why a qcow2 file must not be given to QEMU, as far as its header says that; nothing if there is no reason.

    Nothing besides the file is opened.

    :param has_base: whether it may have a backing file, which whoever calls replaces.
    :raises OSError: it can't be read.
    """
    inspector = format_inspector.QcowInspector()
    with path.open("rb") as f:
        inspector.eat_chunk(f.read(65536))
    if not inspector.format_match or not inspector.complete:
        return "it is no qcow2 file"
    checks = [inspector.check_data_file, inspector.check_unknown_features]
    if not has_base:
        checks.append(inspector.check_backing_file)
    try:
        for check in checks:
            check()
    except format_inspector.SafetyViolation as e:
        return str(e)
    return ""


def _formats(path: Path, image: Image) -> list[format_inspector.FileInspector]:
    """All formats that the content can be taken for; never none."""
    with path.open("rb") as f:
        wrapper = format_inspector.InspectWrapper(f)
        while wrapper.formats is None and wrapper.read(65536):
            pass
        wrapper.close()
        found = wrapper.formats
    if not found or (len(found) > 1 and image.disk_format != "iso"):
        names = ", ".join(sorted(str(f) for f in found or ()))
        raise ImageRejected(image_id=image.id, reason=f"Image content has several formats at once: {names}")
    return list(found)


def _check_facts(facts: dict[str, Any], qemu_format: str, reject: Any) -> None:
    specific = (facts.get("format-specific") or {}).get("data") or {}
    if facts.get("format") != qemu_format:
        raise reject(f"QEMU reads the image as {facts.get('format')}")
    if facts.get("backing-filename") or facts.get("full-backing-filename"):
        raise reject("Image has a backing file")
    if specific.get("data-file") or specific.get("data-file-raw"):
        raise reject("Image has an external data file")
    if facts.get("encrypted"):
        raise reject("Image is encrypted")
    if specific.get("corrupt"):
        raise reject("Image is marked as corrupt")
    if qemu_format == "vmdk" and specific.get("create-type") not in _VMDK_KINDS:
        raise reject(f"VMDK of type {specific.get('create-type')} is not allowed")
    if not isinstance(facts.get("virtual-size"), int):
        raise reject("Image has no size")
