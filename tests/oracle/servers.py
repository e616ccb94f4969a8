"""Requests that create, look at, change and delete servers.

Names that are expected to be there: flavor ``oracle-s`` (made here), an image ``tiny``, a network ``private``.
"""
# ruff: noqa: E501 - tables read better with a case in a line

import os
from collections.abc import Iterator
from typing import Any

from tests.oracle.compare import Ask

SHOWN = ("2.1", "2.3", "2.8", "2.9", "2.16", "2.19", "2.26", "2.47", "2.63", "2.69", "2.71", "2.73", "2.75", "2.90",
         "2.96", "2.98", "2.100", "2.101", "2.102", "2.103", "2.104")  # fmt: skip
# What differs because the hosts do.
PLACE = ("hostId", "OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hypervisor_hostname", "OS-EXT-SRV-ATTR:instance_name",
         "OS-EXT-SRV-ATTR:reservation_id", "OS-EXT-SRV-ATTR:root_device_name", "adminPass", "OS-EXT-IPS-MAC:mac_addr", "addr")  # fmt: skip
FLAVOR = {"flavor": {"id": "oracle-s", "name": "oracle-s", "ram": 64, "vcpus": 1, "disk": 1}}
NOTHING = "00000000-0000-4000-8000-000000000000"


def image() -> str:
    """The image's id."""
    return os.environ["ORACLE_IMAGE"]


def network() -> str:
    """The network's id."""
    return os.environ["ORACLE_NETWORK"]


def server(**more: Any) -> dict[str, Any]:
    """A body that is right since 2.37, apart from what is given. A value of ``...`` takes a property away."""
    body = {"name": "oracle-a", "imageRef": image(), "flavorRef": "oracle-s", "networks": "none", **more}
    return {"server": {key: value for key, value in body.items() if value is not ...}}


def make(name: str, version: str = "2.37", who: str = "demo", **more: Any) -> Iterator[Ask]:
    """A server that becomes active; its id is remembered under ``name``."""
    yield Ask("POST", "/servers", server(name=f"oracle-{name}", **more), version, who,
              save={name: "server.id"}, ignore=PLACE)  # fmt: skip
    yield Ask("GET", f"/servers/{{{name}}}", None, "2.1", who, ignore=PLACE, until=("server.status", "ACTIVE"))


def unmake(name: str, who: str = "demo") -> Iterator[Ask]:
    """And away with it."""
    yield Ask("DELETE", f"/servers/{{{name}}}", None, "2.1", who)
    yield Ask("GET", f"/servers/{{{name}}}", None, "2.1", who, until=("status", 404))


def look(name: str) -> Iterator[Ask]:
    """Show it in every way."""
    for version in SHOWN:
        for who in ("admin", "demo"):
            yield Ask("GET", f"/servers/{{{name}}}", None, version, who, ignore=PLACE)
            yield Ask("GET", "/servers/detail?name=oracle-", None, version, who, ignore=PLACE)
            yield Ask("GET", "/servers?name=oracle-", None, version, who)
            yield Ask("PUT", f"/servers/{{{name}}}", {"server": {"accessIPv4": "1.2.3.4"}}, version, who, ignore=PLACE)


def requests() -> Iterator[Ask]:
    """Shows and updates."""
    yield Ask("POST", "/flavors", FLAVOR)
    yield from make("plain")
    yield from look("plain")
    yield from unmake("plain")
    yield from make("full", "2.90", networks=[{"uuid": network()}], metadata={"a": "b"}, description="what",
                    tags=["x", "a"], user_data="aGVsbG8=", config_drive=True, hostname="guest", accessIPv6="fe80::1",
                    availability_zone="nova", **{"OS-DCF:diskConfig": "AUTO"})  # fmt: skip
    yield from look("full")
    yield from updates("full")
    yield from sub("full")
    yield from odd("full")
    yield from power("full")
    yield from unmake("full")
    yield Ask("DELETE", "/servers/{full}", None, "2.1", "demo")
    yield Ask("DELETE", f"/servers/{NOTHING}", None, "2.1", "demo")
    yield Ask("DELETE", "/servers/nope", None, "2.1", "demo")


