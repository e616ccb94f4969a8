"""What is free on a host, by Placement, by what others take meanwhile, and after each server that is put there."""

from typing import Any

from novalike.clients.placement_types import Amounts, Choice, Summary, Use
from novalike.scheduler.candidate import Candidate, new_candidate
from tests.unit.scheduler.cloud import node_uuid, state

NODE, POOL = node_uuid("host"), node_uuid("pool")


def summary(**resources: tuple[int, int]) -> Summary:
    return Summary(resources={name: Use(*use) for name, use in resources.items()}, root_provider_uuid=NODE)


def choice(provider: str = NODE, **amounts: int) -> Choice:
    return Choice({provider: Amounts(amounts)})


def free(found: Candidate) -> tuple[Any, Any, Any]:
    return found.free_vcpus, found.free_memory_mb, found.free_disk_gb


WHOLE = {NODE: summary(VCPU=(16, 2), MEMORY_MB=(8192, 512), DISK_GB=(100, 10))}


def test_what_is_free_is_what_placement_says() -> None:
    assert free(new_candidate(state("host"), WHOLE, {})) == (14, 7680, 90)


def test_what_placement_does_not_say_the_host_does() -> None:
    host = state("host", vcpus_total=4, vcpus_used=3, free_memory_mb=100, free_disk_gb=7)
    assert free(new_candidate(host, {}, {})) == (13, 100, 7)
    assert free(new_candidate(host, {NODE: summary(VCPU=(16, 2))}, {})) == (14, 100, 7)


def test_what_others_are_claiming_is_not_free() -> None:
    taken = {NODE: {"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 20}}
    assert free(new_candidate(state("host"), WHOLE, taken)) == (12, 6656, 70)
    assert free(new_candidate(state("host"), WHOLE, {NODE: {"VCPU": 1}})) == (13, 7680, 90)
    assert free(new_candidate(state("host"), WHOLE, {POOL: {"VCPU": 1}})) == (14, 7680, 90)


def test_each_server_that_is_put_there_is_counted() -> None:
    host = new_candidate(state("host", num_instances=3, num_io_ops=1), WHOLE, {})
    for number in (1, 2):
        host.take(choice(VCPU=1, MEMORY_MB=512, DISK_GB=5))
        assert free(host) == (14 - number, 7680 - 512 * number, 90 - 5 * number)
        assert (host.num_instances, host.num_io_ops) == (3 + number, 1 + number)


def test_a_host_is_full_when_the_last_bit_of_anything_is_taken() -> None:
    small = choice(VCPU=1, MEMORY_MB=512)
    host = new_candidate(state("host"), {NODE: summary(VCPU=(2, 0), MEMORY_MB=(8192, 0))}, {}, small)
    for _ in range(2):
        assert host.fitting() is small
        host.take(small)
    assert host.fitting() is None


def test_another_way_is_taken_when_the_first_one_has_no_room() -> None:
    own, shared = choice(NODE, DISK_GB=10), choice(POOL, DISK_GB=10)
    summaries = {NODE: summary(DISK_GB=(15, 0)), POOL: summary(DISK_GB=(10, 0))}
    host = new_candidate(state("host"), summaries, {}, own)
    host.other_choices = (shared,)
    for expected in (own, shared):
        assert host.fitting() is expected
        host.take(expected)
    assert host.fitting() is None
