"""An HTTP daemon that is restarted under load: nothing is refused, cut off or answered with an error.

The socket is opened by somebody else, as systemd and supervisord do. On both concurrency backends.
"""

import collections
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

DAEMON = """
from novalike import concurrency
concurrency.prepare()
import os, time
from novalike.service import wsgi

def make_app(conf, transport):
    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["PATH_INFO"] == "/slow":
            time.sleep(2)
        start_response("200 OK", [("Content-Length", str(len(body))), ("X-Pid", str(os.getpid()))])
        return [body]
    return app

wsgi.run("novalike-toy", make_app, "api")
"""
CLIENTS = 4

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "toy.conf"
    path.write_text(
        f"[DEFAULT]\ntransport_url = fake:///\nstate_path = {tmp_path}\n[api]\nlisten = 127.0.0.1\nport = 1\n"
    )
    return path


@contextlib.contextmanager
def started(
    way: str, listener: socket.socket, config: Path, backend: str
) -> Iterator[tuple[Start, list["subprocess.Popen[bytes]"]]]:
    """Start daemons with the socket: as descriptor 0, or as systemd does."""
    command = [sys.executable, "-W", "ignore", "-c", DAEMON, "--config-file", str(config)]
    environment = {**os.environ, "NOVALIKE_CONCURRENCY": backend}
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        if way == "stdin":
            process = subprocess.Popen(command, env=environment, stdin=listener)
        else:
            process = subprocess.Popen(as_systemd(command, 1), env=environment, stdin=listener)
        processes.append(process)
        return process

    try:
        yield start, processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def as_systemd(command: list[str], sockets: int) -> list[str]:
    """A command that gets what is its descriptor 0 as 3 and up, and is told so."""
    line = f'exec 3<&0 4<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS={sockets} exec "$@"'
    return ["sh", "-c", line, "sh", *command]


def url(listener: socket.socket, path: str = "") -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/{path}"


@pytest.mark.parametrize(("backend", "way"), [("eventlet", "stdin"), ("threading", "systemd")])
def test_posts_survive_restarts(backend: str, way: str, listener: socket.socket, config: Path) -> None:
    answered: collections.Counter[str] = collections.Counter()
    troubles: list[str] = []
    enough = threading.Event()

    def load(pause: float) -> None:
        # One connection each, kept alive, as clients do.
        with requests.Session() as session:
            while not enough.is_set():
                try:
                    answer = session.post(url(listener), data=b"x" * 20_000, timeout=30)
                    assert answer.status_code == 200
                    assert len(answer.content) == 20_000
                    answered[answer.headers["X-Pid"]] += 1
                except (requests.RequestException, AssertionError) as error:
                    troubles.append(f"{type(error).__name__}: {error}")
                time.sleep(pause)

    with started(way, listener, config, backend) as (start, _):
        daemon = start()
        clients = [threading.Thread(target=load, args=(0.002 * number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(3):
            deadline = time.monotonic() + 20
            while answered[str(daemon.pid)] < 50 and time.monotonic() < deadline:
                time.sleep(0.05)
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(10) == 0
            daemon = start()
        deadline = time.monotonic() + 20
        while answered[str(daemon.pid)] < 50 and time.monotonic() < deadline:
            time.sleep(0.05)
        enough.set()
        for client in clients:
            client.join()
    assert troubles == []
    assert len(answered) == 4
    assert min(answered.values()) >= 50


@pytest.mark.parametrize("backend", ["eventlet", "threading"])
def test_whoever_was_connected_is_served_and_told_to_go(backend: str, listener: socket.socket, config: Path) -> None:
    with started("stdin", listener, config, backend) as (start, _), requests.Session() as session:
        daemon = start()
        assert session.post(url(listener), data=b"one", timeout=20).headers.get("Connection") != "close"
        with socket.create_connection(listener.getsockname()) as raw:
            # Half of a request is there when the daemon is told to stop, and another one takes its time.
            raw.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nhal")
            slow: list[requests.Response] = []
            asking = threading.Thread(
                target=lambda: slow.append(requests.post(url(listener, "slow"), data=b"slow", timeout=20))
            )
            asking.start()
            time.sleep(0.5)
            daemon.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            # The idle connection still works; the answer says that it was the last one.
            answer = session.post(url(listener), data=b"two", timeout=20)
            assert (answer.content, answer.headers.get("Connection")) == (b"two", "close")
            time.sleep(1.5)
            raw.sendall(b"ves")
            raw.settimeout(10)
            said = b""
            while part := raw.recv(4096):
                said += part
            assert said.startswith(b"HTTP/1.1 200 OK")
            assert b"connection: close" in said.lower()
            assert said.endswith(b"halves")
        asking.join()
        assert slow[0].content == b"slow"
        assert daemon.wait(10) == 0


def test_no_more_than_one_socket_is_taken(listener: socket.socket, config: Path) -> None:
    command = as_systemd([sys.executable, "-W", "ignore", "-c", DAEMON, "--config-file", str(config)], 2)
    done = subprocess.run(command, stdin=listener, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (
        1, "novalike-toy: 2 sockets were passed: one ListenStream= is wanted in the .socket unit\n"
    )  # fmt: skip
