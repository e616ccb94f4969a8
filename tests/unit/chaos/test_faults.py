"""Faults of the chaos run: drawn from a seed, and of every kind."""

from itertools import islice

from tests.chaos.faults import draw
from tests.chaos.targets import NEIGHBOURS, OURS, Program

PROGRAMS = [Program(kind, kind) for kind in (*OURS, *NEIGHBOURS, "broker", "database")]
LIBVIRT = [*PROGRAMS, Program("libvirtd", "hypervisor")]


def some(seed, programs=PROGRAMS, guests=False):
    return list(islice(draw(seed, programs, guests=guests), 400))


def test_a_seed_draws_the_same_faults():
    assert some("one") == some("one")
    assert some("one") != some("two")


def test_every_program_is_hit_as_it_may_be():
    drawn = {(fault.action, fault.program.kind) for fault in some("one", LIBVIRT, guests=True)}
    for kind in OURS:
        assert {action for action, hit in drawn if hit == kind} == {"kill", "kill worker", "terminate", "freeze"}
    for kind in NEIGHBOURS:
        assert {action for action, hit in drawn if hit == kind} == {"freeze"}
    for kind in ("broker", "database"):
        assert {action for action, hit in drawn if hit == kind} == {"stop", "kill and keep down"}
    assert {("kill", "hypervisor"), ("kill guest", "guest")} <= drawn


def test_guests_are_only_killed_where_they_are_processes():
    assert not {fault.program.kind for fault in some("one")} & {"guest", "hypervisor"}


def test_only_what_lasts_has_a_duration():
    for fault in some("one"):
        lasts = fault.action in ("freeze", "stop", "kill and keep down")
        assert (1.0 <= fault.seconds <= 6.0) if lasts else fault.seconds == 0.0
