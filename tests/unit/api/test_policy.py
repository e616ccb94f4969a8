"""What the operator's policy file says holds soon after it was changed."""

import os
from pathlib import Path

import pytest
from oslo_config import cfg
from oslo_policy import opts

from novalike import conf as novalike_conf
from novalike.api.policy import Enforcer
from novalike.objects.context import RequestContext

RULE = "os_compute_api:servers:show"
TARGET = {"project_id": "p", "user_id": "u"}


def test_a_changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("novalike.api.policy.time.monotonic", lambda: now[0])
    file = tmp_path / "policy.yaml"
    file.write_text(f'"{RULE}": "role:auditor"\n')
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    opts.set_defaults(conf)  # registers the options
    conf.set_override("policy_file", str(file), group="oslo_policy")
    enforcer = Enforcer(conf)
    reader = RequestContext(user_id="u", project_id="p", roles=["reader"], overwrite=False)
    assert not enforcer.allowed(reader, RULE, TARGET)
    file.write_text(f'"{RULE}": "role:reader"\n')
    os.utime(file, (2_000_000_000, 2_000_000_000))
    now[0] += 1.1
    assert enforcer.allowed(reader, RULE, TARGET)


def test_callers_and_targets_are_not_confused() -> None:
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    enforcer = Enforcer(conf)
    for _ in range(2):  # the second time it is remembered
        for roles, project, expected in ((["reader"], "p", True), (["reader"], "q", False), ([], "p", False)):
            caller = RequestContext(user_id="u", project_id=project, roles=roles, overwrite=False)
            assert enforcer.allowed(caller, RULE, TARGET) is expected


@pytest.mark.parametrize(
    ("said", "manager", "auditor"),
    [
        ({}, (True, False, False), (False, False, False)),
        # Whoever was let in by the one rule that there was once sees what it showed.
        ({"index": "role:auditor"}, (False, False, False), (True, True, True)),
        ({"index": "role:auditor", "index:host": "rule:admin_api"}, (False, False, False), (True, True, False)),
        ({"index:all_projects": "role:manager"}, (True, True, False), (False, False, False)),
    ],
)
def test_a_rule_that_was_part_of_another_follows_it(
    tmp_path: Path, said: dict[str, str], manager: tuple[bool, ...], auditor: tuple[bool, ...]
) -> None:
    root = "os_compute_api:os-migrations"
    file = tmp_path / "policy.yaml"
    file.write_text("".join(f'"{root}:{name}": "{check}"\n' for name, check in said.items()) or "{}")
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    opts.set_defaults(conf)  # registers the options
    conf.set_override("policy_file", str(file), group="oslo_policy")
    enforcer = Enforcer(conf)

    def may(role: str) -> tuple[bool, ...]:
        caller = RequestContext(user_id="u", project_id="p", roles=[role], overwrite=False)
        names = ("index", "index:all_projects", "index:host")
        return tuple(enforcer.allowed(caller, f"{root}:{name}", TARGET) for name in names)

    assert (may("manager"), may("auditor")) == (manager, auditor)
