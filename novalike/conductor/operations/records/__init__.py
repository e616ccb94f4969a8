"""What actions write of their own, beside their operations and their servers' states."""

from collections.abc import Mapping

from novalike.conductor.operations.records import create, delete, reboot, resize
from novalike.conductor.operations.records.base import Records

_NONE = Records()
_RECORDS: Mapping[str, Records] = {
    "create": create.CreateRecords(),
    "delete": delete.DeleteRecords(),
    "reboot_hard": reboot.HardRebootRecords(),
    "resize": resize.MoveRecords(),
    "migrate": resize.MoveRecords(),
    "resize_confirm": resize.ConfirmRecords(),
    "resize_revert": resize.RevertRecords(),
}


def records_of(workflow: str) -> Records:
    """Return what a workflow writes of its own."""
    return _RECORDS.get(workflow, _NONE)
