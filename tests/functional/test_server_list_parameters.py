"""Whatever a list may be filtered and sorted by in the API, the conductor knows."""

import base64
from collections.abc import Iterator

import pytest

from novalike.api.schemas import servers as schemas
from novalike.conductor.servers import listing
from tests.functional.harness import Client, Cloud

USER_DATA = base64.b64encode(b"#!/bin/sh").decode()


@pytest.fixture(scope="module")
def ids(cloud: Cloud) -> Iterator[list[str]]:
    """Two servers, of which the second one has no value for what a server need not have."""
    more = {"accessIPv4": "9.9.9.9", "hostname": "one", "description": "d", "config_drive": True}
    more |= {"networks": [{"uuid": cloud.network["id"]}], "user_data": USER_DATA}
    made = []
    for name, facts in (("p-one", more), ("p-two", {})):
        made.append(cloud.demo.at("2.90").post("/servers", cloud.server_body(name, **facts), 202)["server"]["id"])
        cloud.demo.wait_for(made[-1], "ACTIVE")
    yield made
    for server_id in made:
        cloud.demo.delete(f"/servers/{server_id}")


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", schemas.SORT_KEYS)
def test_pages_of_one_have_all_whatever_they_are_sorted_by(
    cloud: Cloud, ids: list[str], key: str, direction: str
) -> None:
    """A page begins where the last one ended, also at a server that has no value for the key."""
    query = f"all_tenants=1&sort_key={key}&sort_dir={direction}"
    whole = [server["id"] for server in cloud.admin.get(f"/servers?{query}")["servers"]]
    assert sorted(whole) == sorted(ids)
    pages, marker = [], ""
    while page := cloud.admin.get(f"/servers?{query}&limit=1{marker}")["servers"]:
        pages.append(page[0]["id"])
        marker = f"&marker={page[0]['id']}"
        assert len(pages) <= len(ids)
    assert pages == whole


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("access_ip_v4", "9.9.9.9"), ("hostname", "^one$"), ("display_name", "p-one"), ("name", "p-o"),
        ("config_drive", "True"), ("description", "d"), ("display_description", "d"),
    ],
)  # fmt: skip
def test_filters_find_the_one_that_matches(cloud: Cloud, ids: list[str], key: str, value: str) -> None:
    found = cloud.admin.get(f"/servers?all_tenants=1&{key}={value}")["servers"]
    assert [server["id"] for server in found] in ([ids[0]], [ids[1], ids[0]] if "description" in key else [])


def test_a_page_begins_at_ones_own_server_only(cloud: Cloud, ids: list[str]) -> None:
    stranger = Client(cloud.app, "stranger", "00000000000000000000000000000abc", "member,reader")
    for marker in (ids[0], "00000000-0000-4000-8000-000000000000"):
        answer = stranger.request("GET", f"/servers?marker={marker}")
        assert (answer.status_code, answer.json["badRequest"]["message"]) == (400, f"marker [{marker}] not found")
    assert cloud.admin.get(f"/servers?all_tenants=1&marker={ids[1]}")["servers"][0]["id"] == ids[0]


def test_user_data_is_in_details_only_and_for_administrators_only(cloud: Cloud, ids: list[str]) -> None:
    key = "OS-EXT-SRV-ATTR:user_data"
    for version, there in (("2.3", True), ("2.2", False)):
        (shown,) = cloud.admin.at(version).get("/servers/detail?all_tenants=1&name=p-one")["servers"]
        assert shown.get(key) == (USER_DATA if there else None)
        assert key not in cloud.demo.at(version).get("/servers/detail?name=p-one")["servers"][0]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_addresses_are_looked_for_in_all_servers_however_many_there_are(
    cloud: Cloud, ids: list[str], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL can't; so servers are read a few at a time until there are enough that match."""
    monkeypatch.setattr(listing, "_BATCH", batch)
    for query, found in (("ip=10", [ids[0]]), ("ip=10&limit=1", [ids[0]]), ("ip=11", [])):
        assert [s["id"] for s in cloud.demo.get(f"/servers?{query}")["servers"]] == found, query


@pytest.mark.parametrize("key", sorted(set(schemas._EXACT + schemas._PATTERNS) - schemas.JOINED))
def test_no_filter_is_unknown(cloud: Cloud, ids: list[str], key: str) -> None:
    value = {"status": "ACTIVE", "marker": ids[0], "sort_dir": "asc"}.get(key, "1")
    assert cloud.admin.request("GET", f"/servers?{key}={value}").status_code == 200


@pytest.mark.parametrize("name", ["changes-since", "changes-before"])
@pytest.mark.parametrize("value", ["yesterday", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_is_none_or_outside_of_all_time_is_refused(cloud: Cloud, name: str, value: str) -> None:
    answer = cloud.demo.at("2.66").request("GET", f"/servers?{name}={value}")
    assert answer.status_code == 400
