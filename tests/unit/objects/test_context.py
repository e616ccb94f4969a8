"""Who asks, on its way over the bus."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from oslo_context.context import get_current

from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from tests.fakes.records import context

SENT = {
    "request_id": "req-1", "global_request_id": "req-2", "user_id": "u", "project_id": "p", "user_domain_id": "ud",
    "project_domain_id": "pd", "is_admin": True, "roles": ["member", "reader"],
}  # fmt: skip


def test_what_is_sent_arrives() -> None:
    arrived = RequestContext.from_wire(RequestContext.from_wire(SENT).to_wire())
    assert {name: getattr(arrived, name) for name in SENT} == SENT


def test_the_token_stays_behind() -> None:
    sent = context(auth_token="secret").to_wire()
    assert set(sent) == set(SENT)
    assert "secret" not in str(sent)


def test_what_a_later_release_adds_is_ignored() -> None:
    assert RequestContext.from_wire({**SENT, "colour": "red"}).to_wire() == SENT
    assert RequestContext.from_wire({"user_id": "u"}).project_id is None


def test_one_that_arrives_does_not_replace_the_one_that_is_logged() -> None:
    def logged() -> bool:
        mine = context()
        mine.update_store()
        RequestContext.from_wire(SENT)
        admin_context("req-other")
        return get_current() is mine

    with ThreadPoolExecutor(1) as thread:  # each has a store of its own
        assert thread.submit(logged).result()


@pytest.mark.parametrize("missing", ["project_id", "user_id"])
def test_a_token_for_no_project_owns_nothing(missing: str) -> None:
    assert context(project_id="p", user_id="u").owner() == ("p", "u")
    with pytest.raises(errors.Forbidden):
        context(**{missing: None}).owner()


def test_work_that_nobody_asked_for_is_an_administrators() -> None:
    assert admin_context("req-7").request_id == "req-7"
    assert admin_context().is_admin
