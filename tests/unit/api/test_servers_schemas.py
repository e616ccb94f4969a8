"""Schemas of servers at the edges of microversions, and what names may be."""

from typing import Any

import pytest

from novalike.api import validation
from novalike.api.microversion import parse
from novalike.api.schemas import server_metadata, server_tags, servers, types
from novalike.objects import errors

PRINTABLE = "printable characters. Can not start or end with whitespace."
IMAGE = "3057cd15-8181-4d1b-9d34-f6265025a2b9"


def accepts(schema: Any, version: str, value: Any, **options: Any) -> bool:
    try:
        validation.check(value, schema.at(parse(version)), **options)
    except errors.Invalid:
        return False
    return True


def body(**more: Any) -> dict[str, Any]:
    return {"server": {"name": "vm", "flavorRef": "1", "imageRef": IMAGE, **more}}


@pytest.mark.parametrize(
    ("key", "value", "first", "last"),
    [
        ("description", None, 19, 104), ("tags", ["x"], 52, 104), ("personality", [], 1, 56),
        ("trusted_image_certificates", ["x"], 63, 104), ("host", "h", 74, 104), ("hypervisor_hostname", "h", 74, 104),
        ("hostname", "ab", 90, 104), ("hostname", "a.b", 94, 104), ("hostname", "a", 94, 104),
        ("networks", [{"uuid": "anything"}], 1, 36), ("networks", "auto", 37, 104), ("networks", "none", 37, 104),
    ],
)  # fmt: skip
def test_create_knows_a_property_from_one_microversion_to_another(key: str, value: Any, first: int, last: int) -> None:
    for minor in range(1, 105):
        more = {"networks": "auto"} if minor >= 37 else {}
        assert accepts(servers.CREATE, f"2.{minor}", body(**(more | {key: value}))) is (first <= minor <= last), minor


def test_tags_of_devices_came_went_and_came_back() -> None:
    network = [{"uuid": IMAGE, "tag": "t"}]
    device = [{"source_type": "image", "uuid": IMAGE, "tag": "t"}]
    with_network = [n for n in range(1, 105) if accepts(servers.CREATE, f"2.{n}", body(networks=network))]
    assert with_network == [*range(32, 37), *range(42, 105)]
    with_device = [
        n for n in range(1, 105)
        if accepts(servers.CREATE, f"2.{n}", body(networks=[], block_device_mapping_v2=device))
    ]  # fmt: skip
    assert with_device == [32, *range(42, 105)]


def test_networks_must_be_named_since_2_37() -> None:
    assert accepts(servers.CREATE, "2.36", body())
    assert not accepts(servers.CREATE, "2.37", body())


@pytest.mark.parametrize(
    ("name", "strict", "lenient"),
    [
        ("a", True, True), (" a", False, True), ("a ", False, True), ("  ", False, False), ("", False, False),
        ("a b", True, True), ("a\u3000b", True, True), ("\u3000a", False, True), ("a\u0000", False, False),
        ("a\n", False, False), ("é", True, True), ("\U0001f600", False, False), ("x" * 255, True, True),
        ("x" * 256, False, False), (1, False, False), (None, False, False),
    ],
)  # fmt: skip
def test_names(name: Any, strict: bool, lenient: bool) -> None:
    assert accepts(servers.UPDATE, "2.1", {"server": {"name": name}}) is strict
    assert accepts(servers.UPDATE, "2.1", {"server": {"name": name}}, relaxed=True) is lenient


def test_api_v2_lets_unknown_properties_pass() -> None:
    wanted = body(unknown=1)
    assert not accepts(servers.CREATE, "2.1", wanted)
    assert accepts(servers.CREATE, "2.1", wanted, relaxed=True)


TOO_MANY = (
    f"Invalid input for field/attribute max_count. Value: {'9' * 5000}. inf is greater than the maximum of {2**31 - 1}"
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "'server' is a required property"),
        ({"server": 1}, "Invalid input for field/attribute server. Value: 1. 1 is not of type 'object'"),
        (body(min_count=0), "Invalid input for field/attribute min_count. Value: 0. 0 is less than the minimum of 1"),
        (body(max_count="9" * 5000), TOO_MANY),
        (body(min_count="0"), "Invalid input for field/attribute min_count. Value: 0. 0 is less than the minimum of 1"),
        (body(metadata={"k": 1}), "Invalid input for field/attribute k. Value: 1. 1 is not of type 'string'"),
        (body(name=" x"), f"An invalid 'name' value was provided. The name must be: {PRINTABLE}"),
        (body(accessIPv4="x"), "Invalid input for field/attribute accessIPv4. Value: x. 'x' is not a 'ipv4'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(value: Any, message: str) -> None:
    with pytest.raises(errors.Invalid) as raised:
        validation.check(value, servers.CREATE.at(parse("2.1")))  # type: ignore[arg-type]
    assert raised.value.message == message


def test_lists_are_strict_since_2_75() -> None:
    assert accepts(servers.LIST, "2.74", {"x": ["1"]}, in_query=True)
    assert not accepts(servers.LIST, "2.75", {"x": ["1"]}, in_query=True)
    assert accepts(servers.LIST, "2.75", {"_x": ["1"]}, in_query=True)
    for key, last in (("id", "2.74"), ("user_data", "2.74"), ("display_name", "2.104")):
        assert accepts(servers.LIST, last, {"sort_key": [key]}, in_query=True)
    assert not accepts(servers.LIST, "2.75", {"sort_key": ["id"]}, in_query=True)


@pytest.mark.parametrize(
    ("tag", "fine"),
    [
        ("a", True), ("", False), ("x" * 60, True), ("x" * 61, False), ("a,b", False), ("a/b", False), ("é", True),
        (1, False),
    ],
)  # fmt: skip
def test_tags(tag: Any, fine: bool) -> None:
    assert accepts(server_tags.ALL, "2.26", {"tags": [tag]}) is fine
    assert accepts(server_tags.NO_BODY, "2.26", None)
    assert not accepts(server_tags.NO_BODY, "2.26", {})


@pytest.mark.parametrize(
    ("item", "fine"),
    [
        ({"k": "v"}, True), ({"k" * 255: "v" * 255}, True), ({"k" * 256: "v"}, False), ({"": "v"}, False),
        ({"k": "v" * 256}, False), ({"k": 1}, False), ({"a/b": "v"}, False), ({"a-_:. b": "v"}, True),
        ({"é": "v"}, False),
    ],
)  # fmt: skip
def test_metadata(item: Any, fine: bool) -> None:
    assert accepts(server_metadata.ALL, "2.1", {"metadata": item}) is fine
    assert accepts(server_metadata.ONE, "2.1", {"meta": item}) is fine
    assert not accepts(server_metadata.ONE, "2.1", {"meta": {**item, "other": "x"}})


def test_a_boolean_is_one_of_many_words() -> None:
    for value in (True, "true", "1", "on", "Yes", False, "off", "NO"):
        validation.check(value, types.BOOLEAN)
    for value in ("maybe", 2, None, ""):
        with pytest.raises(errors.Invalid):
            validation.check(value, types.BOOLEAN)


def test_the_hint_query_is_short() -> None:
    for size, fine in ((4096, True), (4097, False)):
        wanted = body() | {"os:scheduler_hints": {"query": "[" * size}}
        assert accepts(servers.CREATE, "2.1", wanted) is fine
