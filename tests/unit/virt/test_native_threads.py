"""Real threads beside green ones: tried in a process of its own for each backend."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from novalike import concurrency
concurrency.prepare()
import ctypes, threading, time
from novalike.virt.native_threads import Mailbox, NativeThreads, spawn

ticks, got = [], []
def tick():
    while True:
        time.sleep(0.02)
        ticks.append(1)
threading.Thread(target=tick, daemon=True).start()
mailbox = Mailbox(lambda item: (got.append(item), 1 / (item - 1)), "test")  # a reader that fails reads on
spawn(lambda: [mailbox.put(n) for n in range(1000)], "native")
threads = NativeThreads(2)
threads.run(ctypes.CDLL(None).usleep, 500000)
assert len(ticks) > 10, f"others stood still: {len(ticks)}"
assert got == list(range(1000)), len(got)
try:
    threads.run(int, "x")
except ValueError:
    pass
else:
    raise AssertionError("the error was lost")
assert threads.run(int, "ff", base=16) == 255
mailbox.close()
print("fine")
"""


@pytest.mark.parametrize("backend", ["eventlet", "threading"])
def test_others_go_on_while_c_code_blocks(backend):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env={**os.environ, "NOVALIKE_CONCURRENCY": backend},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "fine", done.stderr
