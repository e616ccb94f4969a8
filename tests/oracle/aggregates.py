"""Requests about host aggregates and availability zones. Both sides have compute hosts fake01 and fake02."""

from collections.abc import Iterator
from typing import Any

from tests.oracle.compare import Ask

VERSIONS = ("2.1", "2.40", "2.41", "2.75", "2.101", "2.102", "2.104")
HOSTS = ("fake01", "fake02")
# Nova forgets when the metadata of an aggregate was changed.
CHANGED = ("updated_at", "id")

CREATES: list[Any] = [
    None, {}, {"aggregate": 1}, {"aggregate": {}}, {"aggregate": {"name": "oracle-x"}, "x": 1},
    {"aggregate": {"name": "oracle-x", "x": 1}},
    *[{"aggregate": {"name": name}} for name in ("", " ", " a", "a" * 256, 5, None)],
    *[{"aggregate": {"name": "oracle-x", "availability_zone": zone}} for zone in ("", " ", "a:b", " a", "z" * 256, 5)],
]  # fmt: skip
UPDATES: list[Any] = [
    None, {}, {"aggregate": {}}, {"aggregate": {"x": 1}}, {"aggregate": {"name": ""}}, {"aggregate": {"name": " "}},
    {"aggregate": {"name": "oracle-a"}}, {"aggregate": {"name": " oracle-c "}}, {"aggregate": {"name": "oracle-b"}},
    {"aggregate": {"availability_zone": None}}, {"aggregate": {"availability_zone": ""}},
    {"aggregate": {"availability_zone": "z:1"}}, {"aggregate": {"availability_zone": "zb"}},
]  # fmt: skip
METADATA: list[Any] = [
    None, {}, {"metadata": 1}, {"metadata": {}}, {"metadata": {"k": "v", "l": "w"}}, {"metadata": {"k": None}},
    {"metadata": {"k": None, "m": "x"}}, {"metadata": {"k/": "v"}}, {"metadata": {"k": 1}},
    {"metadata": {"k": "v" * 256}}, {"metadata": {"availability_zone": None}}, {"x": 1},
    {"metadata": {"availability_zone": ""}}, {"metadata": {"availability_zone": "zc"}},
    {"metadata": {"k": "v"}, "x": 1},
]  # fmt: skip


def requests() -> Iterator[Ask]:
    for version in VERSIONS:
        for who in ("demo", "admin"):
            for path in ("/os-availability-zone", "/os-availability-zone/detail", "/os-aggregates"):
                for query in ("", "?x=1"):
                    # The daemons that aren't computes are not the same.
                    if "detail" not in path or who == "demo":
                        yield Ask("GET", f"{path}{query}", None, version, who)
        yield Ask("POST", "/os-aggregates", {"aggregate": {"name": "oracle-a"}}, version, "demo")
        for name, zone, save in (("oracle-a", "za", "a"), ("oracle-b", None, "b")):
            asked = {"aggregate": {"name": name, "availability_zone": zone}}
            yield Ask("POST", "/os-aggregates", asked, version, save={save: "aggregate.id"}, ignore=CHANGED)
        for body in CREATES:
            yield Ask("POST", "/os-aggregates", body, version)
        yield from _hosts(version)
        for body in UPDATES:
            yield _update("{b}", body, version)
        yield _update("99999", UPDATES[-1], version)
        for body in METADATA:
            yield _act("{b}", "set_metadata", body, version)
        yield _act("{a}", "set_metadata", {"metadata": {"availability_zone": "zz"}}, version)
        for who in ("demo", "admin"):
            for path in ("/{a}", "/{b}", "/99999", "/x", "/1.5", "/-1", f"/{10**20}", "/{a}?x=1", "?x=1", ""):
                yield Ask("GET", f"/os-aggregates{path}", None, version, who, ignore=CHANGED)
            yield Ask("GET", "/os-availability-zone", None, version, who)
        for host in HOSTS:
            yield _act("{a}", "remove_host", {"host": host}, version)
            yield _act("{b}", "remove_host", {"host": host}, version)
        for who, path in (("demo", "{a}"), ("admin", "{a}"), ("admin", "{a}"), ("admin", "{b}"), ("admin", "x")):
            yield Ask("DELETE", f"/os-aggregates/{path}", None, version, who, ignore=("message",))
        yield Ask("GET", "/os-availability-zone", None, version)


def _act(aggregate: str, action: str, body: Any, version: str, who: str = "admin") -> Ask:
    hides = ("message", *CHANGED) if aggregate in ("{a}", "{b}") and action == "remove_host" else CHANGED
    return Ask("POST", f"/os-aggregates/{aggregate}/action", {action: body}, version, who, ignore=hides)


def _update(aggregate: str, body: Any, version: str) -> Ask:
    return Ask("PUT", f"/os-aggregates/{aggregate}", body, version, ignore=CHANGED)


def _hosts(version: str) -> Iterator[Ask]:
    for aggregate in ("{a}", "{b}", "99999", "x"):
        for host in ("fake01", "nope", "", "a b", 5, None):
            yield _act(aggregate, "remove_host", {"host": host}, version)
            yield _act(aggregate, "add_host", {"host": host}, version)
    yield _act("{a}", "add_host", {"host": "fake01"}, version)
    yield _act("{a}", "add_host", {"host": "fake02"}, version, "demo")
    yield _act("{a}", "add_host", {"host": "fake02", "x": 1}, version)
    yield Ask("DELETE", "/os-aggregates/{a}", None, version)
    # fake01 is in both now; b can't be of another zone than a.
    yield _update("{b}", {"aggregate": {"availability_zone": "zq"}}, version)
    yield _act("{b}", "set_metadata", {"metadata": {"availability_zone": "zq"}}, version)
    yield _act("{b}", "set_metadata", {"metadata": {"availability_zone": "za"}}, version)
    yield _act("{b}", "add_host", {"host": "fake02"}, version)
    yield Ask("GET", "/os-availability-zone", None, version)
