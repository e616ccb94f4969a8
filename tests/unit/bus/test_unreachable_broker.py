"""A broker that isn't there."""

import socket
import subprocess
import sys

ASK = """
import sys, time
from novalike import concurrency
concurrency.prepare()
from novalike import conf
from novalike.bus import address
from novalike.bus.servers import ServerReads
from novalike.bus.connect import connect
from novalike.objects import errors
from novalike.objects.context import admin_context

options = conf.load("novalike-toy", [])
address.configured(options)  # registers the option
options.set_override("transport_url", sys.argv[1])
bus = connect(options)
began = time.monotonic()
assert not bus.ping()
try:
    bus.client(ServerReads).get_server(admin_context(), server_id="s")
except errors.Unavailable as error:
    print(error)
assert time.monotonic() - began < float(sys.argv[2])
"""


def test_a_question_is_answered_with_unavailable_soon() -> None:
    """After the five seconds of a first try, in which a broker that is restarted is back."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"rabbit://u:p@127.0.0.1:{nobody.getsockname()[1]}/"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", ASK, url, "8"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "can't be reached" in done.stdout


def test_a_frozen_broker_is_not_waited_for() -> None:
    """It accepts connections (the kernel does that), and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"rabbit://u:p@127.0.0.1:{frozen.getsockname()[1]}/"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", ASK, url, "25"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "can't be reached" in done.stdout
