"""Requests that create servers with everything that can be right or wrong. What was made is deleted at the end."""
# ruff: noqa: E501 - tables read better with a case in a line

from collections.abc import Iterator
from typing import Any

from tests.oracle.compare import Ask
from tests.oracle.servers import FLAVOR, NOTHING, PLACE, image, network, server

Json = dict[str, Any]

_LONG = "x" * 1_000_000
_BDM = {"source_type": "image", "destination_type": "local", "boot_index": 0, "delete_on_termination": True}


def _values() -> dict[str, list[Any]]:
    """Property → values, most of them wrong."""
    bools = ["maybe", 2, None, "", [], 1, 0]
    counts = [0, "0", -1, "x", "", 1.5, None, True, "1"]
    own = {"uuid": network()}
    return {
        "name": ["", " ", " x", "x ", "a" * 255, "a" * 256, 1, None, ..., "a\u0000b", "é", "\U0001f600", [], "...", _LONG],
        "imageRef": ["", None, ..., 1, "nope", NOTHING, image().upper(), f"http://x/images/{image()}", image() + " "],
        "flavorRef": ["", None, ..., 1, 424242, "nope", "http://x/flavors/oracle-s", "http://x/oracle-s/", "oracle-s/",
                      "oracle-off", "oracle-zero", "oracle-small", "oracle-private", {}],
        "adminPass": ["", None, 1, "p" * 10_000, "é"],
        "metadata": [None, [], {"k": 1}, {"": "v"}, {"k" * 256: "v"}, {"k": "v" * 256}, {"k": None}, {"a/b": "c"},
                     {f"k{n}": "v" for n in range(129)}, {"k": "é"}, {}],
        "networks": [None, {}, [], "x", "", ["x"], [{}], [{"x": 1}], [{"uuid": "nope"}], [{"uuid": NOTHING}],
                     [{"port": NOTHING}], [{"port": None}], [{"port": "nope"}], [{"fixed_ip": "10.0.0.9"}],
                     [{**own, "fixed_ip": "10.99.99.9"}], [{**own, "fixed_ip": "x"}], [{**own, "port": NOTHING}],
                     [{"port": NOTHING, "fixed_ip": "10.0.0.9"}], [{"port": NOTHING}, {"port": NOTHING}],
                     [{**own, "tag": "t"}], [{**own, "tag": "a,b"}], [{**own, "x": 1}], [{"uuid": None}], [{**own, "tag": ""}]],
        "OS-DCF:diskConfig": ["auto", None, "", 1],
        "accessIPv4": ["", None, "fe80::1", "1.2.3", 1],
        "accessIPv6": ["", None, "1.2.3.4", "x"],
        "personality": [[], None, [{}], [{"path": "/x"}], [{"contents": "x"}], [{"path": "/x", "contents": "é"}], "x"],
        "availability_zone": ["", None, " ", "nope", "nova:", "nova:nope", "nova:a:b", "nova:a:b:c", "::x", ":x", "nova::x",
                              "a" * 256, 1, " nova", "internal"],
        "block_device_mapping": [None, {}, [], [{}], [{"device_name": "vda"}], [{"volume_id": "x"}],
                                 [{"volume_id": NOTHING, "delete_on_termination": "maybe"}], [{"x": 1}],
                                 [{"device_name": "a b", "volume_id": NOTHING}], [{"volume_id": NOTHING, "volume_size": 0}]],
        "block_device_mapping_v2": [
            None, {}, [], [{}], [{"uuid": image()}], [{"x": 1}], [{**_BDM}], [{**_BDM, "uuid": image()}],
            [{**_BDM, "uuid": NOTHING}], [{**_BDM, "uuid": image(), "boot_index": 1}],
            [{**_BDM, "uuid": image(), "boot_index": None}], [{**_BDM, "uuid": image(), "boot_index": "0"}],
            [{**_BDM, "uuid": image(), "boot_index": "x"}], [{**_BDM, "uuid": image(), "boot_index": -1}],
            [{**_BDM, "uuid": image()}, {**_BDM, "uuid": image()}],
            [{**_BDM, "uuid": image()}, {"source_type": "blank", "destination_type": "local", "boot_index": 5}],
            [{**_BDM, "uuid": image()}, {"source_type": "blank", "destination_type": "local", "boot_index": -1}],
            [{**_BDM, "uuid": image()},
             {"source_type": "blank", "destination_type": "local", "boot_index": -1, "guest_format": "swap",
              "volume_size": 1}],
            [{**_BDM, "uuid": image()},
             {"source_type": "blank", "destination_type": "local", "boot_index": -1, "volume_size": 1}],
            [{"source_type": "blank", "uuid": NOTHING, "destination_type": "local"}],
            [{"source_type": "nope", "uuid": NOTHING}], [{**_BDM, "uuid": image(), "disk_bus": "nope"}],
            [{**_BDM, "uuid": image(), "disk_bus": "virtio"}], [{**_BDM, "uuid": image(), "volume_type": "x"}],
            [{**_BDM, "uuid": image(), "tag": "t"}], [{**_BDM, "uuid": image(), "volume_size": 0}],
            [{**_BDM, "uuid": image(), "volume_size": "1"}], [{**_BDM, "uuid": image(), "device_name": "/dev/vda"}],
            [{**_BDM, "uuid": image(), "device_name": "a b"}], [{**_BDM, "uuid": "a/b"}],
            [{"source_type": "image", "uuid": image(), "destination_type": "volume", "boot_index": 0}],
            [{"source_type": "blank", "destination_type": "volume", "boot_index": -1}],
            [{"source_type": "volume", "uuid": NOTHING, "destination_type": "local", "boot_index": 0}],
            [{"source_type": "snapshot", "uuid": NOTHING, "destination_type": "local", "boot_index": 0}],
        ],
        "config_drive": bools,
        "key_name": ["", None, "nope", " nope", "a" * 256, 1],
        "min_count": counts,
        "max_count": counts[:-1],  # no bigger one: it makes as many servers as the quota has room for
        "return_reservation_id": bools,
        "security_groups": [None, {}, [], [{}], [{"name": ""}], [{"name": "default"}], [{"name": "nope"}], [{"x": 1}],
                            [{"name": "default"}, {"name": "default"}], ["default"], [{"name": NOTHING}]],
        "user_data": ["", None, "not base64!", "aGVsbG8", "aGVsbG8=", "é", "a" * 65536, 1, "aGVs\nbG8="],
        "description": ["", None, "x" * 256, 1, " d ", "a\u0000"],
        "tags": [None, [], ["x", "x"], ["a,b"], [""], ["a" * 61], [f"t{n}" for n in range(51)], "x", [1]],
        "trusted_image_certificates": [None, [], ["x"], ["x", "x"], [""], "x"],
        "host": ["", None, "nope", "a b", "a" * 256],
        "hypervisor_hostname": ["", None, "nope", "a b"],
        "hostname": ["", None, "a", "ab", "a_b", "-ab", "a.b", "a" * 64, "a" * 256, "é"],
        "unknown": [1],
    }  # fmt: skip