def updates(name: str) -> Iterator[Ask]:
    """PUT with each property, right and wrong."""
    path = f"/servers/{{{name}}}"
    for version in ("2.1", "2.19", "2.90", "2.94", "2.104"):
        for body in (
            None, [], {}, {"server": 1}, {"server": {}}, {"server": {"x": 1}}, {"server": {}, "x": 1},
            *[
                {"server": {key: value}}
                for key, values in {
                    "name": ["", " ", " x", "x ", "oracle-n", "a" * 256, 1, None, "a\u0000b", "é", "\U0001f600"],
                    "description": ["", None, "x" * 255, "x" * 256, 1, "a\nb", " d "],
                    "hostname": ["", "a", "ab", "a_b", "-ab", "a.b.c", "a" * 63, "a" * 64, "a" * 255, "a" * 256, None],
                    "accessIPv4": ["", "1.2.3.4", "1.2.3", None, "fe80::1", 1, "001.2.3.4"],
                    "accessIPv6": ["", "1.2.3.4", None, "fe80::1", "fe80:0:0::0001", "x", 1],
                    "OS-DCF:diskConfig": ["AUTO", "MANUAL", "auto", None, ""],
                    "pinned_availability_zone": ["", "nova", "other", None, 1, "a" * 256],
                }.items()
                for value in values
            ],
        ):  # fmt: skip
            yield Ask("PUT", path, body, version, "demo", ignore=PLACE)
    yield Ask("PUT", f"/servers/{NOTHING}", {"server": {"name": "x"}}, "2.1", "demo")
    yield Ask("PUT", f"{path}?x=1", {"server": {"name": "oracle-full"}}, "2.104", "demo", ignore=PLACE)


