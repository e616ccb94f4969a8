"""The target ``nova``: OpenStack Nova on a fake hypervisor, brought up by ``nova_stack.py``."""

import json
import os
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.chaos import processes
from tests.chaos.supervisor import Supervisor
from tests.chaos.targets import BROKER, DATABASE, NEIGHBOURS, Access, Disks, Guest, Program, Record, Tap

DEFAULT_PLACE = "/var/lib/nova-chaos"

_RUNNING = 1  # Nova's number of that power state

# Programs by the beginning of their names.
_KINDS = {
    "nova-metadata": "metadata",
    "nova-api": "api",
    "nova-conductor": "conductor",
    "nova-scheduler": "scheduler",
    "nova-compute": "compute",
    "rabbitmq": BROKER,
    "mariadb": DATABASE,
} | {name: name for name in NEIGHBOURS}
# Those of the APIs are open whatever their processes do.
_PORTS = {"rabbitmq": 5672, "mariadb": 3306}

# Servers that have no cell yet are build requests; a record of them is a serialized object.
_SERVERS = "SELECT uuid, vm_state, task_state, host FROM instances WHERE deleted = 0"
_UNPLACED = """SELECT instance_uuid FROM build_requests
    WHERE instance_uuid NOT IN (SELECT instance_uuid FROM instance_mappings WHERE cell_id IS NOT NULL)"""

# An action's events say how it went. An event of a process that died never ends; nothing reads that as work to be done.
_OUTCOMES = """SELECT action, outcome, count(*) FROM (
    SELECT a.action, CASE
        WHEN a.message IS NOT NULL OR sum(e.result = 'Error') > 0 THEN 'failed'
        WHEN count(e.id) = 0 OR sum(e.finish_time IS NULL) > 0 THEN 'never ended'
        ELSE 'done' END AS outcome
    FROM instance_actions a LEFT JOIN instance_actions_events e ON e.action_id = a.id
    GROUP BY a.id, a.action, a.message) AS actions GROUP BY action, outcome"""


def target(name: str, where: str | None) -> "Nova":
    """The stack in a folder.

    :raises SystemExit: no stack is there.
    """
    place = Path(where or os.environ.get("NOVA_PLACE", DEFAULT_PLACE))
    described = place / "stack.json"
    if not described.exists():
        raise SystemExit(f"no stack is in {place}: run tests.chaos.nova_stack first")
    return Nova(name, place, json.loads(described.read_text()))


class Nova:
    """Nova, its neighbours and its supervisor.

    :param stack: the stack's ``stack.json``.
    """

    image, flavor, network = "tiny", "m1.tiny", "private"
    # Its driver does not keep what guests are when they move.
    other_flavor = None

    def __init__(self, name: str, place: Path, stack: Mapping[str, Any]) -> None:
        self.name = name
        self._stack = stack
        self._supervisor = Supervisor(str(place / "run" / "supervisor.sock"))
        names = self._supervisor.names()
        self._programs = tuple(
            Program(each, kind, _PORTS.get(each)) for each in names if (kind := _kind(each)) is not None
        )
        # Passwords and URLs may have % in them.
        self._options = ConfigParser(interpolation=None, strict=False)
        self._options.read(stack["nova_conf"])
        self._api_database = sa.create_engine(self._options["api_database"]["connection"], poolclass=sa.NullPool)
        # cell0, where servers are that found no host, and all others.
        with self._api_database.connect() as api:
            urls = api.execute(sa.text("SELECT database_connection FROM cell_mappings ORDER BY id")).scalars().all()
        self._cells = [sa.create_engine(url, poolclass=sa.NullPool) for url in urls]

    def summary(self) -> Mapping[str, Any]:
        """What the report says of the target."""
        daemons = [program.name for program in self._programs if program.kind not in NEIGHBOURS]
        return {"hosts": self._stack["hosts"], "database": "mysql", "programs": daemons}

    def access(self, user: str) -> Access:
        """``admin`` or ``demo``, as the kit of peers makes them."""
        return Access(self._options["keystone_authtoken"]["auth_url"] + "/v3", user, "secret", user)

    # -- programs

    def programs(self) -> Sequence[Program]:
        """All that may be hit. MariaDB and RabbitMQ are the neighbours' too."""
        return self._programs

    def pids(self, program: Program) -> list[int]:
        """The main process and its workers: with native threads, every daemon of Nova has a main process and one."""
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
        """Every guest of every host. Nova's own fake driver would forget them with its process; this one's doesn't."""
        found = []
        for path in Path(self._stack["guests"]).glob("*/guests/*.json"):
            try:
                kept = json.loads(path.read_text())
            except FileNotFoundError:
                continue  # removed since it was listed
            found.append(Guest(path.stem, kept["host"], kept["state"] == _RUNNING))
        return found

    def guest_pids(self) -> list[int]:
        """Fake guests have none."""
        return []

    def records(self) -> list[Record] | None:
        """Servers that aren't deleted. Nova has no operations; a task state says that something is being done."""
        with self._api_database.connect() as api:
            found = [Record(uuid, "building", "scheduling", None) for uuid in api.execute(sa.text(_UNPLACED)).scalars()]
        for cell in self._cells:
            with cell.connect() as connection:
                found += [Record(*row) for row in connection.execute(sa.text(_SERVERS))]
        return found

    def outcomes(self) -> Mapping[str, Mapping[str, int]] | None:
        """How actions ended, those of deleted servers included."""
        found: dict[str, dict[str, int]] = {}
        for cell in self._cells:
            with cell.connect() as connection:
                for action, outcome, count in connection.execute(sa.text(_OUTCOMES)):
                    row = found.setdefault(action, {})
                    row[outcome] = row.get(outcome, 0) + count
        return found

    def disks(self) -> list[Disks] | None:
        """Fake guests have none."""
        return None

    def taps(self) -> set[Tap] | None:
        """Fake guests have none."""
        return None


def _kind(name: str) -> str | None:
    return next((kind for start, kind in _KINDS.items() if name.startswith(start)), None)
