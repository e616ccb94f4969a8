"""Whether a project exists: believed unless Keystone is sure that it doesn't."""

import pytest
import requests
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.clients.keystone import KeystoneClient
from novalike.objects import errors
from tests.fakes import records
from tests.fakes.http import Asked, FakeSession, answer


class Session(FakeSession):
    root = "http://keystone/v3"

    def endpoint(self) -> str:
        return self.root


def client(session: Session) -> KeystoneClient:
    conf = cfg.ConfigOpts()
    novalike_conf.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("num_retries", 0, "keystone")
    return KeystoneClient(conf, session)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 401, 403])
def test_believed(status: int) -> None:
    session = Session(lambda asked: answer(status))
    client(session).check_project(records.context(), "a/b")
    assert [(a.path, a.token) for a in session.asked] == [("/projects/a%2Fb", "token")]


def test_unknown() -> None:
    with pytest.raises(errors.Invalid, match="Project ID nope is not a valid project."):
        client(Session(lambda asked: answer(404))).check_project(records.context(), "nope")


def test_keystone_is_away() -> None:
    def respond(asked: Asked) -> requests.Response:
        raise errors.Unavailable(reason="away")

    client(Session(respond)).check_project(records.context(), "p")


def test_endpoint_without_version() -> None:
    session = Session(lambda asked: answer(200))
    session.root = "http://keystone/identity/"
    client(session).check_project(records.context(), "p")
    assert session.asked[0].path == "/v3/projects/p"
