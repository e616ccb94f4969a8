"""Lists of servers: filters, order, pages, and who may use which."""
# ruff: noqa: E501 - tables read better with a case in a line

from collections.abc import Iterator

import pytest

from novalike.conductor.servers import listing
from novalike.db.cell import pattern_filters
from novalike.objects import pattern
from tests.functional.harness import DEMO_PROJECT, Cloud

MANY_TAGS = ",".join(f"tag-{number}" for number in range(500))
NOTHING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def ids(cloud: Cloud) -> Iterator[dict[str, str]]:
    """Three servers of demo's, made in the order b, a, c, and one of an administrator's."""
    made = {}
    for name, who, more in (
        ("b", cloud.demo, {"tags": ["one", "two"], "networks": [{"uuid": cloud.network["id"]}]}),
        ("a", cloud.demo, {"tags": ["two"], "description": "first", "config_drive": True}),
        ("c", cloud.demo, {"tags": ["three"], "accessIPv4": "9.9.9.9"}),
        ("x", cloud.admin, {}),
    ):  # fmt: skip
        made[name] = who.at("2.90").post("/servers", cloud.server_body(f"l-{name}", **more), 202)["server"]["id"]
        who.wait_for(made[name], "ACTIVE")
    yield made
    for name, server_id in made.items():
        (cloud.admin if name == "x" else cloud.demo).delete(f"/servers/{server_id}")


def names(cloud: Cloud, query: str, *, who: str = "demo", version: str = "2.90") -> str:
    client = getattr(cloud, who).at(version)
    return "".join(s["name"].removeprefix("l-") for s in client.get(f"/servers?{query}")["servers"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "cab"), ("name=l-[ab]$", "ab"), ("name=l-a&name=l-b", "b"), ("status=ACTIVE", "cab"), ("status=active", "cab"),
        ("status=SHUTOFF", ""), ("status=SHUTOFF&status=ACTIVE", "cab"), ("tags=two", "ab"), ("tags=one,two", "b"),
        ("tags-any=one,three", "cb"), ("not-tags=two", "c"), ("not-tags=one,two", "ca"), ("not-tags-any=one,three", "a"),
        ("tags=two&not-tags=one", "a"), ("flavor=1", "cab"), ("flavor=nope", ""), ("ip=10", "b"), ("ip=99", ""), ("ip6=::", ""),
        ("image=x", ""), ("changes-since=2099-01-01T00:00:00Z", ""), ("changes-before=2020-01-01", ""), ("locked=false", "cab"),
        ("locked=true", ""), ("availability_zone=nova", "cab"), ("config_drive=True", "a"), ("power_state=1", "cab"),
        ("power_state=x", ""), ("vm_state=active", "cab"), ("vm_state=active&vm_state=stopped", ""), ("task_state=None", ""),
        ("hostname=l-a", "a"), ("reservation_id=nope", ""), ("progress=0", "cab"),
        # Regular expressions: anywhere in a text, by case.
        ("name=^l-(a|b)$", "ab"), ("name=-a", "a"), ("name=^a", ""), ("name=L-A", ""), ("name=(?i)L-A$", "a"), ("name=l.[^a]", "cb"),
        ("hostname=^l-[bc]$", "cb"), ("name=l-.&hostname=[ab]$", "ab"), ("created_at=^20[0-9]{2}-", "cab"), ("config_drive=^T.*e$", "a"),
        ("ip=10.[0-9.]*$", "b"), ("ip=0.", ""), ("ip=^10&ip6=^::", "b"), ("terminated_at=.*", ""), ("availability_zone=^no", "cab"),
        ("name=^l-.$&limit=2", "ca"), ("name=^l-.$&limit=1&marker={c}", "a"), ("name=^l-[bc]$&limit=1&marker={c}", "b"),
        ("name=^l-.$&sort_key=display_name&sort_dir=asc&limit=1&marker={a}", "b"), ("name=^l-.$&limit=0", ""), ("name=^l-.$&marker={b}", ""),
        ("sort_key=display_name&sort_key=display_name&sort_dir=asc&sort_dir=desc", "abc"),
        # No server has more than fifty tags, and no number is larger than a column.
        (f"tags={MANY_TAGS}", ""), (f"tags-any={MANY_TAGS},two", "ab"), (f"not-tags={MANY_TAGS},two", "cab"), (f"not-tags-any={MANY_TAGS},two", "c"),
        ("tags=two,one,two", "b"), ("not-tags=two,two", "c"), ("power_state=99999999999999999999", ""),
        # Not for this caller: ignored.
        ("host=nope", "cab"), ("node=nope", "cab"), ("uuid=x", "cab"), ("deleted=1", "cab"), ("tenant_id=x", "cab"),
        ("_x=1", "cab"), ("all_tenants=0", "cab"),
        # Order and pages.
        ("sort_key=display_name", "cba"), ("sort_key=display_name&sort_dir=asc", "abc"), ("sort_dir=asc", "bac"),
        ("sort_key=locked&sort_key=display_name&sort_dir=asc", "abc"), ("limit=2", "ca"), ("limit=0", ""),
        ("sort_key=display_name&sort_dir=asc&limit=1&marker={a}", "b"), ("marker={a}", "b"), ("marker=", "cab"),
        ("sort_key=display_description&sort_key=display_name&sort_dir=asc&sort_dir=asc", "bca"),
        ("sort_key=display_description&sort_key=display_name&sort_dir=asc&sort_dir=asc&marker={b}", "ca"),
        ("sort_key=display_description&sort_key=display_name&sort_dir=desc&sort_dir=asc&marker={a}", "bc"),
    ],
)  # fmt: skip
def test_what_a_user_finds(cloud: Cloud, ids: dict[str, str], query: str, found: str) -> None:
    for name, server_id in ids.items():
        query = query.replace(f"{{{name}}}", server_id)
    assert names(cloud, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "x"), ("all_tenants=1", "xcab"), ("all_tenants", "xcab"), (f"all_tenants=1&project_id={DEMO_PROJECT}", "cab"),
        (f"all_tenants=1&tenant_id={DEMO_PROJECT}", "cab"), ("all_tenants=1&uuid={a}", "a"), ("all_tenants=1&host=nope", ""),
        ("all_tenants=1&display_description=first", "a"), ("all_tenants=1&access_ip_v4=9", "c"), ("launch_index=x", ""),
        ("launch_index=0", "x"), ("deleted=x", "x"), ("limit=1&marker={a}", ""), ("description=nope", "x"),
    ],
)  # fmt: skip
def test_what_an_administrator_finds(cloud: Cloud, ids: dict[str, str], query: str, found: str) -> None:
    assert names(cloud, query.replace("{a}", ids["a"]), who="admin") == found


