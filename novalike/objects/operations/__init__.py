"""The state table: every action on a server that takes time, a module per family."""

from collections.abc import Mapping

from novalike.objects.operations import create, delete, power, reboot, resize
from novalike.objects.operations.action import Action

ACTIONS: Mapping[str, Action] = {
    row.name: row
    for row in (
        create.CREATE, delete.DELETE, power.START, power.STOP, reboot.SOFT, reboot.HARD, resize.RESIZE, resize.MIGRATE,
        resize.CONFIRM, resize.REVERT,
    )
}  # fmt: skip
