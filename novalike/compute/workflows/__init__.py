"""The workflows, by the row of the state table (``objects.lifecycle``) that they carry out."""

from collections.abc import Mapping

from novalike.compute.workflow import Workflow
from novalike.compute.workflows import build, delete, power, reboot

WORKFLOWS: Mapping[str, Workflow] = {
    "create": build.WORKFLOW,
    "delete": delete.WORKFLOW,
    "start": power.START,
    "stop": power.STOP,
    "reboot_soft": reboot.SOFT,
    "reboot_hard": reboot.HARD,
}