@pytest.mark.parametrize(
    ("query", "version", "status", "message"),
    [
        ("status=nope", "2.37", 200, ""), ("status=nope", "2.38", 400, "Invalid status value"),
        ("status=UNKNOWN", "2.38", 400, "Invalid status value"), ("status=DELETED", "2.1", 403, "Only administrators may list"),
        ("all_tenants=1", "2.1", 403, "Policy doesn't allow os_compute_api:servers:index:get_all_tenants"),
        ("all_tenants=x", "2.1", 400, "Unrecognized value"), ("name=(", "2.1", 400, "is not a 'regex'"),
        ("name=(?=l)", "2.1", 400, "parameters name. Value: (?=l). '(?=l)' is not a 'regex': invalid perl operator: (?= (the syntax is RE2's"),
        (r"ip=(1)\1", "2.1", 400, r"is not a 'regex': invalid escape sequence: \\1"), ("ip6=a{2000}", "2.5", 400, "invalid repetition size"),
        ("hostname=" + "a." * 600, "2.90", 400, "parameters hostname."), (r"key_name=\pL{99}", "2.83", 400, "pattern too large"),
        ("&".join(f"x{n}=1" for n in range(129)), "2.1", 400, "There are more than 128 query parameters."),
        ("name=%00", "2.1", 400, "parameters name. There is a null character"), ("tags=(", "2.26", 400, "is not a 'regex'"),
        ("limit=x", "2.1", 400, "Invalid input for query parameters limit."), ("limit=-1", "2.1", 400, "does not match"),
        (f"marker={NOTHING}", "2.1", 400, f"marker [{NOTHING}] not found"), ("marker=x", "2.1", 400, "marker [x] not found"),
        ("sort_key=nope", "2.1", 400, "is not one of"), ("sort_key=id", "2.1", 200, ""), ("sort_key=id", "2.75", 400, "is not one of"),
        ("sort_key=host", "2.1", 403, "Only administrators can sort servers by host"),
        ("sort_dir=x", "2.1", 400, "Unknown sort direction, must be 'desc' or 'asc'"),
        ("sort_dir=asc&sort_dir=asc", "2.1", 400, "Sort direction size exceeds sort key size"),
        ("changes-since=x", "2.1", 400, "is not a 'date-time'"), ("locked=x", "2.73", 400, "Unrecognized value"),
        ("changes-since=2022-01-01&changes-before=2021-01-01", "2.66", 400, "must be less than or equal to"),
        ("x=1", "2.74", 200, ""), ("x=1", "2.75", 400, "'x' does not match any of the regexes: '^_'"),
    ],
)  # fmt: skip
def test_what_a_user_is_told(cloud: Cloud, query: str, version: str, status: int, message: str) -> None:
    for path in ("/servers", "/servers/detail"):
        answer = cloud.demo.at(version).request("GET", f"{path}?{query}")
        assert answer.status_code == status, answer.text
        assert message.replace("index", path.rpartition("/")[2].replace("servers", "index")) in answer.text