def sub(name: str) -> Iterator[Ask]:
    """Addresses, metadata, tags."""
    path, none = f"/servers/{{{name}}}", f"/servers/{NOTHING}"
    for version in ("2.1", "2.25", "2.26", "2.101", "2.102", "2.104"):
        for query in ("", "?x=1"):
            for end in ("/ips", "/ips/private", "/ips/nope", "/metadata", "/metadata/a", "/metadata/nope", "/tags",
                        "/tags/x", "/tags/nope", "/tags/a,b", f"/tags/{'a' * 61}"):  # fmt: skip
                yield Ask("GET", f"{path}{end}{query}", None, version, "demo", ignore=("addr",))
                yield Ask("GET", f"{none}{end}{query}", None, version, "demo")
    for version in ("2.1", "2.104"):
        for body in (
            None, {}, {"metadata": 1}, {"metadata": {}}, {"metadata": {"k": 1}}, {"metadata": {"": "x"}},
            {"metadata": {"k" * 255: "v" * 255}}, {"metadata": {"k" * 256: "v"}}, {"metadata": {"k": "v" * 256}},
            {"metadata": {"k": None}}, {"metadata": {"a/b": "c"}}, {"metadata": {"é": "c"}}, {"metadata": {}, "x": 1},
            {"metadata": {f"k{n}": "v" for n in range(129)}}, {"metadata": {"a": "1", "b": "é"}}, {"meta": {"a": "b"}},
        ):  # fmt: skip
            yield Ask("POST", f"{path}/metadata", body, version, "demo")
            yield Ask("PUT", f"{path}/metadata", body, version, "demo")
            yield Ask("POST", f"{none}/metadata", body, version, "demo")
        for body in (
            None, {}, {"meta": {}}, {"meta": {"a": "b"}}, {"meta": {"a": "b", "c": "d"}}, {"meta": {"other": "b"}},
            {"meta": {"a": None}}, {"metadata": {"a": "b"}}, {"meta": {"a": "x" * 256}}, {"meta": {"a": "b"}, "x": 1},
        ):  # fmt: skip
            yield Ask("PUT", f"{path}/metadata/a", body, version, "demo")
        yield Ask("PUT", f"{none}/metadata/a", {"meta": {"a": "b"}}, version, "demo")
        yield Ask("PUT", f"{path}/metadata/{'k' * 256}", {"meta": {"k" * 256: "b"}}, version, "demo")
        yield Ask("DELETE", f"{path}/metadata/a", None, version, "demo")
        yield Ask("DELETE", f"{path}/metadata/a", None, version, "demo")
        yield Ask("DELETE", f"{none}/metadata/a", None, version, "demo")
        yield Ask("DELETE", f"{path}/metadata", None, version, "demo")
        yield Ask("POST", f"{path}/metadata/a", {"meta": {"a": "b"}}, version, "demo")
    for version in ("2.25", "2.26", "2.104"):
        for body in (
            None, {}, {"tags": 1}, {"tags": []}, {"tags": ["x", "x"]}, {"tags": ["a,b"]}, {"tags": ["a/b"]},
            {"tags": [""]}, {"tags": ["é"]}, {"tags": ["a" * 60]}, {"tags": ["a" * 61]}, {"tags": [1]},
            {"tags": [f"t{n}" for n in range(51)]}, {"tags": [f"t{n}" for n in range(50)]}, {"tags": ["a"], "x": 1},
        ):  # fmt: skip
            yield Ask("PUT", f"{path}/tags", body, version, "demo")
        yield Ask("PUT", f"{path}/tags", {"tags": [f"t{n}" for n in range(50)]}, version, "demo")
        yield Ask("PUT", f"{path}/tags/more", None, version, "demo")
        yield Ask("PUT", f"{path}/tags/t1", None, version, "demo")
        yield Ask("DELETE", f"{path}/tags/t1", None, version, "demo")
        yield Ask("DELETE", f"{path}/tags/t1", None, version, "demo")
        for tag in ("new", "new", "a,b", "a%2Fb", "a" * 61, "%C3%A9", "a%20b"):
            yield Ask("PUT", f"{path}/tags/{tag}", None, version, "demo")
        yield Ask("PUT", f"{path}/tags/body", {"x": 1}, version, "demo")
        yield Ask("DELETE", f"{path}/tags", None, version, "demo")
        yield Ask("DELETE", f"{path}/tags", None, version, "demo")
        yield Ask("GET", f"{path}/tags", None, version, "demo")
        for method, end in (("PUT", "/tags/a"), ("DELETE", "/tags/a"), ("DELETE", "/tags"), ("GET", "/tags")):
            yield Ask(method, f"{none}{end}", None, version, "demo")


