"""Requests about flavors."""

from collections.abc import Iterator

from tests.oracle.compare import Ask

VERSIONS = ("2.1", "2.7", "2.54", "2.55", "2.60", "2.61", "2.74", "2.75", "2.86", "2.101", "2.102", "2.104")
MARK = "oracle-"
RIGHT = {"name": "oracle-a", "ram": 64, "vcpus": 1, "disk": 0, "id": "oracle-a"}

QUERIES = [
    "?minRam=64&minDisk=0", "?limit=0", "?limit=-1", "?limit=a", "?limit=", "?limit=1&limit=2", "?is_public=x",
    "?is_public=none&minRam=1000000000", "?is_public=false", "?is_public=0", "?minRam=x", "?minDisk=x", "?minDisk=",
    "?marker=oracle-nope", "?sort_key=x", "?sort_dir=x", "?sort_key=vcpu_weight", "?sort_key=rxtx_factor",
    "?sort_key=name&sort_dir=desc", "?sort_key=description&sort_dir=desc", "?unknown=1", "?unknown=1&other=2",
    "?name=oracle-a&is_public=none", "?name=^oracle-[ab]$", "?limit=1&name=oracle", "?limit=1&marker=oracle-a",
    "?limit=1&marker=oracle-a&sort_key=memory_mb&sort_dir=asc", "?is_public=none&sort_key=updated_at&limit=1",
]  # fmt: skip

WRONG = [
    None, [], {}, {"flavor": 1}, {"flavor": {}}, {"flavor": RIGHT, "x": 1}, {"flavor": {**RIGHT, "x": 1}},
    *[
        {"flavor": {**RIGHT, key: value}}
        for key, values in {
            "name": ["", " ", " x", "x\u0000", "\U0001f600", "a" * 256, 1, None, "a\u3000b", "\u3000b"],
            "id": ["", " ", "a b ", "é", "a" * 256, [], True, "a/b"],
            "ram": [0, "0", -1, "x", "", 1.5, 2**31, str(2**31), None, True],
            "vcpus": [0, "a"],
            "disk": [-1, "-1", "a", 2**31],
            "swap": [-1, "", 2**40],
            "OS-FLV-EXT-DATA:ephemeral": [-1, "x"],
            "rxtx_factor": [0, -1, "-1", "x", 3.5e38, [], None],
            "os-flavor-access:is_public": ["maybe", 2, None],
            "description": ["\u0000", 1, "a" * 65536],
        }.items()
        for value in values
    ],
]  # fmt: skip

SPECS = [
    None, {}, {"extra_specs": 1}, {"extra_specs": {}}, {"extra_specs": {"a/b": "1"}}, {"extra_specs": {"a": None}},
    {"extra_specs": {"a": True}}, {"extra_specs": {"a": "x" * 256}}, {"extra_specs": {"a": 10**300}},
    {"extra_specs": {"k" * 256: "1"}}, {"extra_specs": {"": "1"}},
    {"extra_specs": {"a": 1.5, "b": 7, "free:form": "x", "hw:numa_nodes": "1"}},
    *[
        {"extra_specs": {key: value}}
        for key, values in {
            "hw:cpu_policy": ["dedicated", "x"], "hw:nope": ["1"], "hw:numa_nodes": ["0", "1", "x"],
            "hw:numa_cpus.0": ["0-3", "x"], "hw:numa_mem.x": ["1"], "hw:mem_page_size": ["1GB", "huge", "large"],
            "hw:redirected_usb_ports": ["16", 15, "-1"], "hw:pmu": ["yes", "maybe"], "hw_rng:allowed": ["x", "True"],
            "hw:cpu_realtime_mask": ["^0-1", "a"], "hw_rng:x": ["1"], "hw_video:ram_max_mb": ["-1", "64"],
            "os:secure_boot": ["required", "x"], "os:x": ["1"], "quota:cpu_quota": ["-1", "a"],
            "quota:vif_shares_level": ["low", "x"], "quota:disk_io_limit": ["-1"], "quota:x": ["1"],
            "resources:VCPU": ["1", "a"], "resources1:CUSTOM_X": ["1"], "resources:custom": ["1"],
            "resources_G:NOPE": ["1"], "trait:HW_CPU_X86_AVX": ["required", "x"], "trait:CUSTOM_A": ["forbidden"],
            "trait1:NOPE": ["required"], "group_policy": ["isolate", "x"], "accel:device_profile": ["x"],
            "accel:x": ["1"], "pci_passthrough:alias": ["a:1", "a"], "capabilities:vcpus": ["1"],
            "capabilities:cpu_info:arch": ["x"], "capabilities:nope": ["x"], "vmware:x": ["1"],
            "aggregate_instance_extra_specs:k": ["v"], "hide_hypervisor_id": ["x", "on"], "w:x": ["1"],
            "aggregate_instance_extra_specs:": ["v"],
        }.items()
        for value in values
    ],
]  # fmt: skip


