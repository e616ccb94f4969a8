"""Listeners that several guests share are told which guest is meant."""

import datetime
import socket
import threading

import pytest

from novalike.bus.consoles import ConsoleGrant
from novalike.console import target


def grant(port, path=None):
    return ConsoleGrant(
        instance_uuid="i", console_type="novnc", host="127.0.0.1", port=port, internal_access_path=path,
        expires=datetime.datetime(2030, 1, 1),
    )  # fmt: skip


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def answer(listener, text, asked):
    def run():
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(1024))
            connection.sendall(text)

    threading.Thread(target=run, daemon=True).start()


def test_the_guest_is_named(listener):
    asked = []
    answer(listener, b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nRFB", asked)
    with target.connect(grant(listener.getsockname()[1], "abc")) as found:
        assert found.recv(3) == b"RFB", "not a byte of the console's is lost"
    assert asked == [b"CONNECT abc HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize("text", [b"HTTP/1.1 404 No\r\n\r\n", b"HTTP/1.1 200", b"x" * 10_000, b"\r\n\r\n"])
def test_refusals(listener, text):
    answer(listener, text, [])
    with pytest.raises(ConnectionError):
        target.connect(grant(listener.getsockname()[1], "abc"))


def test_nobody_listens(listener):
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(OSError):
        target.connect(grant(port))
