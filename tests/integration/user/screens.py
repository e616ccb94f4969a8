"""What is on a guest's screen, as the browser shows it and as the hypervisor knows it."""

import base64
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.integration.user.browser import Browser
from tests.integration.user.stack import Host

BRIGHT = 96  # of 255: a text console is black and grey


@dataclass(frozen=True)
class Screen:
    """Which pixels are bright.

    :param bits: one byte per pixel, row by row.
    """

    width: int
    height: int
    bits: bytes

    @property
    def text_pixels(self) -> int:
        """How many pixels are bright."""
        return self.bits.count(255)


def read(picture: bytes) -> Screen:
    """A screen from a picture in any format."""
    grey = Image.open(io.BytesIO(picture)).convert("L").point(lambda level: 255 if level >= BRIGHT else 0)
    return Screen(grey.width, grey.height, grey.tobytes())


def page_screen(browser: Browser) -> Screen | None:
    """What noVNC has drawn, once that is something."""
    script = "[...document.querySelectorAll('canvas')].map(c => c.width && c.height ? c.toDataURL('image/png') : '')"
    for url in browser.evaluate(script) or ():
        if url.startswith("data:image/png;base64,"):
            screen = read(base64.b64decode(url.partition(",")[2]))
            if screen.text_pixels:
                return screen
    return None


def libvirt_screen(server_id: str, host: Host) -> Screen:
    """A screenshot by the libvirt of the server's host."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "screen")
        host.run("virsh", "-q", "screenshot", server_id, str(path))
        return read(path.read_bytes())


def compare(shown: Screen | None, real: Screen) -> Screen | None:
    """The screen, if both are the same but for what a blinking cursor covers."""
    if shown is None or (shown.width, shown.height) != (real.width, real.height):
        return None
    different = sum(a != b for a, b in zip(shown.bits, real.bits, strict=True))
    return shown if different <= 200 else None
