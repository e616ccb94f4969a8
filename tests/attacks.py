"""Requests that are meant to keep a control plane busy, and how long others wait beside them.

The same are made of a cloud in one process (``tests/functional``) and of a stack (``tests/integration/user``).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

# Sends a request, with a body in JSON, in a microversion; gives the status.
Ask = Callable[[str, str, bytes | None, str], int]

LATEST = "2.90"
# Nested quantifiers: a backtracking engine needs time that is exponential in what it is matched with.
EVIL = "(" * 9 + "[0-9a-zA-Z.:-]+" + ")+" * 9 + "!"
# Bounded repetitions: slow in every engine, as far as one can be made slow.
COSTLY = "(a?){200}a{200}b", r"(\w{1,9}){1,9}!", "(a|b)*a(a|b){200}c", "(a*){450}!", r"(\w{1,30}){1,30}!"
TAGS = ",".join(f"tag-{number}" for number in range(500))


class Attack(NamedTuple):
    """A request, and what it may be answered with."""

    name: str
    method: str
    path: str
    statuses: frozenset[int]
    body: bytes | None = None
    version: str = LATEST


def _list(name: str, query: str, *statuses: int, version: str = LATEST, path: str = "/servers/detail") -> Attack:
    return Attack(name, "GET", f"{path}?{query}", frozenset(statuses), None, version)


def _create(name: str, body: bytes, *statuses: int, version: str = LATEST) -> Attack:
    return Attack(name, "POST", "/servers", frozenset(statuses), body, version)


def _server(part: str) -> bytes:
    return ('{"server": {"name": "attack", "flavorRef": "no-such", "networks": "none"' + part + "}}").encode()


# By any user.
FILTERS = (
    *(
        _list(f"{name}: nested", f"{name}={quote(EVIL)}", 200)
        for name in ("ip", "ip6", "name", "hostname", "key_name", "availability_zone", "config_drive", "reservation_id",
                     "created_at", "launched_at", "terminated_at")
    ),
    *(_list(f"name: costly {n}", f"name={quote(text)}", 200, 400) for n, text in enumerate(COSTLY)),
    *(_list(f"ip: costly {n}", f"ip={quote(text)}", 200, 400) for n, text in enumerate(COSTLY)),
    _list("all at once", f"ip={quote(EVIL)}&ip6={quote(EVIL)}&name={quote(EVIL)}&hostname={quote(EVIL)}", 200),
    _list("name: too long", "name=" + "(" * 5000, 400),
    _list("name: many times", "&".join("name=" + quote(rf"\pL[^{n}]") for n in range(120)), 200),
    _list("flavor: nested", f"flavor={quote(EVIL)}", 200),
    _list("image: nested", f"image={quote(EVIL)}", 200),
    _list("flavors by name: nested", f"name={quote(EVIL)}", 200, version="2.102", path="/flavors/detail"),
    _list("flavors by name: costly", f"name={quote(COSTLY[0])}", 200, 400, version="2.102", path="/flavors/detail"),
    *(_list(f"{name}: 500", f"{name}={TAGS}", 200) for name in ("tags", "tags-any", "not-tags", "not-tags-any")),
    _list("sort_key: 100", "&".join(["sort_key=created_at", "sort_key=uuid"] * 50), 200),
)
REQUESTS = (
    _list("10,000 parameters", "&".join(f"p{n}" for n in range(10_000)), 400, 414, 431, version="2.1"),
    _list("1,000 parameters", "&".join(f"p{n}" for n in range(1000)), 400, version="2.1"),
    _create("1 MB of nested JSON", b'{"server": {"name": ' + b"[" * 500_000 + b"]" * 500_000 + b"}}", 413),
    _create("100 kB of nested lists", b'{"server": {"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}", 400),
    _create("as deep as Python goes", b'{"server": {"name": ' + b"[" * 900 + b"]" * 900 + b"}}", 400),
    _create("a host name of 100 kB", _server(', "hostname": "' + "a" * 100_000 + '!"'), 400),
    _create(
        "a hint that is nested",
        b'{"os:scheduler_hints": {"query": "' + b"[" * 50_000 + b'"}, ' + _server("")[1:],
        400,
    ),
    _create("5,000 digits", _server(', "max_count": "' + "9" * 5000 + '"'), 400),
)
# By an administrator.
ADMINISTRATORS = (
    *(
        _list(f"of all projects, {name}: nested", f"all_tenants=1&{name}={quote(EVIL)}", 200)
        for name in ("ip", "node", "display_description", "locked_by", "root_device_name", "kernel_id", "ramdisk_id",
                     "access_ip_v4", "access_ip_v6", "auto_disk_config")
    ),
    _list(
        "hypervisors: nested",
        f"hypervisor_hostname_pattern={quote(EVIL)}",
        400,
        version="2.53",
        path="/os-hypervisors",
    ),
)


@dataclass
class Outcome:
    """What came of an attack."""

    slowest_read: float = 0.0
    reads: int = 0
    failed_reads: Counter[int] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    slowest_answer: float = 0.0

    def __str__(self) -> str:
        return (
            f"slowest of {self.reads} reads {self.slowest_read:.3f} s, failed {dict(self.failed_reads)}; "
            f"answers {dict(self.answers)}, slowest {self.slowest_answer:.3f} s"
        )


def attack(
    wanted: Attack, attackers: list[Ask], read: Callable[[], int], *, rounds: int = 3, pause: float = 0.02
) -> Outcome:
    """Let all attackers send a request at once, so many times one after the other, while somebody reads.

    A read begins when it is due, so that what holds up the reader itself, in a green process, is counted as well.

    :param read: a read of somebody else; gives its status.
    :param pause: seconds between two reads.
    """
    found = Outcome()
    lock = threading.Lock()
    together = threading.Barrier(len(attackers) + 1)

    def send(ask: Ask) -> None:
        together.wait(60)
        for _ in range(rounds):
            began = time.monotonic()
            status = ask(wanted.method, wanted.path, wanted.body, wanted.version)
            with lock:
                found.answers[status] += 1
                found.slowest_answer = max(found.slowest_answer, time.monotonic() - began)

    threads = [threading.Thread(target=send, args=(ask,), daemon=True) for ask in attackers]
    with _running(threads):
        together.wait(60)
        due = time.monotonic()
        while found.reads < 3 or any(thread.is_alive() for thread in threads):
            status = read()
            found.slowest_read = max(found.slowest_read, time.monotonic() - due)
            found.reads += 1
            if status != 200:
                found.failed_reads[status] += 1
            due = time.monotonic() + pause
            time.sleep(pause)
    return found


@contextmanager
def _running(threads: list[threading.Thread]) -> Iterator[None]:
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def check(wanted: Attack, outcome: Outcome, slowest_read: float) -> None:
    """Fail when anything was answered in another way than it should be, or a read took longer (seconds)."""
    said = f"{wanted.name}: {outcome}"
    print(said)
    assert set(outcome.answers) <= wanted.statuses, said
    assert not outcome.failed_reads, said
    assert outcome.slowest_read < slowest_read, said
