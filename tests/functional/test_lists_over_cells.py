"""Lists of servers that are in several databases."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from tests.functional.conftest import furnish
from tests.functional.harness import Cloud

HUGE = {"flavor": {"id": "9", "name": "huge", "ram": 64, "vcpus": 1, "disk": 10**7}}
ORDER = ["d", "b", "c", "a"]
IN_CELL_0 = {"b", "a"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Four servers, made in ORDER. Some find no host, and so stay in cell 0."""
    cloud = furnish(Cloud(tmp_path_factory.mktemp("cloud"), cells=2))
    cloud.admin.post("/flavors", HUGE, 200)
    for name in ORDER:
        flavor = {"flavorRef": "9"} if name in IN_CELL_0 else {}
        made = cloud.demo.at("2.37").post("/servers", cloud.server_body(name, **flavor), 202)["server"]["id"]
        cloud.demo.wait_for(made, "ERROR" if name in IN_CELL_0 else "ACTIVE")
        assert cloud.conductor.cells.of_instance(made).is_cell0 == (name in IN_CELL_0)
    yield cloud
    cloud.close()


def names(cloud: Cloud, query: str, what: str = "") -> list[str]:
    return [server["name"] for server in cloud.demo.get(f"/servers{what}?{query}")["servers"]]


@pytest.mark.parametrize("what", ["", "/detail"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "acbd"), ("sort_dir=asc", "dbca"), ("sort_key=display_name&sort_dir=asc", "abcd"),
        ("sort_key=display_name", "dcba"), ("limit=3", "acb"), ("limit=1", "a"), ("status=ERROR", "ab"),
        ("status=ACTIVE&sort_key=display_name&sort_dir=asc", "cd"), ("name=[bc]", "cb"), ("status=SHUTOFF", ""),
        ("sort_key=vm_state&sort_dir=asc&sort_key=display_name&sort_dir=asc", "cdab"),
        # Who was never on a host has no time at which it was launched: such come first.
        ("sort_key=launched_at&sort_dir=asc&sort_key=display_name&sort_dir=desc", "badc"),
        ("sort_key=launched_at&sort_dir=desc&sort_key=display_name&sort_dir=asc", "cdab"),
    ],
)  # fmt: skip
def test_they_are_one_list(cloud: Cloud, query: str, found: str, what: str) -> None:
    assert "".join(names(cloud, query, what)) == found


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", ["created_at", "display_name", "launched_at", "vm_state", "uuid"])
def test_pages_go_over_all_of_them(cloud: Cloud, key: str, direction: str) -> None:
    order = f"sort_key={key}&sort_dir={direction}"
    marker, found = "", []
    while page := cloud.demo.get(f"/servers?{order}&limit=1{marker}")["servers"]:
        found.append(page[0]["name"])
        marker = f"&marker={page[0]['id']}"
        assert len(found) <= len(ORDER)
    assert found == names(cloud, order)


def test_a_server_on_its_way_from_one_to_another_is_listed_once(cloud: Cloud) -> None:
    cell0, *others = cloud.conductor.cells.all()
    i = t.instances
    source = next(cell for cell in others if cell.database.query(lambda c: c.execute(sa.select(i.c.id)).first()))
    row = source.database.query(lambda c: c.execute(sa.select(i).where(i.c.name == "c")).mappings().one())
    copy = {name: value for name, value in row.items() if name != "id"}
    cell0.database.write(lambda c: c.execute(sa.insert(i).values(**copy)))
    try:
        assert names(cloud, "") == ["a", "c", "b", "d"]
        assert names(cloud, "limit=3") == ["a", "c", "b"]
    finally:
        cell0.database.write(lambda c: c.execute(sa.delete(i).where(i.c.uuid == row["uuid"])))
