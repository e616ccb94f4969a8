"""Compares what everybody knows of the servers, and what clients were promised. Pure: facts in, differences out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.gather import Facts, Migration, Port, Server
from tests.chaos.memory import Memory
from tests.chaos.targets import Guest

#: Something is still being done to it.
STUCK = "stuck"
#: Something is there that belongs to nobody, or is twice there, or elsewhere than its server.
LEAKED = "leaked"
#: Something is gone that was promised, or is back that was deleted.
LOST = "lost"
#: Who should agree does not.
WRONG = "wrong"
KINDS = (STUCK, LEAKED, LOST, WRONG)

# What a successful action leaves.
_LEAVES = {
    "create": ("ACTIVE",), "start": ("ACTIVE",), "reboot": ("ACTIVE",), "stop": ("SHUTOFF",),
    "resize": ("VERIFY_RESIZE",), "migrate": ("VERIFY_RESIZE",),
    "confirmResize": ("ACTIVE", "SHUTOFF"), "revertResize": ("ACTIVE", "SHUTOFF"),
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Difference:
    """Something that is not as it should be.

    :param kind: one of KINDS.
    :param subject: what it is about: a server's uuid or name, a port, a device.
    """

    kind: str
    subject: str
    text: str


def audit(
    facts: Facts, memories: Iterable[Memory] = (), *, nics: int = 1, guests_die: bool = False
) -> list[Difference]:
    """All differences, in a steady order.

    :param memories: what clients remember; every name in them was given once.
    :param nics: interfaces that servers are made with.
    :param guests_die: guests may have been killed: their servers are SHUTOFF, whatever was done to them last.
    """
    return sorted(
        {
            *_unsettled(facts, guests_die),
            *_guests(facts),
            *_allocations(facts),
            *_ports(facts, nics),
            *_devices(facts),
            *_migrations(facts),
            *_records(facts),
            *_promises(facts, memories),
        }
    )


def _unsettled(facts: Facts, guests_die: bool) -> Iterable[Difference]:
    for server in facts.servers.values():
        if not server.settled:
            yield Difference(STUCK, server.uuid, f"{server.name} is {server.status}, task_state {server.task_state}")
        elif server.status == "ERROR" and not server.fault:
            yield Difference(WRONG, server.uuid, f"{server.name} is ERROR without a fault that says why")
        if server.last_action is not None and server.settled:
            action, failed = server.last_action
            leaves = _LEAVES.get(action, (server.status,))
            died = guests_die and server.status == "SHUTOFF"
            if not failed and server.status not in leaves and not died:
                yield Difference(
                    WRONG, server.uuid, f"{server.name} is {server.status} after a {action} that succeeded"
                )


def _guests(facts: Facts) -> Iterable[Difference]:
    by_server: dict[str, list[Guest]] = {}
    for guest in facts.guests:
        by_server.setdefault(guest.uuid, []).append(guest)
    for uuid, guests in by_server.items():
        server = facts.servers.get(uuid)
        hosts = ", ".join(sorted(guest.host for guest in guests))
        if server is None:
            yield Difference(LEAKED, uuid, f"a guest on {hosts}, but no server")
        elif len(guests) > 1:
            yield Difference(LEAKED, uuid, f"{server.name} has {len(guests)} guests: on {hosts}")
        elif guests[0].host != server.host:
            yield Difference(LEAKED, uuid, f"{server.name} is on {server.host}, its guest on {hosts}")
    for server in facts.servers.values():
        yield from _power(server, by_server.get(server.uuid, []))


def _power(server: Server, guests: Sequence[Guest]) -> Iterable[Difference]:
    if not server.settled or server.status == "ERROR":
        return
    if not guests:
        yield Difference(LOST, server.uuid, f"{server.name} is {server.status}, but has no guest")
    # What waits to be confirmed is what it was.
    runs = server.has_power if server.status == "VERIFY_RESIZE" else server.status == "ACTIVE"
    for guest in guests:
        if guest.running is not None and runs is not None and guest.running != runs:
            running = "runs" if guest.running else "does not run"
            yield Difference(WRONG, server.uuid, f"{server.name} is {server.status}, but its guest {running}")


def _allocations(facts: Facts) -> Iterable[Difference]:
    migrations = {migration.uuid: migration for migration in facts.migrations}
    for consumer, providers in facts.allocations.items():
        if consumer in migrations:
            yield from _kept(facts, migrations[consumer], list(providers))
            continue
        server = facts.servers.get(consumer)
        if server is None:
            text = f"an allocation on {', '.join(providers)}, but neither a server nor a migration that is not over"
            yield Difference(LEAKED, consumer, text)
        elif server.settled and list(providers) != [server.node or server.host]:
            text = f"{server.name} is on {server.node or server.host}, its allocation on {list(providers)}"
            yield Difference(LEAKED, consumer, text)
        elif server.settled and server.status != "ERROR":
            (has,) = providers.values()
            if any(has.get(name) != amount for name, amount in server.sizes.items()):
                text = f"{server.name} has an allocation of {dict(has)}, its flavor asks for {dict(server.sizes)}"
                yield Difference(WRONG, consumer, text)
    for server in facts.servers.values():
        if server.settled and server.status != "ERROR" and server.uuid not in facts.allocations:
            yield Difference(LOST, server.uuid, f"{server.name} is {server.status}, but has no allocation")


def _kept(facts: Facts, migration: Migration, providers: list[str]) -> Iterable[Difference]:
    """What a migration has that is not over is its server's old allocation."""
    server = facts.servers.get(migration.server)
    if server is not None and server.settled and providers != [migration.source_node]:
        text = f"a migration of {server.name} from {migration.source_node} has allocations on {providers}"
        yield Difference(LEAKED, migration.uuid, text)


