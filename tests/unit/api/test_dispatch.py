"""What happens around every endpoint, whatever it does itself."""

from collections.abc import Mapping
from typing import Any

import falcon
import falcon.testing
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.api import dispatch
from novalike.api.microversion import Since, parse
from novalike.api.request import Answer, ApiRequest
from novalike.api.route import Action, Handler, Route, actions
from novalike.api.validation import Schema
from novalike.objects import errors
from novalike.objects.context import RequestContext
from tests.fakes.records import context

ANYBODY, NOBODY = "rule:anybody", "rule:nobody"


def _allowed(ctx: RequestContext, rule: str, target: Mapping[str, Any]) -> bool:
    return rule == ANYBODY


class _Context:
    """In the place of the application's middleware."""

    def __init__(self, prefix: str = "v2.1") -> None:
        self._prefix = prefix

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.version = parse(req.get_header("version") or "2.1")
        req.context.ctx = context()
        req.context.url, req.context.prefix, req.context.project = "http://host", self._prefix, None


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    return conf


@pytest.fixture
def serve(conf: cfg.ConfigOpts) -> Any:
    def client(*routes: Route, prefix: str = "v2.1") -> falcon.testing.TestClient:
        app = falcon.App(middleware=[_Context(prefix)])
        for kind in (Exception, falcon.HTTPError):
            app.add_error_handler(kind, dispatch.handle_error)
        app.add_route("/things", dispatch.Dispatcher(conf, _allowed).resource(routes))
        return falcon.testing.TestClient(app)

    return client


def get(handler: Handler, policy: str | None = ANYBODY, **more: Any) -> Route:
    return Route("GET", "/things", handler, policy, **more)


def post(handler: Handler, schema: Schema, **more: Any) -> Route:
    return Route("POST", "/things", handler, ANYBODY, body=_at_any(schema), **more)


def _at_any(schema: Schema) -> Since[Schema]:
    return Since({"2.1": schema})


def _secret(req: ApiRequest) -> Any:
    return {"secret": 42}


