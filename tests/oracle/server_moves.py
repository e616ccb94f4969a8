"""Requests that resize and migrate servers: what may be said, what is refused, what a server looks like meanwhile.

What names are expected to be there is said in ``tests.oracle.servers``. Both clouds need two hosts, or one that may
take what is resized on it.
"""

from collections.abc import Iterator
from typing import Any

from tests.oracle.compare import Ask
from tests.oracle.servers import FLAVOR, NOTHING, PLACE, make, unmake

LARGER = {"flavor": {"id": "oracle-l", "name": "oracle-l", "ram": 128, "vcpus": 2, "disk": 2}}
SMALLER = {"flavor": {"id": "oracle-0", "name": "oracle-0", "ram": 64, "vcpus": 1, "disk": 0}}
VERSIONS = ("2.1", "2.55", "2.56", "2.104")

BODIES: tuple[Any, ...] = (
    {"resize": None}, {"resize": {}}, {"resize": 1}, {"resize": {"flavorRef": ""}}, {"resize": {"flavorRef": None}},
    {"resize": {"flavorRef": ["oracle-l"]}}, {"resize": {"flavorRef": 4711}}, {"resize": {"flavorRef": "nope"}},
    {"resize": {"flavorRef": "x/oracle-l"}}, {"resize": {"flavorRef": "oracle-s"}},
    {"resize": {"flavorRef": "oracle-0"}},
    {"resize": {"flavorRef": "oracle-l", "OS-DCF:diskConfig": "auto"}},
    {"resize": {"flavorRef": "oracle-l", "OS-DCF:diskConfig": None}},
    {"resize": {"flavorRef": "oracle-l", "more": 1}}, {"resize": {"flavorRef": "oracle-l"}, "more": 1},
    {"confirmResize": None}, {"confirmResize": {"more": 1}}, {"confirmResize": None, "more": 1},
    {"revertResize": None}, {"revertResize": "x"},
    {"migrate": {"host": "no-such-host"}}, {"migrate": {"host": ""}}, {"migrate": {"host": 1}},
    {"migrate": {"host": "a/b"}}, {"migrate": {"host": "h" * 256}}, {"migrate": {"host": "h", "more": 1}},
)  # fmt: skip


def requests() -> Iterator[Ask]:
    for flavor in (FLAVOR, LARGER, SMALLER):
        yield Ask("POST", "/flavors", flavor)
    yield from make("moved", **{"OS-DCF:diskConfig": "AUTO"})
    yield from refused("moved")
    yield from unconfirmed("moved")
    yield from unmake("moved")
    for flavor in (LARGER, SMALLER):
        yield Ask("DELETE", f"/flavors/{flavor['flavor']['id']}")


def refused(name: str) -> Iterator[Ask]:
    """What nothing comes of, of an active server and of none."""
    act = f"/servers/{{{name}}}/action"
    for version in VERSIONS:
        for body in BODIES:
            for who in ("demo", "admin"):
                # Before 2.56 nobody reads what is in it, and an administrator's would be done.
                if who == "demo" or "migrate" not in body or version not in ("2.1", "2.55"):
                    yield Ask("POST", act, body, version, who)
        for body in ({"resize": {"flavorRef": "oracle-l"}}, {"confirmResize": None}, {"revertResize": None},
                     {"migrate": None}, {"migrate": {}}):  # fmt: skip
            yield Ask("POST", f"/servers/{NOTHING}/action", body, version, "demo")


def unconfirmed(name: str) -> Iterator[Ask]:
    """Resize a server, look at it and try what can be tried, revert, and once more."""
    path = f"/servers/{{{name}}}"
    act = f"{path}/action"
    for end, wanted in (("revertResize", "MANUAL"), ("confirmResize", "AUTO")):
        yield Ask("POST", act, {"resize": {"flavorRef": "oracle-l", "OS-DCF:diskConfig": wanted}}, "2.1", "demo")
        yield Ask("GET", path, None, "2.1", "demo", ignore=PLACE, until=("server.status", "VERIFY_RESIZE"))
        for version in VERSIONS:
            yield Ask("GET", path, None, version, "admin", ignore=PLACE)
            for status in ("VERIFY_RESIZE", "RESIZE", "REVERT_RESIZE", "ACTIVE"):
                yield Ask("GET", f"/servers?name=oracle-&status={status}", None, version, "demo")
        for body in (
            {"os-start": None}, {"os-stop": None}, {"reboot": {"type": "SOFT"}}, {"reboot": {"type": "HARD"}},
            {"resize": {"flavorRef": "oracle-s"}}, {"resize": {"flavorRef": "nope"}}, {"migrate": None},
        ):  # fmt: skip
            yield Ask("POST", act, body, "2.104", "admin")
        for method, where, body in (
            ("PUT", "", {"server": {"name": "oracle-moved"}}), ("POST", "/metadata", {"metadata": {"a": "b"}}),
            ("PUT", "/metadata", {"metadata": {}}), ("PUT", "/metadata/a", {"meta": {"a": "b"}}),
            ("DELETE", "/metadata/a", None), ("PUT", "/tags", {"tags": ["x"]}), ("PUT", "/tags/x", None),
            ("DELETE", "/tags/x", None), ("DELETE", "/tags", None), ("GET", "/tags", None), ("GET", "/ips", None),
        ):  # fmt: skip
            yield Ask(method, f"{path}{where}", body, "2.104", "demo", ignore=PLACE)
        yield Ask("POST", act, {end: None}, "2.1", "demo")
        yield Ask("GET", path, None, "2.104", "demo", ignore=PLACE, until=("server.status", "ACTIVE"))
    yield Ask("POST", act, {"confirmResize": None}, "2.1", "demo")
    yield Ask("GET", f"{path}/os-instance-actions", None, "2.1", "demo", ignore=("request_id",))
