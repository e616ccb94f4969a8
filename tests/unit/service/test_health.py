"""Health sockets, without a daemon."""

import socket
import time
from pathlib import Path

import pytest

from novalike.service import health
from novalike.service.health import HealthServer


def serve(folder: Path, **checks: health.Checks) -> HealthServer:
    server = HealthServer(str(folder), "novalike-toy", lambda: {"daemon": "novalike-toy", "state": "serving"}, checks)
    server.start()
    return server


def test_it_tells_all_checks(tmp_path: Path) -> None:
    server = serve(tmp_path / "new" / "folder", bus=lambda: {"bus": True}, daemon=lambda: {"database": False})
    answer = health.ask(server.path)
    server.stop()
    assert answer == {"daemon": "novalike-toy", "state": "serving", "checks": {"bus": True, "database": False}}
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o700
    assert not server.path.exists()


def test_two_opinions_on_the_bus_must_agree(tmp_path: Path) -> None:
    server = serve(tmp_path, bus=lambda: {"bus": True}, daemon=lambda: {"bus": False})
    assert server.results() == {"bus": False}
    server.stop()


def test_a_check_that_hangs_or_breaks_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.2)

    def hang() -> dict[str, bool]:
        time.sleep(2)
        return {"hypervisor": True}

    def fail() -> dict[str, bool]:
        raise OSError("no")

    server = serve(tmp_path, slow=hang, broken=fail, bus=lambda: {"bus": True})
    assert server.results() == {"slow": False, "broken": False, "bus": True}
    server.stop()


def test_sockets_of_the_dead_are_removed(tmp_path: Path) -> None:
    dead = tmp_path / "novalike-toy.4194305.sock"  # beyond what Linux numbers processes with
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(dead))
    listener.close()
    assert health.ask(dead) is None
    server = serve(tmp_path, bus=dict)
    assert list(tmp_path.iterdir()) == [server.path]
    server.stop()


def test_a_folder_that_cannot_be_written_costs_no_more_than_the_answers(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = serve(tmp_path / "file", bus=dict)
    assert server.silence() < 1
    server.stop()
