"""What requests about consoles accept, and what of a log reaches clients. Messages were compared with Nova's."""

import pytest

from novalike.api import validation
from novalike.api.microversion import parse
from novalike.api.request import ApiRequest
from novalike.api.resources.consoles import Consoles
from novalike.api.schemas import consoles as schemas
from novalike.objects import errors
from novalike.service.wsgi import RequestLog
from tests.fakes.records import context, server


def check(schema, body, version="2.1"):
    found = schema.at(parse(version))
    if found is None:
        return "no such endpoint"
    try:
        validation.check(body, found)
    except errors.Invalid as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (-2, "-2 is less than the minimum of -1"),
        ("x", "'x' does not match '^-?[0-9]+$'"),
        (1.5, "1.5 is not of type 'integer', 'string', 'null'"),
        (True, "True is not of type 'integer', 'string', 'null'"),
        ("", "'' does not match '^-?[0-9]+$'"),
    ],
)
def test_length(length, message):
    told = check(schemas.output, {"os-getConsoleOutput": {"length": length}})
    assert told == f"Invalid input for field/attribute length. Value: {length}. {message}"


def test_lengths_that_are_fine():
    for asked in ({}, {"length": None}, {"length": 0}, {"length": "-1"}, {"length": "10"}):
        assert check(schemas.output, {"os-getConsoleOutput": asked}) is None


def test_kinds_come_with_microversions():
    def ask(version, protocol, kind):
        return check(schemas.create, {"remote_console": {"protocol": protocol, "type": kind}}, version)

    assert ask("2.5", "vnc", "novnc") == "no such endpoint"
    assert ask("2.6", "vnc", "novnc") is None
    assert ask("2.7", "mks", "webmks") == (
        "Invalid input for field/attribute protocol. Value: mks. "
        "'mks' is not one of ['vnc', 'spice', 'serial', 'rdp']"
    )
    assert ask("2.8", "mks", "webmks") is None
    assert ask("2.98", "spice", "spice-direct") is not None
    assert ask("2.99", "spice", "spice-direct") is None
    assert "'type' is a required property" in check(schemas.vnc, {"os-getVNCConsole": {}})


class OneServer:
    """A transport with a server and its log."""

    def __init__(self, text):
        self.text, self.asked = text, []

    def client(self, interface, endpoint=None):
        return self

    def get_server(self, ctx, *, server_id):
        return server(uuid=server_id)

    def console_output(self, ctx, *, server_id, length):
        self.asked.append(length)
        return self.text


def read_log(transport, **asked):
    request = ApiRequest(
        context(), parse("2.1"), {"os-getConsoleOutput": asked}, {}, "http://h", "v2.1", "/", lambda *a: True
    )
    return Consoles(transport).output(request, "s1")["output"]


def test_control_characters_do_not_reach_terminals():
    transport = OneServer("a\x1b[31mred\x07\r\n\ttab \x00é\x7f")
    assert read_log(transport) == "a[31mred\n\ttab é\x7f"


def test_all_of_a_log():
    transport = OneServer("")
    for asked in ({}, {"length": None}, {"length": -1}, {"length": "-1"}, {"length": "3"}):
        read_log(transport, **asked)
    assert transport.asked == [None, None, None, None, 3]


def test_tokens_in_paths_are_not_logged(caplog):
    caplog.set_level("INFO", "novalike.requests")
    log = RequestLog(lambda environ, start_response: start_response("200 OK", []) or [b""])
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v2.1/os-console-auth-tokens/s3cret"}
    log(environ, lambda *a: None)
    assert "os-console-auth-tokens/***" in caplog.text
    assert "s3cret" not in caplog.text