def _migrations(facts: Facts) -> Iterable[Difference]:
    """One that waits to be confirmed can go back: its source has what it had."""
    waiting = {migration.server for migration in facts.migrations if migration.status == "finished"}
    aside = {(disks.uuid, disks.host) for disks in facts.disks or () if disks.is_aside}
    for migration in facts.migrations:
        server = facts.servers.get(migration.server)
        if server is None or not server.settled or server.status == "ERROR":
            continue  # stuck, which is told already; or both hosts keep what they have
        if (server.status, migration.status) != ("VERIFY_RESIZE", "finished"):
            text = f"{server.name} is {server.status}, its migration {migration.status}"
            yield Difference(WRONG, migration.uuid, text)
            continue
        if migration.uuid not in facts.allocations:
            yield Difference(LOST, migration.uuid, f"{server.name} waits to be confirmed; its source has no allocation")
        if facts.disks is not None and (server.uuid, migration.source) not in aside:
            text = f"{server.name} waits to be confirmed; nothing is set aside on {migration.source}"
            yield Difference(LOST, migration.uuid, text)
    for server in facts.servers.values():
        if server.settled and server.status == "VERIFY_RESIZE" and server.uuid not in waiting:
            yield Difference(WRONG, server.uuid, f"{server.name} is VERIFY_RESIZE, but no migration waits")


def _ports(facts: Facts, nics: int) -> Iterable[Difference]:
    by_server: dict[str, list[Port]] = {}
    for port in facts.ports:
        if port.device_id or port.device_owner.startswith("compute:"):
            by_server.setdefault(port.device_id, []).append(port)
    for uuid, ports in by_server.items():
        server = facts.servers.get(uuid)
        if server is None:
            yield from (Difference(LEAKED, port.id, f"a port of server {uuid}, which isn't there") for port in ports)
        elif server.settled:
            yield from (
                Difference(LEAKED, port.id, f"{server.name} is on {server.host}, its port bound to {port.host}")
                for port in ports
                if port.host != server.host
            )
            if len(ports) > nics:
                yield Difference(LEAKED, uuid, f"{server.name} has {len(ports)} ports, {nics} were asked for")
    for server in facts.servers.values():
        has = len(by_server.get(server.uuid, ()))
        if server.settled and server.status != "ERROR" and has < nics:
            yield Difference(LOST, server.uuid, f"{server.name} is {server.status}, but has {has} ports of {nics}")


def _devices(facts: Facts) -> Iterable[Difference]:
    sources = {(migration.server, migration.source) for migration in facts.migrations}
    for disks in facts.disks or ():
        server = facts.servers.get(disks.uuid)
        what = ", ".join(disks.what)
        if server is None:
            yield Difference(LEAKED, disks.uuid, f"{what} on {disks.host}, but no server")
        elif server.settled and disks.is_aside:
            if (server.uuid, disks.host) not in sources:
                text = f"{server.name}: {what} set aside on {disks.host}, but no migration from there that is not over"
                yield Difference(LEAKED, disks.uuid, text)
        elif server.settled and server.host != disks.host:
            yield Difference(LEAKED, disks.uuid, f"{server.name} is on {server.host}, and has {what} on {disks.host}")
    if facts.taps is not None:
        ports = {port.id[:11]: port for port in facts.ports}
        shared = {f"{network[:10]}0" for network in facts.networks}
        for tap in facts.taps:
            end = tap.name.removeprefix("tap")
            port = ports.get(end)
            if port is None and end not in shared:
                yield Difference(LEAKED, f"{tap.host} {tap.name}", "a network device, but no port")
            elif port is not None and port.host != tap.host and _is_at_rest(facts, port):
                text = f"a network device of a port that is bound to {port.host}"
                yield Difference(LEAKED, f"{tap.host} {tap.name}", text)


def _is_at_rest(facts: Facts, port: Port) -> bool:
    server = facts.servers.get(port.device_id)
    return server is not None and server.settled


def _records(facts: Facts) -> Iterable[Difference]:
    if facts.records is None:
        return
    recorded = {record.uuid for record in facts.records}
    for record in facts.records:
        if record.open_operations:
            names = ", ".join(record.open_operations)
            yield Difference(STUCK, record.uuid, f"operations that have not ended: {names}")
        if record.uuid not in facts.servers and record.vm_state != "deleted":
            text = f"recorded ({record.vm_state}, task_state {record.task_state}), but not in the API's list"
            yield Difference(LOST, record.uuid, text)
    for uuid in facts.servers.keys() - recorded:
        yield Difference(WRONG, uuid, "in the API's list, but not recorded")


def _promises(facts: Facts, memories: Iterable[Memory]) -> Iterable[Difference]:
    names = Counter(server.name for server in facts.servers.values())
    for memory in memories:
        there = names[memory.name]
        if there > 1:
            yield Difference(WRONG, memory.name, f"one request has made {there} servers")
        if memory.must_exist and not there:
            yield Difference(LOST, memory.name, "its creation was accepted, nobody deleted it, and it is gone")
        if memory.must_be_gone and there and _is_settled(facts.servers, memory.name):
            yield Difference(LOST, memory.name, "its deletion was accepted (or its creation refused), but it is there")


def _is_settled(servers: Mapping[str, Server], name: str) -> bool:
    # One that is still being deleted is stuck, which is told already.
    return all(server.settled for server in servers.values() if server.name == name)
