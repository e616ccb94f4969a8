"""The auditor of the chaos run: it finds what it is there to find, and nothing in a cloud that is well."""

from dataclasses import replace

import pytest

from tests.chaos.audit import LEAKED, LOST, STUCK, WRONG, audit
from tests.chaos.gather import Facts, Port, Server
from tests.chaos.memory import Asked, Memory
from tests.chaos.targets import Disks, Guest, Record

S = Server("s", "first", "ACTIVE", None, "host1", None, node="host1", last_action=("reboot", False))
PORT = Port("p" * 36, "s", "compute:nova", "host1")
WELL = Facts(
    servers={"s": S},
    guests=[Guest("s", "host1", True)],
    allocations={"s": ["host1"]},
    ports=[PORT],
    networks=["n" * 36],
    records=[Record("s", "active", None, "host1")],
    disks=[Disks("s", "host1", ("disk",))],
    taps=frozenset({"tap" + "p" * 11, "tap" + "n" * 10 + "0"}),
)


def server(**changes):
    return {"s": replace(S, **changes)}


def kinds(facts, *memories):
    return {difference.kind for difference in audit(facts, memories)}


def test_a_cloud_that_is_well():
    assert audit(WELL, [Memory("first", "s", [Asked("create", 202), Asked("reboot soft", 202)])]) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"servers": server(status="BUILD", task_state="spawning")}, STUCK),
        ({"servers": server(task_state="powering-off")}, STUCK),
        ({"records": [Record("s", "active", None, "host1", ("stop (running)",))]}, STUCK),
        ({"records": [*WELL.records, Record("t", "deleted", None, None, ("delete (running)",))]}, STUCK),
        ({"guests": [*WELL.guests, Guest("t", "host1", True)]}, LEAKED),
        ({"guests": [*WELL.guests, Guest("s", "host2", True)]}, LEAKED),
        ({"servers": server(host="host2", node="host2")}, LEAKED),
        ({"allocations": {**WELL.allocations, "t": ["host1"]}}, LEAKED),
        ({"allocations": {"s": ["host1", "host2"]}}, LEAKED),
        ({"allocations": {"s": ["host2"]}}, LEAKED),
        ({"ports": [PORT, Port("q", "t", "compute:nova", "host1")]}, LEAKED),
        ({"ports": [PORT, Port("q", "", "compute:nova", None)]}, LEAKED),
        ({"ports": [PORT, replace(PORT, id="q")]}, LEAKED),
        ({"ports": [replace(PORT, host="host2")]}, LEAKED),
        ({"disks": [*WELL.disks, Disks("t", "host1", ("disk",))]}, LEAKED),
        ({"disks": [*WELL.disks, Disks("s", "host2", ("disk",))]}, LEAKED),
        ({"taps": frozenset({"tapqqqqqqqqqqq"})}, LEAKED),
        ({"guests": []}, LOST),
        ({"allocations": {}}, LOST),
        ({"ports": [], "taps": None}, LOST),
        ({"records": [*WELL.records, Record("t", "active", None, "host1")]}, LOST),
        ({"guests": [Guest("s", "host1", False)]}, WRONG),
        ({"servers": server(last_action=("stop", False))}, WRONG),
        ({"servers": server(status="ERROR")}, WRONG),
        ({"records": []}, WRONG),
    ],
)
def test_what_is_not_as_it_should_be(changes, kind):
    assert kinds(replace(WELL, **changes)) == {kind}


def test_a_failed_server_needs_no_guest_but_a_reason():
    failed = replace(WELL, servers=server(status="ERROR", fault="no valid host", last_action=("create", True)))
    assert audit(failed) == []
    assert audit(replace(failed, guests=[], allocations={}, ports=[], disks=[], taps=frozenset())) == []


def test_guests_that_are_killed_stop_their_servers():
    stopped = replace(WELL, servers=server(status="SHUTOFF"), guests=[Guest("s", "host1", False)])
    assert kinds(stopped) == {WRONG}
    assert audit(stopped, guests_die=True) == []


def test_an_action_that_failed_leaves_what_was():
    assert audit(replace(WELL, servers=server(last_action=("stop", True)))) == []


@pytest.mark.parametrize(
    ("asked", "there", "gone"),
    [
        ([Asked("create", 202)], set(), {LOST}),
        ([Asked("create", None)], set(), set()),
        ([Asked("create", 503)], set(), set()),
        ([Asked("create", None, heard=False)], {LOST}, set()),
        ([Asked("create", 409)], {LOST}, set()),
        ([Asked("create", 202), Asked("delete", 204)], {LOST}, set()),
        ([Asked("create", 202), Asked("delete", None)], set(), set()),
        ([Asked("create", 202), Asked("delete", 503)], set(), set()),
        ([Asked("create", 202), Asked("delete", None, heard=False)], set(), {LOST}),
        ([Asked("create", 202), Asked("delete", 503), Asked("delete", 204)], {LOST}, set()),
    ],
)
def test_what_was_promised(asked, there, gone):
    """``there``, ``gone``: what is found when the server is there, and when it is gone."""
    assert kinds(WELL, Memory("first", "s", asked)) == there
    empty = Facts(servers={}, guests=[], allocations={}, ports=[])
    assert kinds(empty, Memory("first", "s", asked)) == gone


def test_one_request_makes_one_server():
    other = replace(S, uuid="t", status="ERROR", fault="why", last_action=None)
    twice = replace(WELL, servers={"s": S, "t": other}, records=None)
    found = audit(twice, [Memory("first", None, [Asked("create", None)])])
    assert [(each.kind, each.subject) for each in found] == [(WRONG, "first")]


def test_what_is_still_being_deleted_is_stuck_and_not_lost():
    deleting = replace(WELL, servers=server(task_state="deleting"))
    assert kinds(deleting, Memory("first", "s", [Asked("create", 202), Asked("delete", 204)])) == {STUCK}
