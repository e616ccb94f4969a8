"""The targets ``devstack`` (fake hypervisors) and ``libvirt``: a stack that ``devstack/stack.sh`` has brought up."""

import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.chaos import processes
from tests.chaos.supervisor import Supervisor
from tests.chaos.targets import BROKER, DATABASE, HYPERVISOR, NEIGHBOURS, Access, Disks, Guest, Program, Record, Tap

DEFAULT_PLACE = "/var/lib/novalike-chaos"

_RUNNING = 1  # Nova's number of that power state
_UUID_LENGTH = 36
# Ends the name of the folder with what is set aside of a guest.
_ASIDE = "_resize"

# Programs by the beginning of their names, without the host that they are in (hv1-libvirtd); the first that fits.
_KINDS = (
    ("novalike-api-metadata", "metadata"),
    ("novalike-api", "api"),
    ("novalike-conductor", "conductor"),
    ("novalike-scheduler", "scheduler"),
    ("novalike-compute", "compute"),
    ("rabbitmq", BROKER),
    ("mariadb", DATABASE),
    ("postgresql", DATABASE),
    ("libvirtd", HYPERVISOR),
)
# Ports, above the stack's PORT_BASE (devstack/lib/ports.sh). The API's are open whatever its processes do.
_PORTS = {"rabbitmq": 5670, "mariadb": 3306, "postgresql": 5432}


def target(name: str, where: str | None) -> "Devstack":
    """The stack in a folder.

    :raises SystemExit: no stack is there, or one with another hypervisor than asked for.
    """
    place = Path(where or os.environ.get("DEST", DEFAULT_PLACE))
    described = place / "stack.json"
    if not described.exists():
        raise SystemExit(f"no stack is in {place}: run devstack/stack.sh first")
    stack = json.loads(described.read_text())
    wanted = "libvirt" if name == "libvirt" else "fake"
    if stack["virt_driver"] != wanted:
        raise SystemExit(f"the stack in {place} has VIRT_DRIVER={stack['virt_driver']}, not {wanted}")
    return Devstack(name, place, stack)


