"""A request from question to claim."""

import threading
import time
from collections import Counter

import pytest

from novalike.clients.placement_types import Claim, ClaimConflict, single
from novalike.objects import errors
from novalike.objects.scheduling import EarlierClaim
from novalike.scheduler.candidate import new_candidate
from novalike.scheduler.request_filters import list_request_filters
from novalike.scheduler.resources import build_query
from tests.unit.scheduler.cloud import Cloud, flavor, node_uuid, report, request, server_uuids, state


def test_one_server_is_claimed_where_it_goes():
    cloud = Cloud(3)
    (selection,) = cloud.select(request()).selections
    assert selection.endpoint == f"endpoint-{selection.host}"
    assert selection.node_uuid == node_uuid(selection.host)
    allocation = cloud.placement.get_allocations(selection.instance_uuid)
    assert allocation.allocations[selection.node_uuid].resources == {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 10}
    assert (allocation.project_id, allocation.user_id) == ("project", "user")


def test_a_request_costs_placement_one_question_and_one_write():
    cloud = Cloud(5)
    cloud.placement.requests.clear()
    cloud.select(request(20))
    assert cloud.placement.requests == {"allocation_candidates": 1, "claim": 1}


def test_servers_are_spread_evenly():
    cloud = Cloud(10)
    assert set(Counter(cloud.hosts_of(request(30))).values()) == {3}


def test_a_negative_multiplier_stacks():
    stack = {f"{name}_weight_multiplier": -1.0 for name in ("ram", "cpu", "disk")}
    cloud = Cloud(10, **stack, io_ops_weight_multiplier=0.0)
    assert len(set(cloud.hosts_of(request(8)))) == 1


def test_a_later_request_sees_what_an_earlier_one_took():
    cloud = Cloud(4)
    assert sorted(cloud.hosts_of(request(instance_uuids=(uuid,)))[0] for uuid in server_uuids(4)) == [
        "host0", "host1", "host2", "host3",
    ]  # fmt: skip


def test_all_or_nothing():
    cloud = Cloud(2)
    answer = cloud.select(request(33))  # 16 fit on each: 8192 MiB / 512, 4 × 4 vCPUs; but 10 by disk
    assert not answer.selections
    assert cloud.placement.consumers == {}
    assert "there is room for 20 of 33 servers" in answer.explain()


def test_placement_not_there_is_unavailable_and_leaves_nothing():
    cloud = Cloud(2)
    cloud.placement.down = True
    with pytest.raises(errors.Unavailable):
        cloud.select(request())


def test_a_write_without_an_answer_is_left_to_whoever_asked():
    cloud = Cloud(2)
    placement = cloud.placement
    honest = placement.claim

    def claim_and_break(claims):
        honest(claims)
        raise errors.Unavailable(reason="the answer was lost")

    placement.claim = claim_and_break
    with pytest.raises(errors.Unavailable):
        cloud.select(request(3))
    placement.claim = honest
    with pytest.raises(errors.AlreadyClaimed):
        cloud.select(request(3))


def test_a_claim_of_another_try_is_not_touched():
    """It may have led to something: a server that is built there by now."""
    cloud = Cloud(2)
    asked = request(3)
    first = cloud.select(asked)
    with pytest.raises(errors.AlreadyClaimed):
        cloud.select(asked)
    assert {uuid: list(a.allocations) for uuid, a in cloud.placement.consumers.items()} == {
        s.instance_uuid: [s.node_uuid] for s in first.selections
    }


def earlier(cloud, asked):
    """What Placement has for the servers of a request."""
    found = {uuid: cloud.placement.get_allocations(uuid) for uuid in asked.instance_uuids}
    return {
        uuid: EarlierClaim(
            resources={provider: amounts.resources for provider, amounts in claim.allocations.items()},
            generation=claim.consumer_generation,
        )
        for uuid, claim in found.items()
        if claim.allocations
    }


