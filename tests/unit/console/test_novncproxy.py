"""The proxy between a browser (its WebSocket and its requests) and a guest's screen, in both concurrencies."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from websockify.websocket import WebSocket, WebSocketWantReadError

GREETING = b"RFB 003.008\n"


class Screen:
    """A VNC server that greets, and then says everything twice."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections = []
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(ConnectionError):
            connection.sendall(GREETING)
            while data := connection.recv(65536):
                connection.sendall(data * 2)


class Browser(WebSocket):
    """websockify's client leaves the query away, and overlooks what comes together with the server's yes."""

    def __init__(self, query):
        super().__init__()
        self.query = query

    def send_request(self, type, path):
        super().send_request(type, path + self.query)

    def connect(self, *arguments, **more):
        super().connect(*arguments, **more)
        while (frame := self._decode_hybi(self._recv_buffer)) is not None:
            self._recv_buffer = self._recv_buffer[frame["length"] :]
            self._recv_queue.append(frame)


class Proxy:
    def __init__(self, concurrency, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.console.program", *arguments],
            env={**os.environ, "NOVALIKE_CONCURRENCY": concurrency},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.said = []
        for line in self.process.stdout:
            if line.strip().isdecimal():
                self.port = int(line)
                break
            self.said.append(line)
        else:
            pytest.fail("".join(self.said))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=20)
        return "".join(self.said) + rest

    def get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def upgrade(self, path, **headers):
        """The status of a request for a WebSocket. A refusal has no body: it would be taken for a frame."""
        fixed = {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "binary",
        }  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={**fixed, **headers})
        answer = connection.getresponse()
        assert answer.status in (101, 400) or answer.read() == b""
        connection.close()
        return answer.status

    def look(self, token="good"):
        browser = Browser(f"?token={token}")
        browser.connect(f"ws://127.0.0.1:{self.port}/", origin=f"http://127.0.0.1:{self.port}")
        browser.settimeout(10)
        return browser


def read(browser, length):
    got = b""
    while len(got) < length:
        try:
            message = browser.recvmsg()
        except WebSocketWantReadError:
            continue
        if message is None:
            break
        got += message
    return got


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    (folder / "vnc_lite.html").write_text("<p>noVNC</p>")
    (folder / "core").mkdir()
    (folder.parent / "secret").write_text("not for you")
    return folder


@pytest.fixture(scope="module")
def screen():
    screen = Screen()
    yield screen
    screen.listener.close()


@pytest.fixture(scope="module", params=["eventlet", "threading"])
def proxy(request, web, screen):
    proxy = Proxy(request.param, str(web), screen.address, "http://proxy.example.org:6080/vnc_lite.html")
    yield proxy
    if proxy.process.poll() is None:
        proxy.stop()


def test_page(proxy):
    answer = proxy.get("/vnc_lite.html?path=%3Ftoken%3Dgood")
    assert (answer.status, answer.body) == (200, b"<p>noVNC</p>")
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert answer.getheader("Server").strip() == "novalike-novncproxy"


@pytest.mark.parametrize("path", ["/", "/core/", "/../secret", "/%2e%2e/secret", "//../secret", "/nothing"])
def test_no_other_files(proxy, path):
    assert proxy.get(path).status == 404


def test_a_screen(proxy):
    browser = proxy.look()
    assert read(browser, len(GREETING)) == GREETING
    browser.sendmsg(b"hello")
    assert read(browser, 10) == b"hellohello"
    browser.ping(b"?")
    data = bytes(range(256)) * 4096
    sender = threading.Thread(target=browser.sendmsg, args=(data,))
    sender.start()
    got = read(browser, 2 * len(data))
    sender.join()
    assert len(got) == 2 * len(data)
    browser.close()


def test_several_at_a_time(proxy):
    browsers = [proxy.look() for _ in range(10)]
    for number, browser in enumerate(browsers):
        assert read(browser, len(GREETING)) == GREETING
        browser.sendmsg(b"%d" % number)
    for number, browser in enumerate(browsers):
        assert read(browser, 2) == b"%d" % number * 2
        browser.close()


def test_the_guest_ends(proxy, screen):
    browser = proxy.look()
    read(browser, len(GREETING))
    screen.connections[-1].shutdown(socket.SHUT_RDWR)
    assert read(browser, 1) == b""
    assert (browser.close_code, browser.close_reason) == (1000, "Target closed")


