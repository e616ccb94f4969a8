"""The stack that ``devstack/bench.sh`` brings up: what is in its folder, and its MariaDB and RabbitMQ."""

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pymysql

from tests.chaos.supervisor import Supervisor

_PUBLISHED = "maps:get(messages_received_total, maps:get([{protocol, amqp091}], rabbit_global_counters:overview()))."
_RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


@dataclass(frozen=True)
class Place:
    """A folder with ``stack.json`` (the stack, novalike) and ``nova.json`` (its rival).

    :raises SystemExit: they aren't there.
    """

    folder: Path

    @cached_property
    def stack(self) -> dict[str, Any]:
        """What devstack says of the stack."""
        return self._read("stack.json")

    @cached_property
    def nova(self) -> dict[str, Any]:
        """What it says of Nova."""
        return self._read("nova.json")

    def _read(self, name: str) -> dict[str, Any]:
        file = self.folder / name
        if not file.exists():
            raise SystemExit(f"{file} isn't there: run devstack/bench.sh, which brings everything up")
        described: dict[str, Any] = json.loads(file.read_text())
        return described

    @cached_property
    def supervisor(self) -> Supervisor:
        """What keeps all programs."""
        return Supervisor(str(self.folder / "run" / "supervisor.sock"))

    @cached_property
    def database(self) -> "pymysql.Connection[Any]":
        """MariaDB, as its administrator."""
        return pymysql.connect(unix_socket=self.nova["mariadb_socket"], user="root", autocommit=True)

    def sql(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a statement; its rows."""
        with self.database.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return list(cursor.fetchall())

    def published(self) -> int:
        """Messages that were ever published on the broker, by anybody. Takes a second or two."""
        environment = {"HOME": self.nova["rabbitmq_home"], "ERL_EPMD_PORT": str(self.nova["epmd_port"])}
        command = [_RABBITMQCTL, "-q", "-n", "novalike-devstack@localhost", "eval", _PUBLISHED]
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=60
        )
        return int(done.stdout)