def test_an_earlier_claim_is_kept_although_there_is_no_other_room():
    cloud = Cloud(0)
    cloud.add("only", report("only", local_gb=10))
    first = cloud.select(request())
    known = earlier(cloud, request())
    assert cloud.select(request(earlier=known)).selections == first.selections
    (claim,) = earlier(cloud, request()).values()
    assert claim.generation == 2  # whoever knows the old one can't touch it any more


def test_an_earlier_claim_on_a_host_that_is_excluded_is_overwritten():
    cloud = Cloud(3)
    (first,) = cloud.select(request()).selections
    known = earlier(cloud, request())
    (second,) = cloud.select(request(earlier=known, excluded_hosts=(first.host,))).selections
    assert second.host != first.host
    assert list(earlier(cloud, request())[second.instance_uuid].resources) == [second.node_uuid]


def test_an_earlier_claim_on_a_host_that_is_down_or_of_other_amounts_is_overwritten():
    cloud = Cloud(2)
    (first,) = cloud.select(request()).selections
    cloud.conductor.add(state(first.host, up=False))
    cloud.scheduler.snapshot_cache.refresh()
    (second,) = cloud.select(request(earlier=earlier(cloud, request()))).selections
    assert second.host != first.host
    bigger = request(flavor=flavor(memory_mb=1024))
    cloud.select(request(earlier=earlier(cloud, request()), flavor=bigger.flavor))
    (claim,) = earlier(cloud, request()).values()
    assert claim.resources[second.node_uuid]["MEMORY_MB"] == 1024


def test_of_many_those_with_a_claim_keep_it():
    cloud = Cloud(4)
    kept = cloud.select(request(2))
    answer = cloud.select(request(4, earlier=earlier(cloud, request(2))))
    assert set(kept.selections) <= set(answer.selections)
    assert len(cloud.placement.consumers) == 4


def test_a_claim_that_has_been_overwritten_meanwhile_is_not_touched():
    cloud = Cloud(3)
    cloud.select(request())
    known = earlier(cloud, request())
    second = cloud.select(request(earlier=known))
    with pytest.raises(errors.AlreadyClaimed):
        cloud.select(request(earlier=known))
    with pytest.raises(errors.AlreadyClaimed):
        cloud.select(request(earlier=known, excluded_hosts=(second.selections[0].host,)))
    assert [list(claim.resources) for claim in earlier(cloud, request()).values()] == [
        [s.node_uuid] for s in second.selections
    ]


def test_who_gives_up_takes_only_his_own_claims_away():
    """The first host's claim is won, the second's is lost for good; meanwhile somebody has overwritten the first."""
    cloud = Cloud(2)
    honest, winners = cloud.placement.claim, []

    def lose_one(claims):
        if len(claims) > 1 or winners:
            raise ClaimConflict(kind="capacity", reason="always")
        honest(claims)
        winners.append(claims[0])
        cloud.placement.claim = overwrite

    def overwrite(claims):
        cloud.placement.claim = lose
        (winner,) = winners
        honest([Claim(winner.consumer, winner.choice, "project", "user", generation=1)])
        raise ClaimConflict(kind="capacity", reason="always")

    def lose(claims):
        if all(claim.choice.allocations for claim in claims):
            raise ClaimConflict(kind="capacity", reason="always")
        honest(claims)

    cloud.placement.claim = lose_one
    assert not cloud.select(request(2)).selections
    assert [a.consumer_generation for a in cloud.placement.consumers.values()] == [2]


def test_a_failure_leaves_the_claim_of_another_try():
    cloud = Cloud(1)
    cloud.select(request())
    cloud.conductor.add(state("host0", up=False))
    cloud.scheduler.snapshot_cache.refresh()
    assert "ComputeFilter" in cloud.reasons(request())
    assert len(cloud.placement.consumers) == 1