def test_an_answer_of_an_endpoint_that_asked_nobody_is_not_given(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An endpoint that checks policy itself, and forgets to on one of its ways, must not answer."""
    answer = serve(get(_secret, policy=None)).simulate_get("/things")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_an_endpoint_may_ask_itself(serve: Any) -> None:
    def ask(rule: str) -> Handler:
        def handler(req: ApiRequest) -> Any:
            req.authorize(rule)
            return {"secret": 42}

        return handler

    assert serve(get(ask(ANYBODY), policy=None)).simulate_get("/things").json == {"secret": 42}
    assert serve(get(ask(NOBODY), policy=None)).simulate_get("/things").status_code == 403


def test_policy_comes_before_the_endpoint_does_anything(serve: Any) -> None:
    done: list[ApiRequest] = []
    answer = serve(get(done.append, policy=NOBODY)).simulate_get("/things")
    assert (answer.status_code, done) == (403, [])


def test_what_a_microversion_does_not_have_is_not_there(serve: Any) -> None:
    things = serve(
        get(lambda req: {"was": req.since("2.5")}, last="2.4"), get(lambda req: {"is": req.since("2.5")}, first="2.5")
    )
    assert things.simulate_get("/things", headers={"version": "2.4"}).json == {"was": False}
    assert things.simulate_get("/things", headers={"version": "2.5"}).json == {"is": True}
    later = serve(get(_secret, first="2.5")).simulate_get("/things")
    assert (later.status_code, later.json["itemNotFound"]["message"]) == (404, "The resource could not be found.")


def test_an_action_is_chosen_by_the_only_key_of_the_body(serve: Any) -> None:
    things = serve(*actions("/things", [
        Action("old", lambda req: {"old": req.body["old"]}, ANYBODY, body=_at_any({}), last="2.4"),
        Action("both", lambda req: {"both": 1}, ANYBODY, last="2.4", name="first"),
        Action("both", lambda req: {"both": 2}, ANYBODY, first="2.5", name="second"),
    ]))  # fmt: skip

    def act(body: Any, version: str = "2.1") -> tuple[int, Any]:
        answer = things.simulate_post("/things", json=body, headers={"version": version})
        return answer.status_code, answer.json

    assert act({"old": 7}) == (202, {"old": 7})
    assert act({"both": None}) == (202, {"both": 1})
    assert act({"both": None}, "2.5") == (202, {"both": 2})
    assert act({"old": 7}, "2.5")[0] == 404
    for body in ({}, None, {"old": 7, "both": None}, {"new": 7}):
        assert act(body)[0] == 400, body
    assert act(["old"])[0] == 404


def test_a_body_is_checked_before_the_endpoint_sees_it(serve: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    things = serve(post(lambda req: {"n": req.body["n"]}, schema))
    assert things.simulate_post("/things", json={"n": 7}).json == {"n": 7}
    assert things.simulate_post("/things", json={"n": "x"}).status_code == 400
    assert things.simulate_post("/things", json={"n": 7, "m": 8}).status_code == 400
    # As API v2 has always been used.
    assert serve(post(lambda req: {"n": req.body["n"]}, schema), prefix="v2").simulate_post(
        "/things", json={"n": 7, "m": 8}
    ).json == {"n": 7}


def test_a_body_may_be_as_large_as_the_option_says(serve: Any, conf: cfg.ConfigOpts) -> None:
    conf.set_override("max_request_body_size", 1024, "api")
    things = serve(post(lambda req: {"got": req.body}, {}))
    assert things.simulate_post("/things", json="x" * 1022).json == {"got": "x" * 1022}
    too_large = things.simulate_post("/things", json="x" * 1023)
    assert (too_large.status_code, too_large.json["overLimit"]["message"]) == (413, "Request is too large.")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200), ("Application/JSON; charset=utf-8", 200), (None, 200), ("text/plain", 200),
        ("application/vnd.openstack.compute+json", 200), ("application/xml", 415),
    ],
)  # fmt: skip
def test_kinds_of_body(serve: Any, kind: str | None, status: int) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = serve(post(lambda req: {}, {})).simulate_post("/things", body=b"{}", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000], ids=["cut off", "not UTF-8", "deep"])
def test_a_body_that_is_no_json(serve: Any, body: bytes) -> None:
    answer = serve(post(lambda req: {}, {})).simulate_post("/things", body=body)
    assert (answer.status_code, answer.json["badRequest"]["message"]) == (400, "Malformed request body")


def test_an_endpoint_without_body_does_not_read_one(serve: Any) -> None:
    answer = serve(get(lambda req: {"body": req.body})).simulate_get("/things", body=b"{")
    assert answer.json == {"body": None}


def test_a_query_is_checked_and_what_is_unknown_dropped(serve: Any) -> None:
    schema = {
        "type": "object", "properties": {"a": {"type": "array", "maxItems": 2}},
        "patternProperties": {"^x-": {"type": "array"}, "-y$": {"type": "array"}},
    }  # fmt: skip
    things = serve(get(lambda req: req.query, query=Since({"2.1": schema})))
    seen = things.simulate_get("/things", query_string="a=1&a=&x-y=2&b=3&ax-=4&x-z=5").json
    assert seen == {"a": ["1", ""], "x-y": ["2"], "x-z": ["5"]}
    assert things.simulate_get("/things").json == {}
    plain = serve(get(lambda req: req.query, query=Since({"2.1": {"properties": {"a": {"type": "array"}}}})))
    assert plain.simulate_get("/things", query_string="a=1&b=2").json == {"a": ["1"]}
    assert things.simulate_get("/things", query_string="a=1&a=2&a=3").status_code == 400
    strict = serve(get(lambda req: req.query, query=Since({"2.1": {**schema, "additionalProperties": False}})))
    assert strict.simulate_get("/things", query_string="b=3").status_code == 400
    anything = serve(get(lambda req: req.query, query=Since({"2.1": dispatch.ANY_QUERY})))
    assert anything.simulate_get("/things", query_string="b=3").json == {"b": ["3"]}


def test_answers(serve: Any) -> None:
    def answer(given: Any, **more: Any) -> falcon.testing.Result:
        return serve(get(lambda req: given, **more)).simulate_get("/things")

    usual = answer({"a": 1}, status=202)
    assert (usual.status_code, usual.json, usual.headers["content-type"]) == (202, {"a": 1}, "application/json")
    nothing = answer(None, status=202)
    assert (nothing.status_code, nothing.content, nothing.headers["content-type"]) == (202, b"", "application/json")
    other = answer(Answer({"a": 1}, 207, {"Content-Type": "text/x", "X-More": "y"}))
    assert (other.status_code, other.json, other.headers["content-type"], other.headers["x-more"]) == (
        207, {"a": 1}, "text/x", "y",
    )  # fmt: skip
    assert answer(Answer({"a": 1}), status=202).status_code == 202


def test_what_is_wrong_in_a_query_is_said_of_the_query_and_of_a_body_of_the_field(serve: Any) -> None:
    of_query: Schema = {"type": "object", "properties": {"limit": {"type": "array", "maxItems": 1}}}
    of_body: Schema = {"type": "object", "properties": {"limit": {"type": "integer"}}}
    things = serve(get(_secret, query=_at_any(of_query)), post(_secret, of_body))
    asked = things.simulate_get("/things", query_string="limit=1&limit=2")
    message = asked.json["badRequest"]["message"]
    assert message.startswith("Invalid input for query parameters limit. Value: ['1', '2'].")
    sent = things.simulate_post("/things", json={"limit": "x"})
    assert sent.json["badRequest"]["message"].startswith("Invalid input for field/attribute limit. Value: x.")


class _Unheard(errors.NovalikeError):
    template = "Secret of the house"


def test_errors(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    def answer(error: Exception) -> falcon.testing.Result:
        def fail(req: ApiRequest) -> None:
            raise error

        return serve(get(fail)).simulate_get("/things")

    away = answer(errors.Unavailable(reason="x"))
    assert (away.status_code, away.headers["content-type"]) == (503, "application/json; charset=UTF-8")
    assert int(away.headers["retry-after"]) > 0
    missing = answer(errors.NotFound("gone"))
    assert (missing.status_code, missing.json["itemNotFound"]["message"]) == (404, "gone")
    assert "retry-after" not in missing.headers
    own = answer(falcon.HTTPBadRequest(title="a title", description="what is wrong"))
    assert (own.status_code, own.json["badRequest"]["message"]) == (400, "what is wrong")
    titled = answer(falcon.HTTPBadRequest(title="a title"))
    assert titled.json["badRequest"]["message"] == "a title"
    # What is our own fault is told to the log, not to the user.
    for error in (RuntimeError("secret of the house"), _Unheard()):
        fault = answer(error)
        assert (fault.status_code, fault.json["computeFault"]["code"]) == (500, 500)
        assert "ecret of the house" not in fault.text
    assert [record.levelname for record in caplog.records if "/things" in record.message] == ["ERROR", "ERROR"]


def test_paths_and_methods_that_are_none(serve: Any) -> None:
    things = serve(get(_secret))
    for answer in (things.simulate_get("/none"), things.simulate_delete("/things")):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")
        assert "404 Not Found" in answer.text
