"""What scenarios are made of: requests, servers that are there already, and errors that steps may fail with."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects import errors, network_errors
from novalike.virt.driver import GuestFailed
from tests.crash.cloud import CrashCloud
from tests.crash.plan import Failure
from tests.crash.process import Death

Expected = dict[str, frozenset[str]]
# Name and id of a server.
Made = tuple[str, str]
_numbers = itertools.count(1)


class Scenario(NamedTuple):
    """
    :param prepare: before anything goes wrong; gives what ``act`` needs.
    :param act: what is done; gives the statuses that each server may end in.
    :param failures: steps that may fail, by name; each is tried in turn beside the case without.
    :param options: of the cloud, as :class:`~tests.crash.cloud.CrashCloud` takes them.
    :param share: of its trials that are run: a variant passes mostly the moments of another scenario.
    """

    name: str
    prepare: Callable[[CrashCloud], Any]
    act: Callable[[CrashCloud, Any], Expected]
    failures: tuple[Failure, ...] = ()
    options: Mapping[str, Any] = {}
    share: float = 1.0


def ask(cloud: CrashCloud, method: str, path: str, body: Any = None, *, as_admin: bool = False) -> int | None:
    """The answer's status; None when there was none, or one that leaves it open what has happened."""
    try:
        status = (cloud.admin if as_admin else cloud.demo).request(method, path, body).status_code
    except Death:
        return None
    return None if status == 503 else status


def ids(cloud: CrashCloud) -> dict[str, str]:
    """Name → id of all servers."""
    return {server["name"]: server["id"] for server in cloud.demo.get("/servers")["servers"]}


def create(cloud: CrashCloud, *, count: int = 1, failing: bool = False, **more: Any) -> Expected:
    """Ask for new servers."""
    name = f"vm{next(_numbers)}"
    networks = [{"uuid": cloud.network["id"]}]
    body = cloud.server_body(name, networks=networks, min_count=count, **more)
    status = ask(cloud, "POST", "/servers", body)
    names = [name] if count == 1 else [f"{name}-{n + 1}" for n in range(count)]
    assert status in (None, 202), status
    allowed = {"ACTIVE"} if status else {"ACTIVE", "GONE"}
    if failing:
        allowed.add("ERROR")
    return dict.fromkeys(names, frozenset(allowed))


def made(cloud: CrashCloud) -> Made:
    """A server that is there already."""
    (name,) = create(cloud)
    server_id = ids(cloud)[name]
    cloud.demo.wait_for(server_id, "ACTIVE")
    return name, server_id


def stopped(cloud: CrashCloud) -> Made:
    """A server that is there already, and off."""
    name, server_id = made(cloud)
    cloud.demo.post(f"/servers/{server_id}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(server_id, "SHUTOFF")
    return name, server_id


def action(
    body: dict[str, Any], done: str, before: str, *, otherwise: Sequence[str] = (), as_admin: bool = False
) -> Callable[[CrashCloud, Made], Expected]:
    """Do something to a server.

    :param done: its status when it was done.
    :param before: its status now.
    :param otherwise: what it may be besides when a step fails, or its host stays away.
    """

    def act(cloud: CrashCloud, server: Made) -> Expected:
        name, server_id = server
        status = ask(cloud, "POST", f"/servers/{server_id}/action", body, as_admin=as_admin)
        assert status in (None, 202, 204), status
        failing = {before, "ERROR", *otherwise} if may_fail(cloud) else set()
        return {name: frozenset({done} | failing if status else {done, before} | failing)}

    return act


def may_fail(cloud: CrashCloud) -> bool:
    """Whether what is done may fail: a step does, or a host is given up."""
    given_up = cloud.late or (cloud.plan.mishap is not None and cloud.plan.mishap.what == "freeze")
    return bool(cloud.plan.failures) or given_up


def delete(cloud: CrashCloud, server: Made, *, before: str = "ACTIVE") -> Expected:
    """Delete a server."""
    name, server_id = server
    status = ask(cloud, "DELETE", f"/servers/{server_id}")
    assert status in (None, 204), status
    allowed = {"GONE"} if status else {"GONE", before}
    return {name: frozenset(allowed | ({"ERROR"} if cloud.plan.failures else set()))}


def wait_until(cloud: CrashCloud, name: str, condition: sa.ColumnElement[bool], seconds: float = 1.0) -> None:
    """Wait until something is true of a server's record, if that is to come."""
    i = t.instances.c
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for database in cloud.databases:
            with database.read() as connection:
                if connection.execute(sa.select(i.uuid).where(i.name == name, condition)).first():
                    return
        time.sleep(0.01)


def refuses() -> errors.NovalikeError:
    """Neutron says no."""
    return network_errors.NeutronRefused(status=409, kind="Conflict", reason="no, as ordered")


def guest_fails() -> errors.NovalikeError:
    """The hypervisor says no."""
    return GuestFailed(reason="it fails, as ordered")


def away() -> errors.NovalikeError:
    """Nobody answers."""
    return errors.Unavailable(reason="away, as ordered")
