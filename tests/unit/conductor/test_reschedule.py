"""When a build that failed is tried again."""

import datetime

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.operations.reschedule import may_reschedule
from novalike.objects.operation import Operation


@pytest.mark.parametrize(
    ("workflow", "attempts", "may"),
    [("create", 0, True), ("create", 1, True), ("create", 2, False), ("create", 9, False), ("delete", 0, False),
     ("reboot_hard", 0, False)],
)  # fmt: skip
def test_only_builds_are_tried_elsewhere_and_only_so_often(workflow: str, attempts: int, may: bool) -> None:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("max_attempts", 3, "scheduler")
    operation = Operation(
        uuid="o", instance_uuid="s", action=workflow, workflow=workflow, request_id="r", user_id="u", project_id="p",
        start_time=datetime.datetime(2026, 11, 28), attempts=attempts, host="h",
    )  # fmt: skip
    assert may_reschedule(conf, operation) is may
