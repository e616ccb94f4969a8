"""Headless Chromium, driven through a pair of pipes (DevTools protocol)."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--window-size=1000,800",
    "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """One tab. A context manager; the browser ends with it."""

    def __init__(self) -> None:
        program = shutil.which("chromium")
        assert program, "chromium isn't installed"
        self._profile = tempfile.mkdtemp(prefix="novalike-browser-")
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        # the browser reads from descriptor 3 and writes to 4; other shells know no descriptors above 9
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", program, *FLAGS,
             f"--user-data-dir={self._profile}", "about:blank"],
            pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._numbers = iter(range(1, 1_000_000))
        self._buffer = b""
        self._tab: dict[str, str] = {}

    def __enter__(self) -> "Browser":
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._tab = {"sessionId": attached["sessionId"]}
        self.call("Page.enable")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited when it is a promise."""
        said = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in said:
            raise AssertionError(said["exceptionDetails"])
        return said["result"].get("value")

    def click(self, x: int, y: int) -> None:
        """A click, which also gives what is there the keyboard."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type_keys(self, text: str) -> None:
        """Press keys: letters, digits and Enter (a line's end)."""
        for letter in text:
            key = "Enter" if letter == "\n" else letter
            code = "Enter" if letter == "\n" else f"Key{letter.upper()}" if letter.isalpha() else f"Digit{letter}"
            number = 13 if letter == "\n" else ord(letter.upper())
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number)
            time.sleep(0.1)

    def picture(self) -> bytes:
        """A PNG of the page."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and what it answers."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters} | self._tab
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            said = self._read()
            if said.get("id") == number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                return said["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._in, 1 << 16)
            assert more, "the browser ended"
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
