"""Brings up the stack of the target ``nova``: OpenStack Nova and its neighbours below a supervisor.

    python -m tests.chaos.nova_stack up --peers FOLDER --place FOLDER [--computes 4] [--nodes 5]
    python -m tests.chaos.nova_stack down --place FOLDER

``--peers`` is where the kit of peers has installed them, with its schemas and catalog made, and nothing running.
``--place`` is a folder of this target's own: configuration, logs, guests, and ``stack.json``, which describes it.

What Nova is given: default options but for those the kit needs; as many daemons and workers as ``devstack/chaos.sh``
has of novalike; and a supervisor with devstack's settings, which starts whatever ends.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

# The namespace in which the kit's driver makes the identifiers of its nodes.
_NAMESPACE = uuid.UUID("8a2e6f4e-0000-4000-8000-000000000001")
_SOCKET = "run/supervisor.sock"

_RESTARTED = """\
autorestart = true
startretries = 1000000
startsecs = 2
stopwaitsecs = 30
killasgroup = true
redirect_stderr = true
stdout_logfile_maxbytes = 100MB
stdout_logfile_backups = 1
"""


class Stack:
    """The files and programs of one stack.

    :param computes: nova-compute processes; each of them has ``nodes`` hosts.
    """

    def __init__(self, peers: Path, place: Path, computes: int, nodes: int) -> None:
        self._peers, self._place, self._computes, self._nodes = peers, place, computes, nodes
        self._bin = peers / "venv" / "bin"
        self._programs: dict[str, str] = {}

    def up(self) -> None:
        """Write everything and start everything; returns when the compute service answers and has all its hosts.

        :raises SystemExit: something doesn't come up.
        """
        for name in ("etc/programs", "run", "logs"):
            (self._place / name).mkdir(parents=True, exist_ok=True)
        self._install_driver()
        self._declare_infrastructure()
        self._declare_apis()
        self._declare_daemons()
        self._describe()
        self._start_supervisor()
        self._wait_for_hosts()

    def _install_driver(self) -> None:
        drivers = next(self._peers.glob("venv/lib/python3*/site-packages/nova/virt"))
        shutil.copy(Path(__file__).with_name("nova_kept_guests.py"), drivers / "kept_guests.py")

    # -- programs, with the options that the kit gives them

    def _program(self, name: str, command: str, priority: int, options: str = "", **environment: object) -> None:
        # Several processes of one program share a socket, which supervisord gives them as descriptor 0.
        kind, log = ("fcgi-program", "%(program_name)s-%(process_num)d") if "socket" in options else ("program", name)
        variables = {"PATH": f"{self._peers}/bin:{self._bin}:/usr/sbin:/usr/bin:/sbin:/bin", **environment}
        listed = ",".join(f'{key}="{value}"' for key, value in variables.items())
        self._programs[name] = (
            f"[{kind}:{name}]\ncommand = {command}\nenvironment = {listed}\npriority = {priority}\n"
            f"stdout_logfile = {self._place}/logs/{log}.log\n{_RESTARTED}{options}"
        )

    def _declare_infrastructure(self) -> None:
        data, etc = self._peers / "data", self._peers / "etc"
        self._program(
            "rabbitmq",
            "/usr/lib/rabbitmq/bin/rabbitmq-server",
            10,
            "stopasgroup = true\n",
            HOME=data / "rabbit-home",
            RABBITMQ_NODENAME="peers@localhost",
            RABBITMQ_MNESIA_BASE=data / "rabbit",
            RABBITMQ_LOG_BASE=self._peers / "logs" / "rabbit",
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=5672,
            ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_ENABLED_PLUGINS_FILE=etc / "rabbit-plugins",
            RABBITMQ_CONFIG_FILE=etc / "rabbitmq",
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        )
        self._program("memcached", "/usr/bin/memcached -u root -l 127.0.0.1 -p 11211 -m 128", 10)
        self._program(
            "mariadb",
            f"/usr/sbin/mariadbd --no-defaults --user=root --datadir={data}/mysql --socket={data}/mysql.sock"
            f" --pid-file={data}/mysql.pid --bind-address=127.0.0.1 --port=3306 --max-connections=1000"
            " --innodb-buffer-pool-size=512M --innodb-log-file-size=256M --innodb-flush-log-at-trx-commit=2"
            " --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci --performance-schema=OFF",
            10,
        )

    def _declare_apis(self) -> None:
        # Cinder has no volumes here, but Nova asks its API for them at every reboot.
        for name in ("keystone", "placement", "glance", "neutron", "cinder"):
            self._program(name, self._uwsgi(name), 30)
        # As devstack has it: two processes that share a socket, so that no single death is an outage.
        for name, port in (("nova-api", 8774), ("nova-metadata", 8775)):
            shared = f"socket = tcp://127.0.0.1:{port}\nnumprocs = 2\nnumprocs_start = 1\n"
            options = shared + "process_name = %(program_name)s-%(process_num)d\n"
            changes = {f"http-socket = 127.0.0.1:{port}": "http-socket = fd://0", "processes = 2": "processes = 1"}
            self._program(name, self._uwsgi(name, changes), 50, options)

    def _uwsgi(self, name: str, changes: Mapping[str, str] = MappingProxyType({})) -> str:
        settings = (self._peers / "etc" / "uwsgi" / f"{name}.ini").read_text()
        for old, new in changes.items():
            settings = settings.replace(old, new)
        # Workers end with their main process, as systemd would have it; otherwise they would keep its port.
        ini = self._write(f"{name}.ini", settings.rstrip() + "\nno-orphans = true\n")
        return f"{self._bin}/uwsgi --ini {ini}"

    def _declare_daemons(self) -> None:
        for number in (1, 2):
            host = "ctl" if number == 1 else f"ctl-{number}"
            # New hosts are looked for once, at the end of up(), so the default holds here.
            options = f"[DEFAULT]\nhost = {host}\n[conductor]\nworkers = 2\n[scheduler]\nworkers = 1\n"
            controller = self._write(f"controller-{number}.conf", options + "discover_hosts_in_cells_interval = -1\n")
            self._daemon(f"nova-conductor-{number}", controller)
            self._daemon(f"nova-scheduler-{number}", controller)
        for number in range(1, self._computes + 1):
            host = f"rack{number}"
            state = self._place / "computes" / host
            state.mkdir(parents=True, exist_ok=True)
            # The driver has identifiers of its own for its nodes, but Nova doesn't start twice without this file.
            (state / "compute_id").write_text(str(uuid.uuid5(_NAMESPACE, host)))
            options = f"host = {host}\nstate_path = {state}\ncompute_driver = kept_guests.KeptGuestsDriver\n"
            file = self._write(f"compute-{number}.conf", f"[DEFAULT]\n{options}")
            self._daemon(f"nova-compute-{number}", file, PEERS_NODES=self._nodes)

    def _daemon(self, name: str, file: Path, **environment: object) -> None:
        binary = name.rpartition("-")[0]
        command = f"{self._bin}/{binary} --config-file {self._peers}/etc/nova/nova.conf --config-file {file}"
        self._program(name, command, 50, **environment)

    def _write(self, name: str, text: str) -> Path:
        path = self._place / "etc" / name
        path.write_text(text)
        return path

    def _describe(self) -> None:
        described = {
            "hosts": self._computes * self._nodes,
            "computes": [f"rack{number}" for number in range(1, self._computes + 1)],
            "guests": str(self._place / "computes"),
            "nova_conf": str(self._peers / "etc" / "nova" / "nova.conf"),
            "python": str(self._bin / "python"),
        }
        (self._place / "stack.json").write_text(json.dumps(described, indent=1))

    # -- starting

    def _start_supervisor(self) -> None:
        etc, run, logs = (self._place / name for name in ("etc", "run", "logs"))
        for old in (etc / "programs").glob("*.conf"):
            old.unlink()
        for name, text in self._programs.items():
            (etc / "programs" / f"{name}.conf").write_text(text)
        configuration = f"""\
            [unix_http_server]
            file = {self._place}/{_SOCKET}
            chmod = 0700
            [supervisord]
            pidfile = {run}/supervisord.pid
            logfile = {logs}/supervisord.log
            childlogdir = {logs}
            minfds = 16384
            [rpcinterface:supervisor]
            supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
            [supervisorctl]
            serverurl = unix://{self._place}/{_SOCKET}
            [include]
            files = {etc}/programs/*.conf
            """
        file = self._write("supervisord.conf", textwrap.dedent(configuration))
        tools = self._place / "tools"
        if not (tools / "bin" / "supervisord").exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", str(tools)], check=True)
            wanted = ["supervisor>=4.2.5", "setuptools<81"]
            subprocess.run([str(tools / "bin" / "pip"), "install", "-q", *wanted], check=True)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self._place)}
        command = [str(tools / "bin" / "supervisord"), "-c", str(file)]
        subprocess.run(command, check=True, env=environment, start_new_session=True)

    def _wait_for_hosts(self, patience: float = 300) -> None:
        """
        :param patience: seconds.
        """
        nova_manage = [str(self._bin / "nova-manage"), "--config-file", str(self._peers / "etc" / "nova" / "nova.conf")]
        until = time.monotonic() + patience
        while time.monotonic() < until:
            subprocess.run([*nova_manage, "cell_v2", "discover_hosts"], capture_output=True, check=False)
            hosts = subprocess.run([*nova_manage, "cell_v2", "list_hosts"], capture_output=True, text=True, check=False)
            if all(f"rack{number}" in hosts.stdout for number in range(1, self._computes + 1)):
                return
            time.sleep(2)
        raise SystemExit(f"nova-compute did not register within {patience:.0f} s; logs are in {self._place}/logs")


def down(place: Path, patience: float = 120) -> None:
    """Stop everything.

    :param patience: seconds.
    :raises SystemExit: it doesn't end.
    """
    control = [str(place / "tools" / "bin" / "supervisorctl"), "-c", str(place / "etc" / "supervisord.conf")]
    # Shutdown alone would end one program after the other.
    for order in ("stop", "all"), ("shutdown",):
        subprocess.run([*control, *order], check=True, stdout=subprocess.DEVNULL)
    until = time.monotonic() + patience
    while (place / "run" / "supervisord.pid").exists():
        if time.monotonic() > until:
            raise SystemExit(f"the supervisor in {place} has not ended within {patience:.0f} s")
        time.sleep(0.5)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("up", "down"))
    parser.add_argument("--peers", type=Path, default=os.environ.get("PEERS"))
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--computes", type=int, default=4)
    parser.add_argument("--nodes", type=int, default=5)
    given = parser.parse_args()
    if given.what == "down":
        down(given.place)
    elif given.peers is None:
        sys.exit("--peers, or PEERS in the environment, is wanted")
    else:
        Stack(given.peers, given.place, given.computes, given.nodes).up()


if __name__ == "__main__":
    main()