def test_the_browser_ends(proxy, screen):
    browser = proxy.look()
    read(browser, len(GREETING))
    guest = screen.connections[-1]
    browser.close()
    deadline = time.monotonic() + 5
    while guest.fileno() != -1:
        assert time.monotonic() < deadline, "the guest's connection stays open"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/?token=good", {}, 101),
        ("/websockify?token=good", {}, 101),
        ("/?path=%3Ftoken%3Dgood", {}, 101),
        ("/", {"Cookie": "a=b; token=good"}, 101),
        ("/", {}, 403),
        ("/?token=", {}, 403),
        ("/?token=bad", {}, 403),
        ("/?token=" + "x" * 300, {}, 403),
        ("/?token=away", {}, 503),
        ("/?token=good", {"Host": "me:6080", "Origin": "http://me:6080"}, 101),
        ("/?token=good", {"Host": "[::1]:6080", "Origin": "http://[::1]:6080"}, 101),
        ("/?token=good", {"Host": "me:6080", "Origin": "http://HORIZON.example.org"}, 101),
        ("/?token=good", {"Host": "me:6080", "Origin": "http://evil.example.org"}, 403),
        ("/?token=good", {"Host": "me:6080", "Origin": "null"}, 403),
        ("/?token=good", {"Host": "me:6080", "Origin": "http://[bad"}, 403),
        ("/?token=good", {"Host": "me:6080", "Origin": "https://me:6080"}, 403),
        ("/?token=good", {"Host": "me:6080", "Origin": "https://me:6080", "X-Forwarded-Proto": "http"}, 403),
        ("/?token=good", {"Host": "me:6080", "Origin": "http://me:6080", "X-Forwarded-Proto": "https"}, 101),
        ("/?token=good", {"Sec-WebSocket-Version": "1"}, 400),
    ],
)
def test_who_may(proxy, path, headers, status):
    assert proxy.upgrade(path, **headers) == status


def test_stop_ends_consoles_and_nothing_of_a_token_was_logged(proxy):
    """Last of this file's tests of a proxy: it stops it."""
    browser = proxy.look()
    read(browser, len(GREETING))
    began = time.monotonic()
    output = proxy.stop()
    assert proxy.process.returncode == 0
    assert output.endswith("stopped\n")
    assert time.monotonic() - began < 5
    assert read(browser, 1) == b""
    assert browser.close_code == 1001
    assert "token=" not in output
    assert "good" not in output
    assert "Traceback" not in output


def test_a_proxy_that_is_believed_says_how_the_page_was_fetched(web, screen):
    proxy = Proxy("threading", str(web), screen.address, "http://me:6080/vnc_lite.html", "", "behind_proxy")
    try:
        for scheme, forwarded, status in (("https", "http", 101), ("http", "https", 403), ("http", None, 101)):
            headers = {"X-Forwarded-Proto": forwarded} if forwarded else {}
            assert proxy.upgrade("/?token=good", Host="me:6080", Origin=f"{scheme}://me:6080", **headers) == status
    finally:
        proxy.stop()


@pytest.mark.parametrize("concurrency", ["eventlet", "threading"])
def test_tls(concurrency, web, screen, tmp_path):
    cert = tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(cert), "-out", str(tmp_path / "only"), "-subj", "/CN=127.0.0.1", "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    cert.write_text(cert.read_text() + (tmp_path / "only").read_text())
    proxy = Proxy(concurrency, str(web), screen.address, "https://proxy.example.org:6080/vnc_lite.html", str(cert))
    try:
        context = ssl._create_unverified_context()
        page = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=10, context=context)
        page.request("GET", "/vnc_lite.html")
        assert page.getresponse().read() == b"<p>noVNC</p>"
        page.close()
        raw = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
        secured = context.wrap_socket(raw)
        secured.sendall(
            b"GET /?token=good HTTP/1.1\r\nHost: p\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://p\r\n\r\n"
        )
        got = b""
        while GREETING not in got:
            got += (piece := secured.recv(4096))
            assert piece, got
        assert got.startswith(b"HTTP/1.1 101")
        secured.close()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert b"200" not in plain.recv(4096)
    finally:
        proxy.stop()
