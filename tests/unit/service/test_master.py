"""The master of several workers."""

import os
import signal
import time
from pathlib import Path

from tests.unit.service.programs import running

MASTER = """
import os, select, signal, sys, time
from novalike.service.master import Master

def work(voice, lifeline):
    signal.signal(signal.SIGTERM, lambda *a: os._exit(0))
    signal.signal(signal.SIGHUP, lambda *a: print("hup", flush=True))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    {body}
    voice.ready()
    while not select.select([lifeline], [], [], 0.1)[0]:
        voice.alive()
    print("orphaned", flush=True)
    return 0

sys.exit(Master("toy", 2, work, patience={patience}, grace=5, let_go=lambda: print("let go", flush=True)).run())
"""


def program(body: str = "pass", patience: float = 30) -> str:
    return MASTER.format(body=body, patience=patience)


def test_ready_once_all_are_and_ends_when_told(tmp_path: Path) -> None:
    with running(program(), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        assert len(toy.children()) == 2
        toy.systemd.wait_for("WATCHDOG=1")
        toy.signal(signal.SIGTERM)
        toy.systemd.wait_for("STOPPING=1")
        assert toy.end() == (0, "let go\n")


def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    with running(program(), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        victim, survivor = toy.children()
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and (len(toy.children()) < 2 or victim in toy.children()):
            time.sleep(0.05)
        assert survivor in toy.children()
        assert len(toy.children()) == 2


def test_a_frozen_daemon_goes_on(tmp_path: Path) -> None:
    """A wait with a time that has passed meanwhile must not be taken for a signal."""
    with running(program(), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        everybody = [toy.process.pid, *toy.children()]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
        time.sleep(1.0)
        assert [toy.process.pid, *toy.children()] == everybody
        toy.signal(signal.SIGTERM)
        assert toy.end() == (0, "let go\n")


def test_a_reload_reaches_every_worker(tmp_path: Path) -> None:
    with running(program(), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        toy.signal(signal.SIGHUP)
        time.sleep(0.5)
        toy.signal(signal.SIGTERM)
        assert toy.end()[1].count("hup") == 2


def test_a_hanging_worker_is_killed(tmp_path: Path) -> None:
    hangs_once = f"""
    import pathlib
    mark = pathlib.Path({str(tmp_path)!r}) / "hung"
    if not mark.exists():
        mark.touch()
        voice.ready()
        time.sleep(60)
    """
    with running(program(hangs_once, patience=1.0), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        before = set(toy.children())
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and (set(toy.children()) == before or len(toy.children()) < 2):
            time.sleep(0.1)
        toy.signal(signal.SIGTERM)
        status, text = toy.end()
        assert "was silent" in text
        assert status == 0


def test_a_wrong_configuration_ends_all(tmp_path: Path) -> None:
    with running(program("sys.stdout.write('which option\\n'); sys.stdout.flush(); os._exit(78)"), tmp_path) as toy:
        status, text = toy.end()
        assert status == 1
        assert "which option" in text


def test_workers_end_with_their_master(tmp_path: Path) -> None:
    with running(program(), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        toy.signal(signal.SIGKILL)
        assert toy.end()[1].count("orphaned") == 2


def test_told_twice_it_ends_at_once(tmp_path: Path) -> None:
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with running(program(stubborn), tmp_path) as toy:
        toy.systemd.wait_for("READY=1")
        toy.signal(signal.SIGTERM)
        toy.systemd.wait_for("STOPPING=1")
        toy.signal(signal.SIGTERM)
        assert toy.end(3)[0] == 1