# Where properties come and go.
VERSIONS = ("2.1", "2.32", "2.36", "2.37", "2.42", "2.57", "2.67", "2.74", "2.90", "2.94", "2.104")
_SINCE = {"description": 19, "tags": 52, "trusted_image_certificates": 63, "host": 74, "hypervisor_hostname": 74,
          "hostname": 90, "block_device_mapping_v2": 42, "networks": 32}  # fmt: skip


def _furnish() -> Iterator[Ask]:
    yield Ask("POST", "/flavors", FLAVOR)
    for name, more in (("zero", {"disk": 0}), ("small", {"ram": 1}), ("private", {"os-flavor-access:is_public": False})):
        flavor: Json = {"ram": 64, "vcpus": 1, "disk": 1, **more, "id": f"oracle-{name}", "name": f"oracle-{name}"}
        yield Ask("POST", "/flavors", {"flavor": flavor})


def _bodies() -> Iterator[tuple[str, str, Json]]:
    """(version, who, body)."""
    for key, values in _values().items():
        for value in values:
            versions = ["2.104"]
            if key in ("networks", "block_device_mapping_v2", "hostname", "personality"):
                versions = [v for v in ("2.1", "2.36", "2.42", "2.90") if int(v[2:]) >= _SINCE.get(key, 0)] + versions
            for version in versions:
                old = {"networks": ...} if int(version[2:]) < 37 else {}
                yield version, "demo", server(**{**old, key: value})
                if key in ("availability_zone", "host", "hypervisor_hostname", "flavorRef"):
                    yield version, "admin", server(**{**old, key: value})
    for key in ("description", "tags", "trusted_image_certificates", "host", "hostname", "personality", "unknown"):
        for version in VERSIONS:
            old = {"networks": ...} if int(version[2:]) < 37 else {}
            yield version, "demo", server(**{**old, key: ["x"] if key in ("tags", "personality") else "xx"})
    yield from _combinations()


