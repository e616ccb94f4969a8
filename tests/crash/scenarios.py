"""What users do in the trials, and which steps of it may fail."""

import functools
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects import errors, network_errors
from novalike.virt.driver import GuestFailed
from tests.crash.cloud import CrashCloud
from tests.crash.plan import Failure
from tests.crash.process import Death

Expected = dict[str, frozenset[str]]
_numbers = itertools.count(1)


class Scenario(NamedTuple):
    """
    :param prepare: before anything goes wrong; gives what ``act`` needs.
    :param act: what is done; gives the statuses that each server may end in.
    :param failures: steps that may fail, by name; each is tried in turn beside the case without.
    """

    name: str
    prepare: Callable[[CrashCloud], Any]
    act: Callable[[CrashCloud, Any], Expected]
    failures: tuple[Failure, ...] = ()
    options: Mapping[str, Any] = {}


def _ask(cloud: CrashCloud, method: str, path: str, body: Any = None) -> int | None:
    """The answer's status; None when there was none, or one that leaves it open what has happened."""
    try:
        status = cloud.demo.request(method, path, body).status_code
    except Death:
        return None
    return None if status == 503 else status


def _ids(cloud: CrashCloud) -> dict[str, str]:
    return {server["name"]: server["id"] for server in cloud.demo.get("/servers")["servers"]}


def _create(cloud: CrashCloud, *, count: int = 1, failing: bool = False, **more: Any) -> Expected:
    name = f"vm{next(_numbers)}"
    networks = [{"uuid": cloud.network["id"]}]
    body = cloud.server_body(name, networks=networks, min_count=count, **more)
    status = _ask(cloud, "POST", "/servers", body)
    names = [name] if count == 1 else [f"{name}-{n + 1}" for n in range(count)]
    assert status in (None, 202), status
    allowed = {"ACTIVE"} if status else {"ACTIVE", "GONE"}
    if failing:
        allowed.add("ERROR")
    return dict.fromkeys(names, frozenset(allowed))


def _made(cloud: CrashCloud) -> tuple[str, str]:
    """A server that is there already."""
    (name,) = _create(cloud)
    server_id = _ids(cloud)[name]
    cloud.demo.wait_for(server_id, "ACTIVE")
    return name, server_id


def _stopped(cloud: CrashCloud) -> tuple[str, str]:
    name, server_id = _made(cloud)
    cloud.demo.post(f"/servers/{server_id}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(server_id, "SHUTOFF")
    return name, server_id


def _action(body: dict[str, Any], done: str, before: str) -> Callable[[CrashCloud, Any], Expected]:
    def act(cloud: CrashCloud, made: tuple[str, str]) -> Expected:
        name, server_id = made
        status = _ask(cloud, "POST", f"/servers/{server_id}/action", body)
        assert status in (None, 202), status
        given_up = cloud.late or (cloud.plan.mishap is not None and cloud.plan.mishap.what == "freeze")
        failing = {before, "ERROR"} if cloud.plan._failures or given_up else set()
        return {name: frozenset({done} | failing if status else {done, before} | failing)}

    return act


def _delete(cloud: CrashCloud, made: tuple[str, str]) -> Expected:
    name, server_id = made
    status = _ask(cloud, "DELETE", f"/servers/{server_id}")
    assert status in (None, 204), status
    allowed = {"GONE"} if status else {"GONE", "ACTIVE"}
    return {name: frozenset(allowed | ({"ERROR"} if cloud.plan._failures else set()))}


def _wait_for_host(cloud: CrashCloud, name: str, seconds: float = 1.0) -> None:
    """Wait until a new server has been given to a host, if that is to come."""
    i = t.instances.c
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for database in cloud.databases:
            with database.read() as connection:
                if connection.execute(sa.select(i.uuid).where(i.name == name, i.host.is_not(None))).first():
                    return
        time.sleep(0.01)


def _delete_while_building(cloud: CrashCloud, _made: Any, *, at_once: bool = False) -> Expected:
    expected = _create(cloud, failing=bool(cloud.plan._failures))
    (name,) = expected
    if not at_once:
        _wait_for_host(cloud, name)
    try:
        server_id = _ids(cloud).get(name)
    except (Death, AssertionError):
        return {name: frozenset({"ACTIVE", "GONE", "ERROR"})}
    if server_id is None:
        return expected
    status = _ask(cloud, "DELETE", f"/servers/{server_id}")
    assert status in (None, 204, 404), status
    return {name: frozenset({"GONE"})} if status else {name: expected[name] | {"GONE"}}


def _refuses() -> errors.NovalikeError:
    return network_errors.NeutronRefused(status=409, kind="Conflict", reason="no, as ordered")


def _guest_fails() -> errors.NovalikeError:
    return GuestFailed(reason="it fails, as ordered")


def _away() -> errors.NovalikeError:
    return errors.Unavailable(reason="away, as ordered")


CREATE_FAILURES = (
    Failure("ports fail", "before neutron.create_ports", None, _refuses),
    Failure("disks fail once", "before driver.prepare_disks", 1, _guest_fails),
    Failure("disks fail", "after driver.prepare_disks", None, _guest_fails),
    Failure("spawn fails once", "before driver.spawn", 1, _guest_fails),
    Failure("spawn fails late", "after driver.spawn", 1, _guest_fails),
    Failure("spawn fails", "before driver.spawn", None, _guest_fails),
    Failure("image away twice", "before glance.chunks", 2, _away),
)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "create",
        lambda cloud: None,
        lambda cloud, _: _create(cloud, failing=bool(cloud.plan._failures)),
        CREATE_FAILURES,
    ),
    Scenario("create three", lambda cloud: None, lambda cloud, _: _create(cloud, count=3)),
    Scenario("create in one of two cells", lambda cloud: None, lambda cloud, _: _create(cloud), (), {"cells": 2}),
    Scenario(
        "delete",
        _made,
        _delete,
        (
            Failure("guest stays once", "before driver.remove_guest", 1, _guest_fails),
            Failure("guest stays", "after driver.remove_guest", None, _guest_fails),
            Failure("disks stay once", "before driver.remove_disks", 1, _guest_fails),
            Failure("ports stay", "before neutron.delete_port", None, _refuses),
            Failure("claim stays for a while", "before placement.delete_allocations", 3, _away),
        ),
    ),
    Scenario("delete while building", lambda cloud: None, _delete_while_building, (), {"fake__spawn_latency": 0.1}),
    Scenario("delete at once", lambda cloud: None, functools.partial(_delete_while_building, at_once=True)),
    Scenario(
        "stop",
        _made,
        _action({"os-stop": None}, "SHUTOFF", "ACTIVE"),
        (Failure("does not stop", "before driver.power_off", None, _guest_fails),),
    ),
    Scenario(
        "start",
        _stopped,
        _action({"os-start": None}, "ACTIVE", "SHUTOFF"),
        (Failure("does not start", "before driver.power_on", None, _guest_fails),),
    ),
    Scenario(
        "reboot soft",
        _made,
        _action({"reboot": {"type": "SOFT"}}, "ACTIVE", "ACTIVE"),
        (Failure("does not reboot", "before driver.reboot", None, _guest_fails),),
    ),
    Scenario(
        "reboot hard",
        _made,
        _action({"reboot": {"type": "HARD"}}, "ACTIVE", "ACTIVE"),
        (Failure("not plugged", "before driver.plug", None, _guest_fails),),
    ),
)
