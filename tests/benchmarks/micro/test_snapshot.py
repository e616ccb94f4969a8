"""The scheduler's view of ten thousand hosts: taken whole, and kept current when one of them changes."""

from typing import Any

import msgspec
import pytest

from novalike.objects.host import HostStates
from novalike.scheduler import snapshot as snapshots
from tests.benchmarks.micro import hosts


@pytest.fixture
def whole() -> bytes:
    return msgspec.json.encode(HostStates(version="1", hosts=hosts.states()))


def test_take_all_hosts(benchmark: Any, whole: bytes) -> None:
    decoder = msgspec.json.Decoder(HostStates)
    snapshot = benchmark(lambda: snapshots.take(decoder.decode(whole)))
    assert len(snapshot.by_uuid) == len(snapshot.by_host) == hosts.COUNT
    assert len(snapshot.aggregates) == 5
    assert len(snapshot.multipliers) == hosts.COUNT // 10


def test_apply_a_changed_host(benchmark: Any, whole: bytes) -> None:
    before = snapshots.take(msgspec.json.decode(whole, type=HostStates))
    changed = hosts.state(42, num_instances=99)
    news = msgspec.json.encode(HostStates(version="2", hosts=(changed,), whole=False))
    decoder = msgspec.json.Decoder(HostStates)
    after = benchmark(lambda: snapshots.update(before, decoder.decode(news)))
    assert after.version == "2"
    assert after.by_uuid[changed.uuid].num_instances == 99
    assert [state.num_instances for state in after.by_host[changed.host]] == [99]
    assert before.by_uuid[changed.uuid].num_instances != 99
    assert len(after.by_uuid) == hosts.COUNT