def test_a_lost_race_goes_to_the_next_host():
    cloud = Cloud(0)
    cloud.add("big", report("big", memory_mb=2048, reserved_host_memory_mb=0))
    cloud.add("small", report("small", memory_mb=1024, reserved_host_memory_mb=0))
    (best,) = cloud.hosts_of(request(instance_uuids=("probe",)))
    cloud.placement.delete_allocations("probe")

    def steal(claims):
        cloud.placement.before_claim = None
        everything = single(node_uuid(best), {"MEMORY_MB": 2048})
        cloud.placement.claim([Claim("thief", everything, "p", "u")])

    cloud.placement.before_claim = steal
    assert cloud.hosts_of(request()) == ["small"]


def test_after_lost_races_winners_keep_their_hosts():
    cloud = Cloud(4)
    full: list[str] = []
    honest = cloud.placement.claim

    def picky(claims):
        hosts = {uuid for claim in claims for uuid in claim.choice.allocations}
        if len(hosts) > 1 or (node_uuid("host0") in hosts and full.append("x") is None and len(full) < 2):
            raise ClaimConflict(kind="capacity", reason="always when it is about several hosts")
        honest(claims)

    cloud.placement.claim = picky
    assert sorted(cloud.hosts_of(request(4))) == ["host0", "host1", "host2", "host3"]
    assert len(cloud.placement.consumers) == 4


def test_always_losing_is_a_rejection_and_leaves_nothing():
    cloud = Cloud(2)

    def lose(claims):
        raise ClaimConflict(kind="capacity", reason="somebody was faster")

    cloud.placement.claim = lose
    assert "faster" in cloud.reasons(request(2))["claim"]
    assert cloud.placement.consumers == {}


