"""HTTP daemons: both servers drain, and say when their port is taken."""

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as configuration
from novalike.service import wsgi
from novalike.service.listening import listen
from novalike.service.waitress_server import WaitressServer


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    found = cfg.ConfigOpts()
    configuration.register(found)
    found([])
    return found


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    time.sleep(float(environ["QUERY_STRING"] or 0))
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def test_running_requests_end_and_new_ones_are_refused(conf: cfg.ConfigOpts) -> None:
    listener = listen("127.0.0.1", 0, 5, "api")
    port = listener.getsockname()[1]
    daemon = wsgi.WsgiDaemon(conf, lambda: app, listener)
    daemon.start()
    answers: list[bytes] = []

    def ask() -> None:
        answers.append(urllib.request.urlopen(f"http://127.0.0.1:{port}/?1", timeout=10).read())

    idle = socket.create_connection(("127.0.0.1", port))
    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.4)
    daemon.stop()
    time.sleep(0.2)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    daemon.wait()
    asking.join(5)
    idle.settimeout(5)
    assert answers == [b"hello"]
    assert idle.recv(1) == b""


def test_a_taken_port_is_named() -> None:
    listener = listen("127.0.0.1", 0, 5, "api")
    port = listener.getsockname()[1]
    with pytest.raises(SystemExit, match=rf"\[api\] listen, port: .*127.0.0.1:{port}: the port is taken"):
        listen("127.0.0.1", port, 5, "api")
    listener.close()


def test_each_request_is_logged_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    def numbered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("202 Accepted", [("X-OpenStack-Request-Id", "req-7"), ("Content-Length", "0")])
        return []

    with caplog.at_level("INFO", "novalike.requests"):
        wsgi.RequestLog(numbered)({"REQUEST_METHOD": "POST", "PATH_INFO": "/v2.1/servers"}, lambda *a: None)
    assert "POST /v2.1/servers" in caplog.text
    assert "202" in caplog.text
    assert "req-7" in caplog.text




def test_waitress_does_not_take_what_is_far_too_large(conf: cfg.ConfigOpts) -> None:
    """It would be written to a temporary file, up to a gigabyte of it, before the application could refuse it."""
    listener = listen("127.0.0.1", 0, 5, "api")
    port = listener.getsockname()[1]
    server = WaitressServer(listener, app, conf)
    try:
        limit = conf.api.max_request_body_size
        for size, status in ((limit + 1, b"200"), (100 * limit, b"413")):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
                if status == b"200":
                    connection.sendall(b"x" * size)
                connection.settimeout(10)
                assert connection.recv(100).split()[1] == status
    finally:
        server.stop()
        server.wait()
