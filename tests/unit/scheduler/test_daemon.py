"""The daemon over a transport that encodes everything as the real one does, but sends nothing."""

import time

import pytest

from novalike.bus import wire
from novalike.bus.host_states import SchedulerReads
from novalike.bus.interface import methods
from novalike.bus.journal import Journal
from novalike.bus.scheduler import Scheduler
from novalike.bus.transport import Server, Transport
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.scheduler.daemon import SchedulerDaemon
from tests.unit.scheduler.cloud import Cloud, flavor, request


class Stopped(Server):
    def __init__(self):
        self.calls = []

    def stop(self):
        self.calls.append("stop")

    def wait(self):
        self.calls.append("wait")


class LoopTransport(Transport):
    """Calls the handlers that are served, in the caller's thread."""

    def __init__(self):
        self.handlers = {}
        self.server = Stopped()

    def call(self, interface, endpoint, method, ctx, payload, timeout):
        if interface not in self.handlers:
            raise errors.Unavailable(reason=f"no answer from {interface.topic} in time")
        handler = self.handlers[interface]
        return wire.answer(methods(interface)[method], getattr(handler, method), ctx.to_wire(), payload)

    def cast(self, interface, endpoint, method, ctx, payload):
        self.call(interface, endpoint, method, ctx, payload, None)

    def serve(self, offers, endpoint, pool_size):
        self.handlers.update(dict(offers))
        return self.server

    def close(self):
        pass


class Hearts:
    def __init__(self):
        self.beats = []

    def heartbeat(self, ctx, *, beat):
        self.beats.append(beat)


def eventually(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def cloud():
    return Cloud(2, scheduler__sync_interval=0.1)


@pytest.fixture
def transport():
    return LoopTransport()


@pytest.fixture
def daemon(cloud, transport, monkeypatch):
    monkeypatch.setattr("novalike.scheduler.snapshot_cache.RETRY_DELAY", 0.01)
    daemon = SchedulerDaemon(cloud.conf, transport, cloud.placement)
    daemon.start()
    yield daemon
    daemon.stop()
    daemon.wait()


def test_requests_are_answered_over_the_bus(cloud, transport, daemon):
    transport.handlers[SchedulerReads] = cloud.conductor
    client = transport.client(Scheduler)
    answer = client.select(admin_context(), request=request(3))
    assert len(answer.selections) == 3
    refused = client.select(admin_context(), request=request(flavor=flavor(memory_mb=10**6)))
    assert "MEMORY_MB" in refused.explain()
    assert client.ping(admin_context()).startswith(cloud.conf.host)
    cloud.placement.down = True
    with pytest.raises(errors.Unavailable, match="placement"):
        client.select(admin_context(), request=request())


def test_a_daemon_without_a_conductor_lives_and_finds_it_later(cloud, transport, daemon):
    assert daemon.health() == {"conductor": False, "placement": True}
    transport.handlers[SchedulerReads] = cloud.conductor
    transport.handlers[Journal] = hearts = Hearts()
    eventually(lambda: daemon.health()["conductor"])
    cloud.add("late")
    eventually(lambda: any(s.host == "late" for s in daemon._handler.snapshot_cache.current().by_uuid.values()))
    cloud.placement.down = True
    assert daemon.health()["placement"] is False
    assert all(beat.binary == "novalike-scheduler" for beat in hearts.beats)


def test_before_it_has_asked_the_conductor_does_not_count_as_there(cloud, transport):
    assert SchedulerDaemon(cloud.conf, transport, cloud.placement).health() == {"conductor": False, "placement": True}


@pytest.mark.parametrize("error", [errors.Unavailable(reason="away"), KeyError("a fault of ours")])
def test_a_look_at_the_hosts_that_fails_is_not_the_last_one(cloud, transport, daemon, monkeypatch, error):
    transport.handlers[SchedulerReads] = cloud.conductor
    eventually(lambda: daemon.health()["conductor"])
    refresh = daemon._handler.snapshot_cache.refresh

    def fail():
        raise error

    monkeypatch.setattr(daemon._handler.snapshot_cache, "refresh", fail)
    eventually(lambda: not daemon.health()["conductor"])
    monkeypatch.setattr(daemon._handler.snapshot_cache, "refresh", refresh)
    eventually(lambda: daemon.health()["conductor"])


def test_a_daemon_tells_that_it_lives(cloud, transport):
    transport.handlers[Journal] = hearts = Hearts()
    daemon = SchedulerDaemon(cloud.conf, transport, cloud.placement)
    daemon.start()
    eventually(lambda: hearts.beats)
    daemon.stop()
    daemon.wait()
    assert hearts.beats[0].hosts == (cloud.conf.host,)
    assert transport.server.calls == ["stop", "wait"]


def test_reload_takes_up_filters_and_survives_wrong_ones(cloud, transport, daemon):
    transport.handlers[SchedulerReads] = cloud.conductor
    client = transport.client(Scheduler)
    cloud.conf.set_override("enabled_filters", ["NoSuchFilter"], group="filter_scheduler")
    daemon.reload()
    assert client.select(admin_context(), request=request()).selections
    cloud.conf.set_override("enabled_filters", ["NumInstancesFilter"], group="filter_scheduler")
    cloud.conf.set_override("max_instances_per_host", 1, group="filter_scheduler")
    daemon.reload()
    assert client.select(admin_context(), request=request(3)).rejections
