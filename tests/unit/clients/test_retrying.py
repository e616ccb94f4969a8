import pytest

from novalike.clients.retrying import Retrying
from novalike.objects import errors
from tests.fakes.http import FakeSession, answer, refuse
from tests.fakes.records import context


def replies(*responses):
    left = list(responses)

    def respond(asked):
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return respond


def test_get_is_repeated_until_answered():
    session = FakeSession(replies(answer(500), errors.Unavailable(reason="gone"), answer(200, {})))
    assert Retrying(session, retries=2, pause=0).request("GET", "/").status_code == 200
    assert len(session.asked) == 3


def test_repetitions_end():
    session = FakeSession(refuse)
    with pytest.raises(errors.Unavailable):
        Retrying(session, retries=2, pause=0).request("DELETE", "/x")
    assert len(session.asked) == 3


def test_post_is_sent_once():
    session = FakeSession(refuse)
    with pytest.raises(errors.Unavailable):
        Retrying(session, retries=5, pause=0).request("POST", "/x", json={})
    assert len(session.asked) == 1


def test_client_error_is_an_answer():
    session = FakeSession(replies(answer(409, {})))
    assert Retrying(session, retries=5, pause=0).request("PUT", "/x").status_code == 409


def test_user_is_asked_for_with_token_and_request_id():
    session = FakeSession(replies(answer(200, {}), answer(200, {})))
    ctx = context(global_request_id="req-11111111-1111-1111-1111-111111111111")
    rest = Retrying(session)
    rest.request("GET", "/", user=ctx)
    rest.request("GET", "/")
    assert session.asked[0].token == "token"
    assert session.asked[0].headers == {"X-OpenStack-Request-ID": "req-11111111-1111-1111-1111-111111111111"}
    assert session.asked[1].token is None


@pytest.mark.parametrize(("user", "tries"), [(None, 3), (context(), 1)])
def test_who_waits_for_a_frozen_service_waits_for_one_patience_in_all(monkeypatch, user, tries):
    now = [0.0]

    def respond(asked):
        now[0] += 19.8
        raise errors.Unavailable(reason="no answer in time")

    monkeypatch.setattr("novalike.clients.retrying.time.monotonic", lambda: now[0])
    session = FakeSession(respond)
    with pytest.raises(errors.Unavailable):
        Retrying(session, retries=5, pause=0.3).request("GET", "/", user=user)
    assert len(session.asked) == tries
