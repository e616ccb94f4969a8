"""A daemon process: how it starts, answers, reloads and ends. On both concurrency backends."""

import signal
from pathlib import Path

import pytest

from novalike.service import health
from tests.unit.service.programs import Program, running

TOY = """
from novalike import concurrency
concurrency.prepare()
import os, sys, threading, time
from novalike.service import daemon

class Toy:
    def __init__(self, conf, transport):
        self.conf, self.stopping = conf, threading.Event()
        if "refuse" in os.environ: raise SystemExit("[toy] colour: 'beige' is not one")
    def start(self):
        if "waits" in os.environ: self.stopping.wait(); time.sleep(0.5)
        self.serving = True
    def stop(self):
        self.stopping.set()
        self.serving = False
        print("stop", flush=True)
    def wait(self):
        while self.serving: time.sleep(0.1)
        time.sleep(float(os.environ.get("busy", 0)))
        print("waited", flush=True)
    def reload(self):
        print("interval", self.conf.report_interval, flush=True)
    def health(self):
        if "hangs" in os.environ: time.sleep(60)
        return {"toy": True}

daemon.run("novalike-toy", Toy)
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "toy.conf"
    path.write_text(f"[DEFAULT]\ntransport_url = fake:///\nstate_path = {tmp_path}\ngraceful_shutdown_timeout = 2\n")
    return path


def told(program: Program, folder: Path) -> dict[str, object]:
    answer = health.ask(folder / "health" / f"novalike-toy.{program.pid}.sock")
    assert answer is not None
    return answer


@pytest.mark.parametrize("backend", ["eventlet", "threading"])
def test_a_life(backend: str, config: Path, tmp_path: Path) -> None:
    with running(
        TOY, tmp_path, "--config-file", str(config), NOVALIKE_CONCURRENCY=backend, WATCHDOG_USEC="3000000"
    ) as toy:
        toy.systemd.wait_for("READY=1")
        assert told(toy, tmp_path)["state"] == "serving"
        assert told(toy, tmp_path)["checks"] == {"bus": True, "toy": True}
        toy.systemd.wait_for("WATCHDOG=1")
        # A wrong option is not taken up, a right one is.
        before = config.read_text()
        config.write_text(before + "report_interval = 0\n")
        toy.signal(signal.SIGHUP)
        toy.systemd.wait_for("RELOADING=1")
        toy.systemd.wait_for("READY=1")
        config.write_text(before + "report_interval = 7\n")
        toy.signal(signal.SIGHUP)
        toy.systemd.wait_for("RELOADING=1")
        toy.systemd.wait_for("READY=1")
        toy.signal(signal.SIGTERM)
        toy.systemd.wait_for("STOPPING=1")
        status, text = toy.end()
    assert status == 0
    assert "report_interval" in text
    assert "interval 7" in text
    assert text.index("stop") < text.index("waited")
    assert list((tmp_path / "health").iterdir()) == []


def test_it_can_be_stopped_while_it_waits(config: Path, tmp_path: Path) -> None:
    with running(TOY, tmp_path, "--config-file", str(config), NOVALIKE_CONCURRENCY="threading", waits="1") as toy:
        toy.systemd.wait_for("WATCHDOG=1")
        assert told(toy, tmp_path)["state"] == "starting"
        assert "READY=1" not in toy.systemd.heard
        toy.signal(signal.SIGTERM)
        assert toy.end(8)[0] == 0


def test_it_does_not_stop_for_ever(config: Path, tmp_path: Path) -> None:
    with running(TOY, tmp_path, "--config-file", str(config), NOVALIKE_CONCURRENCY="threading", busy="60") as toy:
        toy.systemd.wait_for("READY=1")
        toy.signal(signal.SIGTERM)
        status, text = toy.end(10)
    assert status == 1
    assert "graceful_shutdown_timeout" in text


@pytest.mark.parametrize(
    ("line", "said"),
    [("report_interval = often", "report_interval"), ("compute_driver_typo", "toy.conf"), ("[api]\nport=-1", "port")],
)
def test_a_wrong_option_is_named(line: str, said: str, config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + line + "\n")
    with running(TOY, tmp_path, "--config-file", str(config), NOVALIKE_CONCURRENCY="threading") as toy:
        status, text = toy.end()
    assert status == 1
    assert said in text
    assert "Traceback" not in text


def test_what_a_factory_refuses_is_one_line(config: Path, tmp_path: Path) -> None:
    with running(TOY, tmp_path, "--config-file", str(config), NOVALIKE_CONCURRENCY="threading", refuse="1") as toy:
        status, text = toy.end()
    assert (status, text) == (1, "novalike-toy: [toy] colour: 'beige' is not one\n")