def _combinations() -> Iterator[tuple[str, str, Json]]:
    own = [{"uuid": network()}]
    for who, more in (
        ("demo", {"min_count": 3, "max_count": 2}), ("demo", {"min_count": "2", "max_count": "2"}),
        ("demo", {"max_count": 2, "hostname": "same"}), ("demo", {"min_count": 20_001}),
        ("demo", {"max_count": 2, "networks": [{**own[0], "fixed_ip": "10.0.0.77"}]}),
        ("demo", {"max_count": 2, "networks": [{"port": NOTHING}]}), ("demo", {"max_count": 2, "return_reservation_id": True}),
        ("demo", {"networks": own + own}), ("demo", {"networks": ...}), ("demo", {"networks": "auto"}),
        ("demo", {"networks": "none", "security_groups": [{"name": "nope"}]}),
        ("demo", {"networks": own, "security_groups": [{"name": "nope"}]}),
        ("demo", {"networks": own, "security_groups": [{"name": "default"}, {"name": "default"}]}),
        ("demo", {"networks": own, "security_groups": []}),
        ("admin", {"host": "nope", "availability_zone": "nova:nope"}), ("admin", {"host": "nope", "hypervisor_hostname": "no"}),
        ("demo", {"block_device_mapping": [{"device_name": "vda", "volume_id": NOTHING}],
                  "block_device_mapping_v2": [{**_BDM, "uuid": image()}]}),
        ("demo", {"imageRef": "", "block_device_mapping_v2": [{**_BDM, "uuid": image()}]}),
        ("demo", {"imageRef": ..., "block_device_mapping_v2": [{**_BDM, "uuid": image()}]}),
        ("demo", {"imageRef": "", "block_device_mapping_v2": [{"source_type": "blank", "destination_type": "local"}]}),
        ("demo", {"name": "oracle-b", "imageRef": NOTHING, "flavorRef": "nope", "key_name": "nope"}),
        ("demo", {"name": "oracle-b", "imageRef": NOTHING, "availability_zone": "nope"}),
        ("demo", {"name": "oracle-b", "key_name": "nope", "networks": [{"uuid": NOTHING}]}),
    ):  # fmt: skip
        yield "2.104", who, server(**more)
    for hints in (
        None, [], "x", {}, {"group": "x"}, {"group": NOTHING}, {"group": [NOTHING]}, {"different_host": "x"},
        {"different_host": NOTHING}, {"same_host": NOTHING}, {"same_host": [NOTHING, "x"]}, {"query": 1}, {"query": "[]"},
        {"build_near_host_ip": "x"}, {"cidr": "24"}, {"target_cell": ""}, {"different_cell": 1}, {"other": [1, {"a": 2}]},
    ):  # fmt: skip
        for key in ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"):
            yield "2.104", "demo", {**server(), key: hints}
    for body in (None, [], {}, {"server": None}, {"server": []}, {"server": {}}, {**server(), "x": 1}):
        yield "2.104", "demo", body  # type: ignore[misc]


def requests() -> Iterator[Ask]:
    """Everything."""
    yield from _furnish()
    for number, (version, who, body) in enumerate(_bodies()):
        yield Ask("POST", "/servers", body, version, who, save={f"made{number}": "server.id"} if "return_reservation_id" not in str(body) else {}, ignore=(*PLACE, "reservation_id"))
    for number in range(len(list(_bodies()))):
        yield Ask("DELETE", f"/servers/{{made{number}}}", None, "2.1", "admin")
    for name in ("oracle-x", "oracle-a-1", "oracle-a-2"):
        yield Ask("GET", f"/servers?name={name}&all_tenants=1", None, "2.1", "admin")
