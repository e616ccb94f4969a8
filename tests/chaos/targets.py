"""What a chaos run is aimed at: a cloud, its programs, and how one looks behind its API.

:func:`load` gives the target of a name. ``devstack`` and ``libvirt`` are stacks of this project
(``tests/chaos/devstack.py``); ``nova`` is OpenStack Nova on the same neighbours.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Kinds of programs. OURS are the daemons of the compute service: they may be killed, told to end and frozen.
# NEIGHBOURS are only frozen. The others are stopped or killed, and started again after a while.
OURS = ("api", "metadata", "conductor", "scheduler", "compute")
NEIGHBOURS = ("keystone", "placement", "glance", "neutron")
BROKER = "broker"
DATABASE = "database"
HYPERVISOR = "hypervisor"


@dataclass(frozen=True)
class Program:
    """Something that runs: one process, or a main process and its workers.

    :param name: tells it from all others (``novalike-conductor-2``).
    :param kind: one of the kinds above.
    :param port: where it listens on 127.0.0.1 when it can be used, so that an outage lasts until it listens again;
        None where that tells nothing.
    """

    name: str
    kind: str
    port: int | None = None


@dataclass(frozen=True)
class Access:
    """A user of the cloud. Project and user are in the domain ``default``."""

    auth_url: str
    username: str
    password: str = field(repr=False)
    project: str
    region: str = "RegionOne"


@dataclass(frozen=True)
class Guest:
    """A guest as the hypervisor knows it.

    :param host: the compute host's name in the cloud.
    :param running: None when that can't be told.
    """

    uuid: str
    host: str
    running: bool | None


@dataclass(frozen=True)
class Disks:
    """What a host keeps for a guest besides the guest itself.

    :param what: names, for people.
    :param is_aside: it is set aside, to be gone back to when a move is reverted.
    """

    uuid: str
    host: str
    what: tuple[str, ...]
    is_aside: bool = False


@dataclass(frozen=True)
class Tap:
    """A network device of a guest.

    :param name: ``tap`` and the first eleven characters of a port's id.
    """

    host: str
    name: str


@dataclass(frozen=True)
class Record:
    """A server in the database, behind the API.

    :param open_operations: names of operations that have begun and not ended.
    """

    uuid: str
    vm_state: str
    task_state: str | None
    host: str | None
    open_operations: tuple[str, ...] = ()


class Target(Protocol):
    """A cloud that runs on this machine.

    Compute, Placement and Neutron are found in the catalog of :meth:`access`.
    """

    name: str
    #: Names of what servers are made of.
    image: str
    flavor: str
    network: str
    #: Name of the flavor that servers are resized to, and back from; None where they can't be moved.
    other_flavor: str | None

    def summary(self) -> Mapping[str, Any]:
        """What the report says of the target: hosts, database, processes …"""

    def access(self, user: str) -> Access:
        """``admin`` sees and may do everything; ``demo`` owns the servers."""

    def programs(self) -> Sequence[Program]:
        """All that may be hit; the same ones, in the same order, in every run."""

    def pids(self, program: Program) -> list[int]:
        """Its processes: the main one first, then those below it. Empty while it doesn't run."""

    def stop(self, program: Program) -> None:
        """End it in good order and keep it ended. Returns when it has ended."""

    def start(self, program: Program) -> None:
        """Start it, unless it runs. Does not wait until it can be used."""

    def revive(self, program: Program) -> None:
        """Called soon after a process of it was killed or told to end: see to it that it comes back, however long
        the old one takes to end. Returns at once; does nothing where a supervisor sees to it."""

    def guests(self) -> list[Guest]:
        """Every guest of every host."""

    def guest_pids(self) -> list[int]:
        """Processes that are guests; empty where guests aren't processes."""

    def records(self) -> list[Record] | None:
        """Servers that aren't deleted, from the database; None where it can't be read."""

    def outcomes(self) -> Mapping[str, Mapping[str, int]] | None:
        """action → how it ended → how often, over all operations ever; None where that can't be told."""

    def disks(self) -> list[Disks] | None:
        """What hosts keep; None where guests have no disks."""

    def taps(self) -> set[Tap] | None:
        """Network devices of guests; None where there are none."""


def load(name: str, where: str | None) -> Target:
    """The target of that name.

    :param where: its folder, or whatever else the target takes for a place; None is the target's own default.
    :raises SystemExit: there is no such target.
    """
    modules = {"devstack": "devstack", "fake": "devstack", "libvirt": "devstack", "nova": "nova"}
    if name not in modules:
        raise SystemExit(f"there is no target called {name}; there are {', '.join(modules)}")
    module = importlib.import_module(f"tests.chaos.{modules[name]}")
    target: Target = module.target(name, where)
    return target
