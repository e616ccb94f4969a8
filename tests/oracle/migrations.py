"""Requests about migrations of servers, in a cloud that has none: what is accepted, what is said, and to whom."""

from collections.abc import Iterator

from tests.oracle.compare import Ask

VERSIONS = (
    "2.1", "2.22", "2.23", "2.58", "2.59", "2.65", "2.66", "2.79", "2.80", "2.101", "2.102", "2.104",
)  # fmt: skip
NOBODY = "00000000-0000-4000-8000-000000000000"

QUERIES = (
    "", "host=a", "host=a&host=b", "instance_uuid=x", "source_compute=", "status=running", "migration_type=cold", "x=1",
    "limit=1", "limit=0", "limit=", "limit=x", "limit=-1", "limit=1&limit=2", f"marker={NOBODY}", "marker=x", "marker=",
    "changes-since=2026-01-01T00:00:00Z", "changes-since=2026-01-01", "changes-since=x", "changes-since=",
    "changes-before=2026-01-01T00:00:00Z", "changes-before=x", "changes-since=2026-01-02&changes-before=2026-01-01",
    "changes-since=2026-01-01&changes-before=2026-01-01", "changes-since=2026-01-01&changes-since=2026-01-01",
    "project_id={demo_project}", "project_id={admin_project}", "project_id=", "project_id=x&project_id=y",
    "user_id={demo_user}", "user_id=x&user_id=y", "sort_key=id",
)  # fmt: skip


def requests() -> Iterator[Ask]:
    for version in VERSIONS:
        for who in ("demo", "admin"):
            for query in QUERIES:
                yield Ask("GET", f"/os-migrations?{query}", None, version, who)
            for path in ("migrations", "migrations/1", "migrations/x", "migrations?x=1"):
                yield Ask("GET", f"/servers/{NOBODY}/{path}", None, version, who)
        yield Ask("POST", "/os-migrations", {}, version)
        yield Ask("GET", "/os-migrations/1", None, version)
