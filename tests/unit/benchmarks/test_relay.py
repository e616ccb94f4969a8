"""The relay: connections come to whoever is measured, also in the middle of a run."""

import socket
import threading

import pytest

from tests.benchmarks.relay import Relay


class Echo:
    """Answers each connection with its name and what it was told, once the other side has said all."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                heard = b""
                while data := connection.recv(4096):
                    heard += data
                connection.sendall(self._name + heard)


@pytest.fixture
def relay():
    relay = Relay()
    relay.start()
    yield relay
    relay.stop()


def ask(relay: Relay, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", relay.port), timeout=5) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(4096):
            answer += data
        return answer


def test_connections_go_to_the_target_of_the_moment(relay):
    first, second = Echo(b"first "), Echo(b"second ")
    relay.target = first.address
    assert ask(relay, b"hello") == b"first hello"
    relay.target = second.address
    assert ask(relay, b"x" * 500_000) == b"second " + b"x" * 500_000


def is_closed(relay: Relay) -> bool:
    """Whether a connection to the relay ends without an answer; it may end before all is said (a reset)."""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=5) as connection:
        try:
            connection.sendall(b"hello")
            return connection.recv(4096) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True


def test_without_a_target_connections_are_closed(relay):
    assert is_closed(relay)


def test_a_target_that_is_away_closes_the_connection(relay):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay.target = listener.getsockname()
    assert is_closed(relay)