def _at_once(cloud, count, hold):
    """Single servers, asked for by as many threads; ``hold`` is called after each answer of Placement."""
    honest = cloud.placement.allocation_candidates

    def held(query):
        found = honest(query)
        hold()
        return found

    cloud.placement.allocation_candidates = held
    cloud.placement.requests.clear()
    chosen: list[str] = []
    threads = [
        threading.Thread(target=lambda uuid=uuid: chosen.extend(cloud.hosts_of(request(instance_uuids=(uuid,)))))
        for uuid in server_uuids(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(chosen) == count
    return chosen


def test_concurrent_requests_do_not_choose_the_same_host():
    cloud = Cloud(8)
    cloud.scheduler.snapshot_cache.refresh()
    assert len(set(_at_once(cloud, 8, lambda: time.sleep(0.02)))) == 8


def test_requests_with_answers_of_the_same_moment_do_not_choose_the_same_host():
    cloud = Cloud(2)
    cloud.scheduler.snapshot_cache.refresh()
    assert len(set(_at_once(cloud, 2, threading.Barrier(2).wait))) == 2


def test_equal_questions_at_a_time_are_asked_once():
    cloud = Cloud(8)
    cloud.scheduler.snapshot_cache.refresh()
    _at_once(cloud, 8, lambda: time.sleep(0.05))
    assert cloud.placement.requests["allocation_candidates"] <= 4


def test_room_that_a_claim_of_another_request_did_not_take_is_used():
    cloud = Cloud(0)
    cloud.add("only", report("only", local_gb=10))
    cloud.scheduler.snapshot_cache.refresh()
    honest = cloud.placement.claim
    first_choice_made, other_ended = threading.Event(), threading.Event()

    def claim(claims):
        if claims[0].consumer == "loser":
            first_choice_made.set()
            other_ended.wait(10)
            raise errors.Unavailable(reason="gone")
        honest(claims)

    def lose():
        with pytest.raises(errors.Unavailable):
            cloud.select(request(instance_uuids=("loser",)))

    cloud.placement.claim = claim
    thread = threading.Thread(target=lose)
    thread.start()
    assert first_choice_made.wait(10)
    assert cloud.hosts_of(request()) == ["only"]
    other_ended.set()
    thread.join(10)


def test_a_host_that_the_snapshot_does_not_know_yet_is_found():
    cloud = Cloud(1)
    filler = request(10)
    assert len(cloud.hosts_of(filler)) == 10
    cloud.add("new")
    assert cloud.hosts_of(request(instance_uuids=("late",))) == ["new"]


def test_a_truncated_answer_is_asked_for_in_full():
    cloud = Cloud(5, scheduler__max_placement_results=2)
    cloud.add("far", zone="moon")
    assert cloud.hosts_of(request(availability_zone="moon")) == ["far"]


def test_forced_to_a_host_that_does_not_exist():
    cloud = Cloud(2)
    assert "no such host" in cloud.reasons(request(host="nowhere", force_host=True))["requested host"]


def test_the_requested_host_is_the_only_one_asked_for():
    cloud = Cloud(5)
    asked, ask = [], cloud.placement.allocation_candidates
    cloud.placement.allocation_candidates = lambda query: asked.append(query.in_tree) or ask(query)
    assert cloud.hosts_of(request(3, host="host3")) == ["host3"] * 3
    assert cloud.hosts_of(request(node="host2", instance_uuids=("other",))) == ["host2"]
    assert asked == [node_uuid("host3"), node_uuid("host2")]
    assert cloud.hosts_of(request(host="host3", node="host2")) == []
    assert cloud.hosts_of(request(host="none")) == []
    assert len(asked) == 2, "there is nothing to ask for"


def test_a_host_of_several_nodes_is_asked_for_with_all_others():
    cloud = Cloud(2)
    for name in ("n1", "n2"):
        cloud.add(name, report(name, host="large"))
    assert cloud.hosts_of(request(3, host="large")) == ["large"] * 3


def test_forcing_skips_filters_but_not_claims():
    cloud = Cloud(1)
    cloud.add("silent", up=False)
    silent = request(host="silent")
    assert "not been heard" in cloud.reasons(silent)["ComputeFilter"]
    assert cloud.hosts_of(request(host="silent", force_host=True)) == ["silent"]
    too_big = request(host="silent", force_host=True, flavor=flavor(memory_mb=100_000))
    assert "MEMORY_MB" in cloud.reasons(too_big)["placement"]


def test_excluded_hosts_and_zones():
    cloud = Cloud(2)
    cloud.add("other", zone="z2")
    assert cloud.hosts_of(request(excluded_hosts=("host0", "other"))) == ["host1"]
    assert cloud.hosts_of(request(availability_zone="z2", instance_uuids=("b",))) == ["other"]
    assert "zone z3" in cloud.reasons(request(availability_zone="z3"))["availability zone"]


def test_a_disabled_host_is_not_chosen_and_the_rejection_says_why():
    cloud = Cloud(0)
    cloud.add("off", disabled=True)
    cloud.placement.set_disabled(node_uuid("off"), True)
    (rejection,) = cloud.select(request()).rejections
    assert (rejection.stage, rejection.reason, rejection.hosts) == ("placement", "the service is disabled", ("off",))


def test_every_host_is_accounted_for_in_a_failure():
    cloud = Cloud(3)
    cloud.add("silent", up=False)
    cloud.add("tiny", report("tiny", memory_mb=600))
    cloud.add("far", zone="moon")
    answer = cloud.select(request(availability_zone="nova", excluded_hosts=("host0", "host1", "host2")))
    counted = Counter(host for rejection in answer.rejections for host in rejection.hosts)
    assert counted == Counter(["host0", "host1", "host2", "silent", "tiny", "far"])


def test_no_host_at_all():
    assert "no compute host" in Cloud(0).reasons(request())["placement"]


def test_an_unknown_trait_is_explained():
    cloud = Cloud(1)
    cloud.placement.known_traits = {"COMPUTE_STATUS_DISABLED"}
    asked = request(flavor=flavor(extra_specs={"trait:CUSTOM_NEVER_SEEN": "required"}))
    assert "CUSTOM_NEVER_SEEN" in cloud.reasons(asked)["placement"]


def test_a_missing_trait_is_explained():
    cloud = Cloud(1)
    asked = request(flavor=flavor(extra_specs={"trait:CUSTOM_GOLD": "required"}))
    assert "lacks CUSTOM_GOLD" in cloud.reasons(asked)["placement"]


def test_an_extra_spec_that_can_not_be_is_explained():
    asked = request(flavor=flavor(extra_specs={"resources:VCPU": "many"}))
    assert "resources:VCPU=many" in Cloud(1).reasons(asked)["flavor"]


def test_failed_builds_weigh_more_than_room():
    cloud = Cloud(0)
    cloud.add("failing", report("failing", memory_mb=64_000), failed_builds=3)
    cloud.add("good")
    assert cloud.hosts_of(request()) == ["good"]


def test_providers_that_are_no_hosts_of_ours_are_ignored():
    cloud = Cloud(1)
    cloud.placement.add_provider(report("somebody elses", memory_mb=1_000_000))
    assert cloud.hosts_of(request()) == ["host0"]


def test_the_first_snapshot_is_waited_for(monkeypatch):
    cloud = Cloud(1)
    answers = [errors.Unavailable(reason="no conductor"), None]
    honest = cloud.conductor.inventory

    def inventory(ctx, *, known_version=None, changes=False):
        if answers and (trouble := answers.pop(0)):
            raise trouble
        return honest(ctx, known_version=known_version)

    monkeypatch.setattr("novalike.scheduler.snapshot_cache.RETRY_DELAY", 0.01)
    cloud.conductor.inventory = inventory
    assert cloud.hosts_of(request()) == ["host0"]


def test_of_requests_that_have_ended_only_the_answers_are_kept_that_may_be_used_again():
    cloud = Cloud(2)
    assert cloud.hosts_of(request(2))
    assert not cloud.hosts_of(request(flavor=flavor(memory_mb=10**6), instance_uuids=("big",)))
    selector = cloud.scheduler._selector
    assert selector._in_flight._readers == {each.reading.began for each in selector._candidate_cache._kept.values()}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"host": "host1"}, "host1 was asked for"), ({"node": "host1"}, "host1 was asked for"),
        ({"host": "host1", "node": "host1"}, "host1 node host1 was asked for"),
    ],
)
def test_a_host_that_was_not_asked_for_says_which_one_was(facts, reason):
    cloud = Cloud(2)
    cloud.scheduler.snapshot_cache.refresh()
    snapshot = cloud.scheduler.snapshot_cache.current()
    asked = request(**facts)
    ((stage, check),) = list_request_filters(cloud.conf, asked, snapshot, build_query(cloud.conf, asked))[:1]
    assert stage == "requested host"
    found = {each.host: check(new_candidate(each, {}, {})) for each in snapshot.by_uuid.values()}
    assert found == {"host0": reason, "host1": None}


def test_changes_are_seen_after_a_refresh():
    cloud = Cloud(2)
    cloud.select(request())
    cloud.conductor.add(state("host0", up=False))
    assert cloud.scheduler.snapshot_cache.refresh() is True
    assert cloud.scheduler.snapshot_cache.refresh() is False
    assert set(cloud.hosts_of(request(4, instance_uuids=server_uuids(4, "later")))) == {"host1"}


@pytest.mark.parametrize(
    ("option", "value"), [("enabled_filters", ["NoSuchFilter"]), ("weight_classes", ["nova.x.NoSuchWeigher"])]
)
def test_a_name_that_does_not_exist_stops_the_daemon(option, value):
    with pytest.raises(SystemExit, match=rf"\[filter_scheduler\] {option}.*NoSuch"):
        Cloud(1, **{option: value})
