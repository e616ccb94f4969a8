"""Fake hosts by the thousand, in few processes, with resource providers."""

import contextlib
import datetime
import os
import time
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as cell
from novalike.objects.record import utcnow
from tests.benchmarks.growth import senders
from tests.benchmarks.growth.stack import Stack

# Of the fake driver: what hosts are called follows from their prefix, what nodes are called from that.
NAMESPACE = uuid.UUID("5f2c34f6-6f1c-4d19-9c1d-3a0c5f0b4a11")
PER_PROCESS = 2500
_AT_A_TIME = 500
_PATIENCE = 3600.0
# Seconds. Longer than between two heartbeats, and than it takes to register a process's hosts.
_LATELY = 60.0


class Hosts:
    """What is added to a stack's own hosts. Used as a context: at its end the processes are stopped.

    The hosts stay in the databases, of novalike and of Placement: as those that are down.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._processes = contextlib.ExitStack()
        self._batches = 0

    def __enter__(self) -> "Hosts":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._processes.close()

    def living(self) -> int:
        """Hosts that are there: with nodes, and heard of lately."""
        nodes, services = cell.compute_nodes.c, cell.services.c
        lately = utcnow() - datetime.timedelta(seconds=_LATELY)
        query = (
            sa.select(sa.func.count())
            .select_from(sa.join(cell.compute_nodes, cell.services))
            .where(services.last_seen_at > lately, nodes.host.not_like(f"{senders.PREFIX}%"))
        )
        with self._stack.cell.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def add(self, count: int, *, in_bulk: bool) -> float:
        """Start processes for so many more hosts. Gives the seconds until all of them were recorded.

        :param in_bulk: their providers are written into Placement's database first.
        """
        wanted = self.living() + count
        batches = []
        while count:
            self._batches += 1
            share = min(PER_PROCESS, count)
            batches.append((self._batches, f"growth{os.getpid()}-{self._batches}-", share))
            count -= share
        if in_bulk:
            for _, prefix, share in batches:
                _provide(self._stack.placement, names(prefix, share))
        began = time.monotonic()
        for number, prefix, share in batches:
            self._start(number, prefix, share)
        while self.living() < wanted:
            if time.monotonic() - began > _PATIENCE:
                raise SystemExit(f"only {self.living()} of {wanted} hosts were recorded")
            time.sleep(0.2)
        return time.monotonic() - began

    def _start(self, number: int, prefix: str, hosts: int) -> None:
        etc = self._stack.folder / "etc" / "novalike"
        state = self._stack.folder / "data" / f"growth-{number}"
        state.mkdir(parents=True, exist_ok=True)
        conf = etc / f"growth-{number}.conf"
        conf.write_text(
            f"[DEFAULT]\nhost = growth-{os.getpid()}-{number}\nstate_path = {state}\ncompute_driver = fake\n"
            f"[fake]\nhosts = {hosts}\nhost_prefix = {prefix}\nkeep_guests = false\n"
        )
        program = Path(self._stack.place.stack["novalike_bin"]) / "novalike-compute"
        command = (str(program), "--config-file", str(etc / "novalike.conf"), "--config-file", str(conf))
        self._processes.enter_context(self._stack.program(*command))


def names(prefix: str, count: int) -> list[str]:
    """The hosts of a process, as the fake driver calls them."""
    width = max(3, len(str(count)))
    return [f"{prefix}{number:0{width}}" for number in range(1, count + 1)]


def _provide(placement: sa.Engine, hosts: list[str]) -> None:
    """Write resource providers like one that is there: of the stack's first host, with its inventory and traits."""
    metadata = sa.MetaData()
    metadata.reflect(placement, only=("resource_providers", "inventories", "resource_provider_traits"))
    providers, inventories, traits = (
        metadata.tables[name] for name in ("resource_providers", "inventories", "resource_provider_traits")
    )
    with placement.begin() as connection:
        query = sa.select(providers).where(providers.c.name.like("fake%")).limit(1)
        pattern = connection.execute(query).mappings().one()
        like = {
            table: [dict(row) for row in connection.execute(
                sa.select(table).where(table.c.resource_provider_id == pattern["id"])
            ).mappings()]
            for table in (inventories, traits)
        }  # fmt: skip
    for start in range(0, len(hosts), _AT_A_TIME):
        with placement.begin() as connection:
            some = {str(uuid.uuid5(NAMESPACE, host)): host for host in hosts[start : start + _AT_A_TIME]}
            values = {key: value for key, value in dict(pattern).items() if key not in ("id", "root_provider_id")}
            rows: list[dict[str, Any]] = [{**values, "uuid": key, "name": name} for key, name in some.items()]
            connection.execute(sa.insert(providers), rows)
            found = connection.execute(sa.select(providers.c.id).where(providers.c.uuid.in_(some))).scalars().all()
            connection.execute(
                sa.update(providers).where(providers.c.id.in_(found)).values(root_provider_id=providers.c.id)
            )
            for table, own in like.items():
                copies = [
                    {**{key: value for key, value in row.items() if key != "id"}, "resource_provider_id": number}
                    for number in found
                    for row in own
                ]
                connection.execute(sa.insert(table), copies)
