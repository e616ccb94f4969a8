"""The units of etc/systemd, verified by systemd and run by a systemd of their own in a container."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ETC = ROOT / "etc"
BIN = Path(sys.executable).parent
UNITS = sorted(path.name for path in (ETC / "systemd").iterdir())

needs_container = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("systemd-nspawn") or not shutil.which("mmdebstrap"),
    reason="needs root, systemd-nspawn (systemd-container) and mmdebstrap",
)

COMMON = """[DEFAULT]
transport_url = fake:///
report_interval = 1
[placement]
{login}
[neutron]
{login}
[glance]
{login}
[keystone]
{login}
"""
LOGIN = """auth_type = password
auth_url = http://127.0.0.1:1/identity
username = novalike
password = secret
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = RegionOne"""

# Asks the API for as long as its standard input is open; what went wrong is printed.
CLIENT = """
import http.client, json, sys, threading
enough, told, count = threading.Event(), [], 0
threading.Thread(target=lambda: (sys.stdin.read(), enough.set()), daemon=True).start()
while not enough.is_set():
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 8774, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().status in (200, 300)
        count += 1
    except Exception as error:
        told.append(repr(error))
    connection.close()
    enough.wait(0.02)
print(json.dumps([count, told]))
"""

# The venv of the tests, wherever it is (below /root or /var/tmp even), instead of /opt/novalike.
DROP_IN = """[Service]
Environment=PATH={bin}:/usr/bin:/bin
ProtectHome=no
PrivateTmp=no
"""


class Container:
    """A booted container.

    :param pid: of its systemd, as seen from here.
    """

    def __init__(self, root: Path, pid: int) -> None:
        self.root = root
        self.inside = ("nsenter", "-t", str(pid), "-a")

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in it. Gives what it prints."""
        done = subprocess.run([*self.inside, *command], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        lines = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def wait_for(self, unit: str, state: str, seconds: float = 60) -> dict[str, str]:
        """Wait until a unit is in a state and has a process (if it should)."""
        deadline = time.monotonic() + seconds
        found: dict[str, str] = {}
        while time.monotonic() < deadline:
            found = self.show(unit, "ActiveState", "MainPID", "NRestarts", "StatusText")
            if found["ActiveState"] == state and (state == "inactive" or found.get("MainPID") != "0"):
                return found
            time.sleep(0.5)
        journal = self.run("journalctl", "--no-pager", "-n", "40", "-u", unit, check=False)
        raise AssertionError(f"{unit} is {found} instead of {state}\n{journal}")


def furnish(root: Path) -> None:
    """Install the units and their configuration."""
    for name in UNITS:
        shutil.copy(ETC / "systemd" / name, root / "etc/systemd/system" / name)
        if name.endswith(".service"):
            folder = root / f"etc/systemd/system/{name}.d"
            folder.mkdir()
            (folder / "test.conf").write_text(DROP_IN.format(bin=BIN))
    for kind in ("sysusers.d", "tmpfiles.d"):
        (root / "etc" / kind).mkdir(exist_ok=True)
        shutil.copy(ETC / kind / "novalike.conf", root / "etc" / kind / "novalike.conf")
    (root / "etc/novalike").mkdir()
    for name, text in {
        "novalike": COMMON.format(login=LOGIN),
        "novalike-api": "[api]\nauth_strategy = noauth2\nworkers = 2\n",
        "novalike-conductor": (
            "[api_database]\nconnection = sqlite:////var/lib/novalike/n_api.sqlite\n"
            "[database]\nconnection = sqlite:////var/lib/novalike/n.sqlite\n"
        ),
        # Nobody is there: it has to wait.
        "novalike-scheduler": "[DEFAULT]\ntransport_url = rabbit://u:p@127.0.0.1:1/\n",
    }.items():
        (root / f"etc/novalike/{name}.conf").write_text(text)
    subprocess.run(
        ["systemctl", f"--root={root}", "-q", "enable", "novalike.target", "novalike-api", "novalike-conductor",
         "novalike-scheduler"],
        check=True,
    )  # fmt: skip


@contextlib.contextmanager
def booted(root: Path) -> Iterator[Container]:
    """Boot a container in which this Python is where it is here."""
    binds = {str(ROOT), sys.prefix, sys.base_prefix} - {"/usr"}
    for bind in binds:
        (root / bind.lstrip("/")).mkdir(parents=True, exist_ok=True)
    (root / "root").chmod(0o711)
    nspawn = subprocess.Popen(
        ["systemd-nspawn", "-q", "-D", str(root), "--boot", "--register=no", "--keep-unit", "--private-network",
         *(f"--bind-ro={bind}" for bind in sorted(binds))],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            pids = children.read_text().split() if children.exists() else []
            if pids:
                container = Container(root, int(pids[0]))
                if container.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"):
                    break
                if container.run("systemctl", "is-active", "basic.target", check=False).strip() == "active":
                    break
            time.sleep(0.5)
        else:
            raise AssertionError("the container did not boot")
        yield container
        container.run("systemctl", "--no-block", "poweroff", check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            nspawn.wait(30)
    finally:
        if nspawn.poll() is None:
            nspawn.kill()
        nspawn.wait()


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    root = tmp_path_factory.mktemp("systemd") / "root"
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,procps,python3",
         "bookworm", str(root)],
        check=True,
    )  # fmt: skip
    furnish(root)
    with booted(root) as found:
        yield found
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there")
def test_systemd_has_nothing_to_say_against_them() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(ETC / "systemd" / name) for name in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_container
def test_a_life_under_systemd(container: Container) -> None:
    # Enabled, so it was started by novalike.target; there are no databases yet, so it waits.
    container.wait_for("novalike.target", "active")
    assert container.wait_for("novalike-conductor", "activating")["NRestarts"] == "0"
    for words in ("api_db sync", "db sync", "cell_v2 simple_cell_setup"):
        container.run("runuser", "-u", "novalike", "--", str(BIN / "novalike-manage"), *words.split())
    before = container.wait_for("novalike-conductor", "active")
    assert before["NRestarts"] == "0"

    # A broker that isn't there is waited for.
    assert container.wait_for("novalike-scheduler", "activating")["NRestarts"] == "0"

    # Killed, it comes back.
    container.run("kill", "-KILL", before["MainPID"])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and container.show("novalike-conductor", "NRestarts")["NRestarts"] == "0":
        time.sleep(0.5)
    after = container.wait_for("novalike-conductor", "active")
    assert after["NRestarts"] == "1"
    assert after["MainPID"] != before["MainPID"]

    # A reload changes nothing that can be seen from outside.
    container.run("systemctl", "reload", "novalike-conductor")
    assert container.wait_for("novalike-conductor", "active")["MainPID"] == after["MainPID"]

    # The API has two processes below one master, and can't read where the databases are.
    api = container.wait_for("novalike-api", "active")
    workers = container.run("pgrep", "-P", api["MainPID"]).split()
    assert len(workers) == 2
    secrets = "/etc/novalike/novalike-conductor.conf"
    assert "sqlite" in container.run("cat", secrets)
    assert "sqlite" not in container.run("nsenter", "-t", api["MainPID"], "-m", "cat", secrets, check=False)
    assert container.run("ps", "-o", "user=", "-p", workers[0]).strip() == "novalike"

    # While it is restarted, connections wait at the socket, which is systemd's.
    asking = subprocess.Popen(
        [*container.inside, sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    container.run("systemctl", "restart", "novalike-api")
    container.wait_for("novalike-api", "active")
    time.sleep(1)
    count, troubles = json.loads(asking.communicate(timeout=30)[0])
    assert container.show("novalike-api", "MainPID") != {"MainPID": api["MainPID"]}
    assert troubles == []
    assert count > 10

    # Their health can be asked for.
    health = container.run(str(BIN / "novalike-status"), "health", "conductor")
    assert "database: ok" in health
    assert "bus: ok" in health
    container.run("systemctl", "stop", "novalike-conductor")
    assert container.show("novalike-conductor", "Result", "ExecMainStatus") == {
        "Result": "success",
        "ExecMainStatus": "0",
    }

    # The target takes all with it.
    container.run("systemctl", "stop", "novalike.target")
    container.wait_for("novalike-api", "inactive")
    container.wait_for("novalike-api.socket", "inactive")
    container.wait_for("novalike-scheduler", "inactive")
