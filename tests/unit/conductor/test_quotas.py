"""Limits of projects and of their users: what holds, and what may be set."""

from typing import Any

import pytest

from novalike.conductor.quotas import QuotaCommandsHandler, QuotaReadsHandler
from novalike.objects import errors
from tests.fakes.records import PROJECT, USER, context
from tests.unit.conductor.databases import Databases

CTX = context(is_admin=True)


def set_limit(databases: Databases, limit: int, *, user_id: str | None = None, force: bool = False, **more: Any) -> int:
    """Set how many servers there may be, or how much of something else. Gives what holds then."""
    resource = more.get("resource", "instances")
    commands = QuotaCommandsHandler(databases.conf, databases.cells)
    found = commands.set_quotas(
        context(is_admin=True), project_id=PROJECT, limits={resource: limit}, user_id=user_id, force=force
    )
    return found.limits[resource]


@pytest.mark.parametrize("over", [1, 2, 3])
def test_a_project_that_has_less_than_it_gave_its_users_is_bound_by_what_it_uses(
    databases: Databases, over: int
) -> None:
    databases.server()
    set_limit(databases, 8)
    set_limit(databases, 5, user_id=USER)
    set_limit(databases, 5 - over, force=True)
    assert set_limit(databases, 1) == 1
    with pytest.raises(errors.Invalid, match="greater than or equal to already used and reserved 1"):
        set_limit(databases, 0)


def test_a_project_keeps_what_it_has_given(databases: Databases) -> None:
    set_limit(databases, 8)
    set_limit(databases, 5, user_id=USER)
    with pytest.raises(errors.Invalid, match="already used and reserved 5"):
        set_limit(databases, 4)
    assert set_limit(databases, 5) == 5
    assert set_limit(databases, -1) == -1


def test_a_user_gets_what_is_left_and_not_less_than_he_uses(databases: Databases) -> None:
    databases.server()
    set_limit(databases, 8)
    set_limit(databases, 5, user_id=USER)
    most = "less than or equal to 8"
    for limit, wrong in ((9, most), (-1, most), (0, "already used and reserved 1")):
        with pytest.raises(errors.Invalid, match=wrong):
            set_limit(databases, limit, user_id=USER)
    assert set_limit(databases, 8, user_id=USER) == 8
    with pytest.raises(errors.Invalid, match="less than or equal to 0"):
        set_limit(databases, 1, user_id="another")


def test_of_what_is_not_counted_a_user_may_get_nothing(databases: Databases) -> None:
    """Servers are counted; key pairs are not."""
    assert set_limit(databases, 0, user_id=USER, resource="key_pairs") == 0


def test_a_users_limit_is_his_own(databases: Databases) -> None:
    set_limit(databases, 8)
    set_limit(databases, 5, user_id=USER)
    databases.server()
    databases.server(user_id="another", vcpus=3)
    reads = QuotaReadsHandler(databases.conf, databases.cells)
    for user_id, limit, used in (
        (USER, 5, {"instances": 1, "cores": 1, "ram": 512}), ("another", 8, {"instances": 1, "cores": 3, "ram": 512}),
        (None, 8, {"instances": 2, "cores": 4, "ram": 1024}),
    ):  # fmt: skip
        found = reads.get_quotas(CTX, project_id=PROJECT, user_id=user_id, with_usage=True)
        assert (found.limits["instances"], found.used) == (limit, used)
        assert reads.get_quotas(CTX, project_id=PROJECT, user_id=user_id).used == {}
