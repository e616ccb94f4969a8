"""How migrations look, whoever asks, in every microversion."""

from typing import Any

import pytest

from novalike.api import microversion
from novalike.api.request import ApiRequest
from novalike.api.views import migrations as views
from novalike.api.views import server_migrations as server_views
from novalike.objects.migration import MigrationStatus, MigrationType
from tests.fakes import records

STATUSES = sorted(
    value for name, value in vars(MigrationStatus).items() if name.isupper() and isinstance(value, str)
)
PLACES = {"source_compute", "source_node", "dest_compute", "dest_node", "dest_host"}


def request(version: str = "2.104", project: str | None = None) -> ApiRequest:
    return ApiRequest(
        records.context(), microversion.parse(version), None, {}, "http://compute:8774", "v2.1", "/os-migrations",
        lambda *_: False, project,
    )  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", MigrationType.ALL)
def test_a_link_leads_to_what_can_be_watched(kind: str, status: str) -> None:
    one = records.migration(migration_type=kind, status=status)
    watched = kind == "live-migration" and status in ("queued", "preparing", "running", "post-migrating")
    assert ("links" in views.migration(request(), one, with_hosts=True)) == watched
    assert "links" not in views.migration(request("2.22"), one, with_hosts=True)


def test_a_link_names_the_project_that_the_request_named() -> None:
    one = records.migration(id=7, migration_type="live-migration", status="running")
    shown = views.migration(request(project="p"), one, with_hosts=True)
    assert [link["href"] for link in shown["links"]] == [
        f"http://compute:8774/v2.1/p/servers/{one.instance_uuid}/migrations/7",
        f"http://compute:8774/p/servers/{one.instance_uuid}/migrations/7",
    ]


@pytest.mark.parametrize("view", [views.migration, server_views.server_migration])
def test_hosts_are_there_without_their_names(view: Any) -> None:
    one = records.migration(migration_type="live-migration", status="running")
    seen, hidden = (view(request(), one, with_hosts=shown) for shown in (True, False))
    assert {name: seen[name] for name in PLACES} == {
        "source_compute": "host1", "source_node": "node1", "dest_compute": "host2", "dest_node": "node2",
        "dest_host": "192.0.2.2",
    }  # fmt: skip
    assert hidden == seen | dict.fromkeys(PLACES)


@pytest.mark.parametrize(
    ("view", "first"), [(views.migration, "2.1"), (server_views.server_migration, "2.23")]
)
def test_what_later_microversions_have_added(view: Any, first: str) -> None:
    one = records.migration()
    seen: set[str] = set(view(request(first), one, with_hosts=True))
    added = {}
    for minor in range(microversion.parse(first).minor, microversion.MAXIMUM.minor + 1):
        now = set(view(request(f"2.{minor}"), one, with_hosts=True))
        assert seen <= now
        if now != seen:
            added[f"2.{minor}"] = now - seen
        seen = now
    kind = {"2.23": {"migration_type"}} if first == "2.1" else {}
    assert added == {**kind, "2.59": {"uuid"}, "2.80": {"user_id", "project_id"}}