def odd(name: str) -> Iterator[Ask]:
    """Methods, paths, bodies and headers that are none."""
    path = f"/servers/{{{name}}}"
    for root in ("/v2.1", "/v2", "/v2.1/{demo_project}", "/v2.1/{admin_project}", "/v2.1/nope", "/v3", ""):
        for end in ("/servers?name=oracle-", path, "/servers/detail?name=oracle-", "/servers/", f"{path}/",
                    f"{path}/nope", f"{path}/ips/", f"{path}/action"):  # fmt: skip
            yield Ask("GET", root.removeprefix("/v2.1") + end if root.startswith("/v2.1") else end, None, "2.1", "demo",
                      ignore=PLACE, root="/v2.1" if root.startswith("/v2.1") else root)  # fmt: skip
    for method in ("HEAD", "OPTIONS", "PATCH", "PUT", "DELETE", "POST", "NOPE"):
        for end in ("/servers", "/servers/detail", path + "/ips", path + "/action", path + "/metadata/k",
                    path + "/tags/k"):  # fmt: skip
            yield Ask(method, end, None, "2.90", "demo")
    yield Ask("HEAD", path, None, "2.1", "demo")
    for raw in ("", "{", "[]", "null", "1", '"x"', '{"server": {}, "server": {}}', "{}", "\ufeff{}", '{"a": NaN}',
                '{"server": ' + "[" * 2000, "name=x", '{"reboot": {"type": "SOFT"}, "os-stop": null}'):  # fmt: skip
        for method, end in (("POST", "/servers"), ("PUT", path), ("POST", f"{path}/action"), ("PUT", f"{path}/tags"),
                            ("POST", f"{path}/metadata")):  # fmt: skip
            yield Ask(method, end, None, "2.90", "demo", raw=raw)
    for kind in (None, "", "application/xml", "text/plain", "application/json; charset=utf-8", "text/html",
                 "application/vnd.openstack.compute+json", "APPLICATION/JSON", "multipart/form-data"):  # fmt: skip
        yield Ask("PUT", path, {"server": {"name": "oracle-full"}}, "2.1", "demo", ignore=PLACE,
                  headers={"Content-Type": kind})  # fmt: skip
        yield Ask("PUT", path, None, "2.1", "demo", raw="", headers={"Content-Type": kind})
    for kind in ("application/xml", "text/html", "*/*", "application/vnd.openstack.compute+json", "text/plain"):
        yield Ask("GET", path, None, "2.1", "demo", headers={"Accept": kind}, ignore=PLACE)
    for version in ("2.0", "2.105", "3.0", "x", "2", "2.01", "latest", "", "2.1 ", "1.1", "2.1.1"):
        yield Ask("GET", path, None, version, "demo", ignore=PLACE)
        yield Ask("GET", path, None, "2.1", "demo", ignore=PLACE,
                  headers={"OpenStack-API-Version": None, "X-OpenStack-Nova-API-Version": version})  # fmt: skip
    yield Ask("GET", path, None, "2.1", "demo", ignore=PLACE, headers={"OpenStack-API-Version": "volume 3.0"})
    yield Ask("GET", path, None, "2.1", "demo", ignore=PLACE, headers={"OpenStack-API-Version": None})
    yield Ask("PUT", path, None, "2.1", "demo", raw=" " * 120_000)
    yield Ask("PUT", path, {"server": {"name": "x" * 110_000}}, "2.1", "demo")


def power(name: str) -> Iterator[Ask]:
    """Actions, in right and wrong states."""
    path = f"/servers/{{{name}}}"
    act = f"{path}/action"
    for body in (
        None, {}, [], {"nope": None}, {"os-start": None, "os-stop": None}, {"reboot": {}}, {"reboot": None},
        {"reboot": {"type": "x"}}, {"reboot": {"type": None}}, {"reboot": {"type": "SOFT", "x": 1}},
        {"reboot": "SOFT"}, {"os-start": None, "x": 1}, {"os-start": {}}, {"os-start": {"x": 1}},
    ):  # fmt: skip
        for version in ("2.1", "2.104"):
            yield Ask("POST", act, body, version, "demo")
    yield Ask("POST", f"{act}?x=1", {"os-start": None}, "2.104", "demo")
    for body in ({"os-start": None}, {"os-stop": None}, {"reboot": {"type": "SOFT"}}, {"reboot": {"type": "hard"}}):
        yield Ask("POST", f"/servers/{NOTHING}/action", body, "2.1", "demo")
        yield Ask("POST", "/servers/nope/action", body, "2.1", "demo")
    settled = Ask("GET", path, None, "2.1", "demo", ignore=PLACE, until=("server.OS-EXT-STS:task_state", None))
    for body in ({"os-stop": None}, {"os-stop": None}, {"reboot": {"type": "SOFT"}}, {"os-start": None},
                 {"reboot": {"type": "SOFT"}}, {"reboot": {"type": "HARD"}}, {"os-stop": {"a": 1}},
                 {"reboot": {"type": "HARD"}}):  # fmt: skip
        yield Ask("POST", act, body, "2.1", "demo")
        yield settled
        for version in ("2.1", "2.104"):
            yield Ask("GET", path, None, version, "admin", ignore=PLACE)
