"""The auditor of the chaos run: it finds what it is there to find, and nothing in a cloud that is well."""

from dataclasses import replace

import pytest

from tests.chaos.audit import LEAKED, LOST, STUCK, WRONG, audit
from tests.chaos.gather import Facts, Migration, Port, Server
from tests.chaos.memory import Asked, Memory
from tests.chaos.targets import Disks, Guest, Record, Tap

TINY, SMALL = {"VCPU": 1, "MEMORY_MB": 64}, {"VCPU": 2, "MEMORY_MB": 128}
S = Server("s", "first", "ACTIVE", None, "host1", None, node="host1", last_action=("reboot", False), sizes=TINY)
PORT = Port("p" * 36, "s", "compute:nova", "host1")
WELL = Facts(
    servers={"s": S},
    guests=[Guest("s", "host1", True)],
    allocations={"s": {"host1": TINY}},
    ports=[PORT],
    networks=["n" * 36],
    records=[Record("s", "active", None, "host1")],
    disks=[Disks("s", "host1", ("disk",))],
    taps=frozenset({Tap("host1", "tap" + "p" * 11), Tap("host1", "tap" + "n" * 10 + "0")}),
)
# Resized, from host1 to host2, and waiting to be confirmed.
MOVED = Server(
    "s", "first", "VERIFY_RESIZE", None, "host2", None, node="host2", last_action=("resize", False), sizes=SMALL,
    has_power=True,
)  # fmt: skip
MOVE = Migration("m", "s", "finished", "host1", "host1")
WAITING = replace(
    WELL,
    servers={"s": MOVED},
    guests=[Guest("s", "host2", True)],
    allocations={"s": {"host2": SMALL}, "m": {"host1": TINY}},
    ports=[replace(PORT, host="host2")],
    records=[Record("s", "resized", None, "host2")],
    disks=[Disks("s", "host2", ("disk",)), Disks("s", "host1", ("disk",), is_aside=True)],
    taps=frozenset({Tap("host2", "tap" + "p" * 11)}),
    migrations=[MOVE],
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
        ({"allocations": {**WELL.allocations, "t": {"host1": TINY}}}, LEAKED),
        ({"allocations": {"s": {"host1": TINY, "host2": TINY}}}, LEAKED),
        ({"allocations": {"s": {"host2": TINY}}}, LEAKED),
        ({"ports": [PORT, Port("q", "t", "compute:nova", "host1")]}, LEAKED),
        ({"ports": [PORT, Port("q", "", "compute:nova", None)]}, LEAKED),
        ({"ports": [PORT, replace(PORT, id="q")]}, LEAKED),
        ({"ports": [replace(PORT, host="host2")]}, LEAKED),
        ({"disks": [*WELL.disks, Disks("t", "host1", ("disk",))]}, LEAKED),
        ({"disks": [*WELL.disks, Disks("s", "host2", ("disk",))]}, LEAKED),
        ({"disks": [*WELL.disks, Disks("s", "host1", ("disk",), is_aside=True)]}, LEAKED),
        ({"taps": frozenset({Tap("host1", "tapqqqqqqqqqqq")})}, LEAKED),
        ({"taps": frozenset({Tap("host2", "tap" + "p" * 11)})}, LEAKED),
        ({"guests": []}, LOST),
        ({"allocations": {}}, LOST),
        ({"ports": [], "taps": None}, LOST),
        ({"records": [*WELL.records, Record("t", "active", None, "host1")]}, LOST),
        ({"guests": [Guest("s", "host1", False)]}, WRONG),
        ({"servers": server(last_action=("stop", False))}, WRONG),
        ({"servers": server(status="ERROR")}, WRONG),
        ({"allocations": {"s": {"host1": SMALL}}}, WRONG),
        ({"migrations": [replace(MOVE, status="confirming")]}, WRONG),
        ({"servers": server(last_action=("confirmResize", False), status="VERIFY_RESIZE")}, WRONG),
        ({"records": []}, WRONG),
    ],
)
def test_what_is_not_as_it_should_be(changes, kind):
    assert kinds(replace(WELL, **changes)) == {kind}


def test_a_move_that_waits_to_be_confirmed():
    assert audit(WAITING) == []
    stays = replace(WAITING, servers={"s": replace(MOVED, has_power=False)}, guests=[Guest("s", "host2", False)])
    assert audit(stays) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"servers": {"s": replace(MOVED, status="RESIZE", task_state="resize_finish")}}, STUCK),
        ({"servers": {"s": replace(MOVED, status="REVERT_RESIZE", task_state="resize_reverting")}}, STUCK),
        ({"guests": [*WAITING.guests, Guest("s", "host1", None)]}, LEAKED),
        ({"allocations": {**WAITING.allocations, "m": {"host2": TINY}}}, LEAKED),
        ({"allocations": {**WAITING.allocations, "m": {"host1": TINY, "host2": TINY}}}, LEAKED),
        ({"ports": WELL.ports, "taps": None}, LEAKED),
        ({"disks": [*WAITING.disks, Disks("s", "host1", ("disk",))]}, LEAKED),
        ({"disks": [*WAITING.disks, Disks("s", "host2", ("disk",), is_aside=True)]}, LEAKED),
        ({"taps": WELL.taps}, LEAKED),
        ({"allocations": {"s": {"host2": SMALL}}}, LOST),
        ({"disks": WAITING.disks[:1]}, LOST),
        ({"guests": []}, LOST),
        ({"guests": [Guest("s", "host2", False)]}, WRONG),
        ({"allocations": {**WAITING.allocations, "s": {"host2": TINY}}}, WRONG),
        ({"migrations": [replace(MOVE, status="post-migrating")]}, WRONG),
        ({"servers": {"s": replace(MOVED, last_action=("confirmResize", False))}}, WRONG),
    ],
)
def test_what_is_wrong_with_a_move_that_waits_to_be_confirmed(changes, kind):
    assert kinds(replace(WAITING, **changes)) == {kind}


def test_what_is_left_of_a_move_that_is_over():
    """Of a deleted server migrations are not told any more, nor of one that was confirmed."""
    over = replace(WAITING, migrations=[], servers={"s": replace(MOVED, status="ACTIVE", last_action=None)})
    assert [(each.kind, each.subject) for each in audit(over)] == [(LEAKED, "m"), (LEAKED, "s")]
    gone = replace(over, servers={}, guests=[], ports=[], records=[], taps=frozenset())
    assert {(each.kind, each.subject) for each in audit(gone)} == {(LEAKED, "m"), (LEAKED, "s")}


def test_both_hosts_keep_what_they_have_of_a_move_that_failed_in_between():
    failed = replace(MOVED, status="ERROR", fault="why", last_action=("resize", True))
    assert audit(replace(WAITING, servers={"s": failed}, migrations=[replace(MOVE, status="post-migrating")])) == []


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