def requests() -> Iterator[Ask]:
    one = "/flavors/oracle-a"
    for version in VERSIONS:
        for who in ("demo", "admin"):
            yield Ask("POST", "/flavors", {"flavor": {**RIGHT, "ram": "64"}}, version, who)
        yield Ask("POST", "/flavors", {"flavor": RIGHT}, version)
        yield Ask("POST", "/flavors", {"flavor": {**RIGHT, "id": "oracle-b"}}, version)
        yield Ask("POST", "/flavors", {"flavor": {**RIGHT, "name": "oracle-b"}}, version)
        more = {
            "name": "oracle-p", "id": "oracle-p0", "swap": 5, "OS-FLV-EXT-DATA:ephemeral": "1",
            "os-flavor-access:is_public": "no", "description": "d",
        }  # fmt: skip
        if float(version[2:]) < 102:
            more["rxtx_factor"] = "2.5"
        if float(version[2:]) < 55:
            del more["description"]
        yield Ask("POST", "/flavors", {"flavor": {**RIGHT, **more}}, version)
        unnamed = {**RIGHT, **more, "name": "oracle-u", "id": None}
        yield Ask("POST", "/flavors", {"flavor": unnamed}, version, save={"unnamed": "flavor.id"})
        yield Ask("DELETE", "/flavors/{unnamed}", None, version)
        yield Ask("POST", "/flavors", {"flavor": {**RIGHT, "name": "oracle-n", "id": 77001}}, version)
        for who in ("demo", "admin"):
            for query in QUERIES:
                yield Ask("GET", f"/flavors{query}", None, version, who)
                yield Ask("GET", f"/flavors/detail{query}", None, version, who)
            for path in ("", "?x=1", "/os-extra_specs", "/os-extra_specs?x=1", "/os-flavor-access"):
                for flavor in ("oracle-a", "oracle-p0", "oracle-nope"):
                    yield Ask("GET", f"/flavors/{flavor}{path}", None, version, who)
            for body in ({"flavor": {"description": "x"}}, {"flavor": {}}, {"flavor": {"description": None}}):
                yield Ask("PUT", one, body, version, who)
            yield Ask("PUT", "/flavors/oracle-nope", {"flavor": {"description": "x"}}, version, who)
        for body in WRONG:
            yield Ask("POST", "/flavors", body, version)
        yield Ask("POST", "/flavors", None, version, raw="{")
        yield from _specs(version, one)
        yield from _access(version)
        for who in ("demo", "admin"):
            yield Ask("DELETE", one, None, version, who)
        yield Ask("DELETE", one, None, version)
        yield Ask("DELETE", "/flavors/oracle-p0", None, version)
        yield Ask("DELETE", "/flavors/77001", None, version)
    yield Ask("PATCH", one)
    yield Ask("GET", "/flavors/detail/x")


def _specs(version: str, one: str) -> Iterator[Ask]:
    for body in SPECS:
        yield Ask("POST", f"{one}/os-extra_specs", body, version)
    yield Ask("POST", f"{one}/os-extra_specs", SPECS[-1], version, "demo")
    yield Ask("POST", "/flavors/oracle-nope/os-extra_specs", {"extra_specs": {"a": "1"}}, version)
    for who in ("demo", "admin"):
        yield Ask("GET", f"{one}/os-extra_specs", None, version, who)
        for key in ("a", "b", "hw:numa_nodes", "free:form", "nope"):
            yield Ask("GET", f"{one}/os-extra_specs/{key}", None, version, who)
    for body in ({"b": "2"}, {"b": 2}, {}, {"b": "1", "c": "2"}, {"c": "1"}, {"b": [1]}, None):
        yield Ask("PUT", f"{one}/os-extra_specs/b", body, version)
    yield Ask("PUT", f"{one}/os-extra_specs/hw:cpu_policy", {"hw:cpu_policy": "wrong"}, version)
    yield Ask("GET", f"{one}?x=1", None, version)
    for who, key in (("demo", "a"), ("admin", "a"), ("admin", "a"), ("admin", "free:form")):
        yield Ask("DELETE", f"{one}/os-extra_specs/{key}", None, version, who)
    yield Ask("DELETE", "/flavors/oracle-nope/os-extra_specs/a", None, version)
    yield Ask("GET", one, None, version)


def _access(version: str) -> Iterator[Ask]:
    for key in ("addTenantAccess", "removeTenantAccess"):
        # The oracle names its database's row number when access is not (or already) there.
        words = ("message",)
        yield Ask("POST", "/flavors/oracle-a/action", {key: {"tenant": "{demo_project}"}}, version, ignore=words)
        for body in (
            {key: {"tenant": "nope"}}, {key: {"tenant": ""}}, {key: {}}, {key: 1}, {key: {"tenant": "x"}, "b": 1},
            {key: {"tenant": 5}}, {key: {"tenant": "x", "y": 1}}, {"nope": 1}, {},
        ):  # fmt: skip
            yield Ask("POST", "/flavors/oracle-p0/action", body, version, ignore=words if "nope" in str(body) else ())
        yield Ask("POST", "/flavors/oracle-nope/action", {key: {"tenant": "{demo_project}"}}, version)
        for who in ("demo", "admin"):
            change = {key: {"tenant": "{demo_project}"}}
            yield Ask("POST", "/flavors/oracle-p0/action", change, version, who, ignore=words)
            yield Ask("GET", "/flavors/oracle-p0/os-flavor-access", None, version, who)
            yield Ask("GET", "/flavors?is_public=none", None, version, "demo")
            yield Ask("GET", "/flavors/oracle-p0", None, version, "demo")
    removal = {"removeTenantAccess": {"tenant": "{demo_project}"}}
    yield Ask("POST", "/flavors/oracle-p0/action", removal, version, ignore=("message",))
