"""The stack that is measured: its databases, its programs, what these have cost so far."""

import subprocess
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psutil
import sqlalchemy as sa

from novalike.db.api import tables
from tests.benchmarks.place import Place

# Programs by what their command lines have in them.
PROGRAMS = {
    "API": "/novalike-api --", "conductor": "/novalike-conductor", "scheduler": "/novalike-scheduler",
    "compute": "/novalike-compute", "Placement": "/uwsgi/placement.ini", "MariaDB": "mariadbd",
    "PostgreSQL": "/postgres", "RabbitMQ": "beam.smp",
}  # fmt: skip


_ANSWERING = ("API", "conductor", "MariaDB", "PostgreSQL", "RabbitMQ")


class Stack:
    """A stack in its folder.

    :param folder: DEST of devstack.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(folder)

    def _option(self, file: str, section: str, name: str) -> str:
        conf = ConfigParser(interpolation=None, strict=False)
        conf.read(self.folder / "etc" / file)
        return conf[section][name]

    @cached_property
    def cell(self) -> sa.Engine:
        """The database of its cell."""
        return sa.create_engine(self._option("novalike/conductor-1.conf", "database", "connection"))

    @cached_property
    def api(self) -> sa.Engine:
        """The API database."""
        return sa.create_engine(self._option("novalike/conductor-1.conf", "api_database", "connection"))

    @cached_property
    def placement(self) -> sa.Engine:
        """Placement's."""
        return sa.create_engine(self._option("placement/placement.conf", "placement_database", "connection"))

    @cached_property
    def cell_id(self) -> int:
        """The row number of the cell with the hosts."""
        with self.api.connect() as connection:
            rows = connection.execute(sa.select(tables.cell_mappings)).all()
        wanted = self.cell.url.database
        return int(next(row.id for row in rows if sa.make_url(row.database_connection).database == wanted))

    def processes(self, what: str) -> list[psutil.Process]:
        """The processes of a kind of program of this stack."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            line = " ".join(process.info["cmdline"] or ())
            if PROGRAMS[what] in line and str(self.folder) in line + str(process.info["environ"]):
                found.append(process)
        return found

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU that the programs' processes have had so far."""
        return {
            what: sum(times.user + times.system for p in self.processes(what) if (times := p.cpu_times()))
            for what in PROGRAMS
        }

    @cached_property
    def _answering(self) -> list[psutil.Process]:
        return [process for what in _ANSWERING for process in self.processes(what)]

    def spent(self) -> float:
        """Seconds of CPU that those have had who answer requests: API, conductor, database, broker.

        A process that has ended meanwhile is not forgiven: nothing must be restarted while something is measured.
        """
        return sum(times.user + times.system for p in self._answering if (times := p.cpu_times()))

    def memory(self) -> dict[str, float]:
        """MiB of memory (PSS) of the programs' processes."""
        return {
            what: sum(p.memory_full_info().pss for p in self.processes(what)) / 2**20 for what in PROGRAMS
        }

    def cpu_of(self, seconds: float) -> dict[str, float]:
        """Percent of one core that the programs use while nobody asks anything."""
        before, began = self.cpu(), time.monotonic()
        time.sleep(seconds)
        after, passed = self.cpu(), time.monotonic() - began
        return {what: 100 * (after[what] - before[what]) / passed for what in PROGRAMS}

    @contextmanager
    def program(self, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A further program of the stack, which is told to stop at the end."""
        log = (self.folder / "logs" / "growth.log").open("ab")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(120)
            log.close()