class Devstack:
    """A stack of devstack.

    :param stack: its ``stack.json``.
    """

    def __init__(self, name: str, place: Path, stack: Mapping[str, Any]) -> None:
        self.name = name
        self.image, self.flavor, self.network = stack["image"], stack["flavor"], stack["private_network"]
        self._place = place
        self._stack = stack
        self._libvirt = stack["virt_driver"] == "libvirt"
        # Where guests are that are no fakes: name → what goes before a command that is to run there.
        self._hosts = {host["name"]: shlex.split(host["execute"]) for host in stack["hosts"]}
        many = len(self._hosts) if self._libvirt else stack["fake_hosts"]
        self.other_flavor = "m1.micro" if many > 1 else None
        self._supervisor = Supervisor(str(place / "run" / "supervisor.sock"))
        self._programs = tuple(
            self._program(each) for each in self._supervisor.names() if self._kind(each) is not None
        )
        self._engine: sa.Engine | None = None

    def summary(self) -> Mapping[str, Any]:
        """What the report says of the target."""
        hosts = len(self._hosts) if self._libvirt else self._stack["fake_hosts"]
        daemons = [program.name for program in self._programs if program.kind not in NEIGHBOURS]
        return {"hosts": hosts, "database": self._stack["database"], "programs": daemons}

    def access(self, user: str) -> Access:
        """``admin`` or ``demo``."""
        return Access(
            auth_url=self._stack["auth_url"],
            username=user,
            password=self._stack[f"{user}_password"],
            project=user,
            region=self._stack["region"],
        )

    # -- programs

    def _kind(self, name: str) -> str | None:
        host, _, rest = name.partition("-")
        what = rest if host in self._hosts else name
        if what in NEIGHBOURS:
            return what
        return next((kind for start, kind in _KINDS if what.startswith(start)), None)

    def _program(self, name: str) -> Program:
        settings = dict(
            line.split("=", 1) for line in (self._place / "settings").read_text().splitlines() if "=" in line
        )
        usual = _PORTS.get(name.partition(":")[0])
        return Program(name, str(self._kind(name)), None if usual is None else int(settings["PORT_BASE"]) + usual)

    def programs(self) -> Sequence[Program]:
        """All that may be hit. MariaDB is the neighbours' database too, whatever novalike's own is."""
        return self._programs

    def pids(self, program: Program) -> list[int]:
        """The main process and those below it. libvirtd's guests are below PID 1, not below it."""
        pid = self._supervisor.pid(program.name)
        return [] if pid is None else processes.tree(pid)

    def stop(self, program: Program) -> None:
        """End it and keep it ended."""
        self._supervisor.stop(program.name)

    def start(self, program: Program) -> None:
        """Start it."""
        self._supervisor.start(program.name)

    def revive(self, program: Program) -> None:
        """supervisord starts again whatever ends."""

    # -- behind the API

    def guests(self) -> list[Guest]:
        """Every guest of every host."""
        return self._domains() if self._libvirt else self._fake_guests()

    def _fake_guests(self) -> list[Guest]:
        return [
            Guest(each["instance_uuid"], each["host"], each["power_state"] == _RUNNING)
            for each in self._residents()
            if each["power_state"] is not None
        ]

    def _residents(self) -> Iterator[dict[str, Any]]:
        """What the fake hypervisors have on their hosts of an instance: its guest, its disks, its interfaces."""
        for path in Path(self._stack["data"]).glob("novalike*/fake-guests/*.json"):
            # One that was removed since it was listed is none.
            with contextlib.suppress(FileNotFoundError):
                yield json.loads(path.read_text())

    def _domains(self) -> list[Guest]:
        found = []
        for host in self._hosts:
            running = set(self._virsh(host, "list", "--uuid"))
            found += [
                Guest(uuid, host, uuid in running)
                for uuid in self._virsh(host, "list", "--all", "--uuid")
                if f"'{self._place}/" in "\n".join(self._virsh(host, "dumpxml", uuid))
            ]
        return found

    def _virsh(self, host: str, *arguments: str) -> list[str]:
        return _lines(*self._hosts[host], "virsh", "-q", "-c", "qemu:///system", *arguments)

    def guest_pids(self) -> list[int]:
        """QEMU's processes of this stack's guests."""
        if not self._libvirt:
            return []
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"qemu-system" in command[0] and any(str(self._place).encode() in word for word in command):
                found.append(int(folder.name))
        return sorted(found)

    def records(self) -> list[Record] | None:
        """Servers that aren't deleted, with their open operations."""
        with self._database().connect() as connection:
            servers = connection.execute(
                sa.text("SELECT uuid, vm_state, task_state, host FROM instances WHERE NOT deleted")
            ).all()
            operations = connection.execute(
                sa.text("SELECT instance_uuid, workflow, state FROM operations WHERE state IN ('pending', 'running')")
            ).all()
        begun: dict[str, list[str]] = {}
        for uuid, workflow, state in operations:
            begun.setdefault(uuid, []).append(f"{workflow} ({state})")
        found = [
            Record(uuid, vm_state, task_state, host, tuple(begun.pop(uuid, ())))
            for uuid, vm_state, task_state, host in servers
        ]
        # Open operations of servers that are deleted: nobody will see them, somebody still works on them.
        return found + [Record(uuid, "deleted", None, None, tuple(names)) for uuid, names in begun.items()]

    def outcomes(self) -> Mapping[str, Mapping[str, int]] | None:
        """How operations ended."""
        found: dict[str, dict[str, int]] = {}
        with self._database().connect() as connection:
            statement = "SELECT workflow, state, count(*) FROM operations GROUP BY workflow, state"
            for workflow, state, count in connection.execute(sa.text(statement)):
                found.setdefault(workflow, {})[state] = count
        return found

    def _database(self) -> sa.Engine:
        if self._engine is None:
            # As the conductor does: the only one who is told the URL. Values may have % in them.
            options = ConfigParser(interpolation=None)
            options.read(Path(self._stack["etc"]) / "conductor-1.conf")
            self._engine = sa.create_engine(options["database"]["connection"], poolclass=sa.NullPool)
        return self._engine

    def disks(self) -> list[Disks] | None:
        """Files in the folders below the instances' path; of fake guests, what is said to be there."""
        if not self._libvirt:
            return [
                Disks(each["instance_uuid"], each["host"], what, is_aside=each.get("aside_id") is not None)
                for each in self._residents()
                # what is nothing is left out of the files
                if (what := tuple(name for name in ("has_disks", "plugged") if each.get(name)))
            ]
        return [
            Disks(uuid, host, tuple(sorted(path.name for path in each.iterdir())), is_aside=each.name != uuid)
            for host in self._hosts
            for each in (self._data_of(host) / "instances").iterdir()
            if each.is_dir() and len(uuid := each.name.removesuffix(_ASIDE)) == _UUID_LENGTH
        ]

    def _data_of(self, host: str) -> Path:
        """Where this machine has what a host has in ``data/novalike``."""
        data = Path(self._stack["data"])
        own = data / "hosts" / host / "novalike"
        return own if own.is_dir() else data / "novalike"

    def taps(self) -> set[Tap] | None:
        """The hosts' tap devices, and the ports of that name of their switches."""
        if not self._libvirt:
            return None
        found: set[Tap] = set()
        for host, execute in self._hosts.items():
            links = {line.split()[0].partition("@")[0] for line in _lines(*execute, "ip", "-brief", "link")}
            links.update(_lines(*execute, "ovs-vsctl", "list-ports", "br-int"))
            found.update(Tap(host, name) for name in links if name.startswith("tap"))
        return found


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