@pytest.mark.parametrize("query", ["metadata=x", "services=x", "_x=1", "__class__=1"])
def test_what_is_inside_of_servers_is_no_filter(cloud: Cloud, query: str) -> None:
    answer = cloud.admin.at("2.104").request("GET", f"/servers?{query}")
    assert answer.json["badRequest"]["message"] == f"Invalid filter field: {query.partition('=')[0]}."


def test_pages_lead_to_each_other(cloud: Cloud, ids: dict[str, str]) -> None:
    query, seen = "/servers/detail?limit=1&sort_key=display_name&sort_dir=asc", ""
    for _ in range(3):
        page = cloud.demo.get(query)
        seen += page["servers"][0]["name"][-1]
        href = page["servers_links"][0]["href"]
        assert page["servers_links"][0]["rel"] == "next"
        query = "/servers/detail?" + href.partition("?")[2]
    assert seen == "abc"
    assert cloud.demo.get(query) == {"servers": []}


def test_deleted_ones_are_shown_to_those_who_ask_for_changes(cloud: Cloud) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("l-gone"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    cloud.demo.delete(f"/servers/{made}")
    cloud.demo.wait_gone(made)
    assert names(cloud, "name=gone") == ""
    shown = cloud.demo.get("/servers/detail?changes-since=2020-01-01&name=gone")["servers"]
    assert [(s["id"], s["status"]) for s in shown] == [(made, "DELETED")]
    assert names(cloud, "deleted=1&name=gone&all_tenants=1", who="admin") == "gone"
    assert names(cloud, "status=DELETED&name=gone&all_tenants=1", who="admin") == "gone"


def test_a_page_of_changes_may_end_at_a_deleted_one(cloud: Cloud) -> None:
    made = []
    for name in ("d-1", "d-2", "d-3"):
        made.append(cloud.demo.at("2.37").post("/servers", cloud.server_body(name), 202)["server"]["id"])
        cloud.demo.wait_for(made[-1], "ACTIVE")
    for server_id in made:
        cloud.demo.delete(f"/servers/{server_id}")
        cloud.demo.wait_gone(server_id)
    query = "/servers?changes-since=2020-01-01&name=d-&sort_key=display_name&sort_dir=asc&limit=1"
    seen, marker = [], ""
    while page := cloud.demo.get(query + marker)["servers"]:
        seen.append(page[0]["id"])
        marker = f"&marker={page[0]['id']}"
    assert seen == made


@pytest.mark.parametrize(("query", "batch"), [("name=^l-", 1), ("name=^l-[bc]", 1), ("ip=1.*", 2), ("name=^l-", 3)])
def test_pages_of_what_matches_are_whole_however_many_rows_are_read_at_a_time(
    cloud: Cloud, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch, query: str, batch: int
) -> None:
    expected = [s["id"] for s in cloud.demo.get(f"/servers?{query}")["servers"]]
    monkeypatch.setattr(listing, "_BATCH", batch)
    for limit in (1, 2, 3):
        found: list[str] = []
        while True:
            marker = f"&marker={found[-1]}" if found else ""
            page = cloud.demo.get(f"/servers/detail?{query}&limit={limit}{marker}")["servers"]
            found += [s["id"] for s in page]
            if len(page) < limit:
                break
        assert found == expected


def test_a_search_that_takes_too_long_is_given_up(
    cloud: Cloud, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class OutOfTime(pattern.Turns):
        def take(self) -> None:
            raise pattern.TooSlow()

    monkeypatch.setattr(pattern_filters, "turns", lambda: OutOfTime(0))
    answer = cloud.demo.request("GET", "/servers/detail?name=^l-")
    assert answer.status_code == 400
    assert "Too many servers to match the filter name with" in answer.json["badRequest"]["message"]
