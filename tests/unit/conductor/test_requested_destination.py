"""Whether there is the zone that a server is wanted in; zones are remembered for a moment."""

from typing import Any

import pytest

from novalike.conductor.servers import requested_destination
from novalike.conductor.servers.requested_destination import Destinations
from novalike.objects import errors
from novalike.objects.server import ServerRequest


class Zones:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.reads, self.names = 5000.0, 0, {"nova"}
        monkeypatch.setattr(requested_destination.time, "monotonic", lambda: self.now)

    def __call__(self) -> set[str]:
        self.reads += 1
        return set(self.names)


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch) -> Zones:
    return Zones(monkeypatch)


@pytest.fixture
def check(zones: Zones) -> Any:
    destinations = Destinations(None, zones)  # type: ignore[arg-type]
    return lambda zone, **more: destinations.check(
        ServerRequest(name="s", flavor_id="1", availability_zone=zone, **more)
    )


def test_on_a_machine_that_has_just_started_nothing_is_known_yet(zones: Zones, check: Any) -> None:
    zones.now = 0.5
    check("nova")
    assert zones.reads == 1


def test_a_crowd_of_requests_reads_the_zones_once(zones: Zones, check: Any) -> None:
    for _ in range(3):
        check("nova")
        check(None)
    assert zones.reads == 1
    zones.now += requested_destination._FRESH * 1.1
    check("nova")
    assert zones.reads == 2


def test_nobody_is_told_by_an_old_look_that_there_is_no_such_zone(zones: Zones, check: Any) -> None:
    check("nova")
    zones.names = {"nova", "new"}
    zones.now += requested_destination._FRESH_ENOUGH_TO_SAY_NO * 1.1
    check("new")
    with pytest.raises(errors.Invalid):
        check("none")
    assert zones.reads == 2, "what was just read will do for a no"


def test_a_zone_that_is_no_more_is_noticed(zones: Zones, check: Any) -> None:
    check("nova")
    zones.names = set()
    zones.now += requested_destination._FRESH * 1.1
    with pytest.raises(errors.Invalid):
        check("nova")


def test_an_administrator_who_forces_is_not_asked(zones: Zones, check: Any) -> None:
    check("none", force_host=True, host="h")
    assert zones.reads == 0
