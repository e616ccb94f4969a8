"""Requests about quotas and limits. Both sides must have the same defaults: see CONFIGURED."""

from collections.abc import Iterator

from tests.oracle.compare import Ask

VERSIONS = ("2.1", "2.35", "2.36", "2.38", "2.39", "2.49", "2.50", "2.56", "2.57", "2.74", "2.75", "2.102", "2.104")
CONFIGURED = {
    "cores": 200000, "instances": 20000, "ram": 200000000, "server_groups": 1000, "server_group_members": 1000
}  # fmt: skip

UPDATES = [
    None, {}, {"quota_set": 1}, {"quota_set": {}}, {"quota_set": {}, "x": 1}, {"quota_set": {"x": 1}},
    *[
        {"quota_set": values}
        for values in (
            {"cores": 12}, {"cores": "13", "ram": -1}, {"cores": "-1"}, {"cores": -2}, {"cores": "x"}, {"cores": ""},
            {"cores": 2**31}, {"cores": 1.5}, {"cores": None}, {"force": True}, {"force": "maybe"},
            {"instances": 5, "force": "true"}, {"floating_ips": 3}, {"fixed_ips": 3, "security_groups": 1},
            {"injected_files": 3}, {"injected_file_path_bytes": 3}, {"server_groups": 3, "server_group_members": "4"},
            {"key_pairs": 3}, {"metadata_items": 0}, {"cores": 3, "ram": 0, "instances": 6},
        )
    ],
]  # fmt: skip


def requests() -> Iterator[Ask]:
    ours, users = "/os-quota-sets/{demo_project}", "/os-quota-sets/{demo_project}?user_id={demo_user}"
    for version in VERSIONS:
        for who in ("demo", "admin"):
            for query in ("", "?reserved=1", "?tenant_id={demo_project}", "?tenant_id=nope", "?x=1"):
                yield Ask("GET", f"/limits{query}", None, version, who)
            for project in ("{demo_project}", "{admin_project}", "nope"):
                for path in ("", "?user_id={demo_user}", "?user_id=", "?x=1"):
                    yield Ask("GET", f"/os-quota-sets/{project}{path}", None, version, who)
                    yield Ask("GET", f"/os-quota-sets/{project}/detail{path}", None, version, who)
                    yield Ask("GET", f"/os-quota-sets/{project}/defaults{path}", None, version, who)
            for path in ("default", "nope", "default?x=1"):
                yield Ask("GET", f"/os-quota-class-sets/{path}", None, version, who)
            yield Ask("PUT", ours, {"quota_set": {"instances": 100}}, version, who)
        for body in UPDATES:
            yield Ask("PUT", ours, body, version)
            yield Ask("PUT", users, body, version)
        yield Ask("PUT", f"{ours}?x=1", {"quota_set": {}}, version)
        yield Ask("PUT", "/os-quota-sets/nope", {"quota_set": {}}, version)
        yield Ask("PUT", users, {"quota_set": {"instances": 50}}, version)
        yield Ask("PUT", users, {"quota_set": {"instances": 4}}, version)
        yield Ask("PUT", ours, {"quota_set": {"instances": 3}}, version)
        yield Ask("PUT", ours, {"quota_set": {"instances": 3, "force": True}}, version)
        for who in ("demo", "admin"):
            for path in (ours, users, "/limits", "/limits?tenant_id={demo_project}"):
                yield Ask("GET", path, None, version, who)
        for who, path in (("demo", ours), ("admin", f"{ours}?x=1"), ("admin", users), ("admin", ours)):
            yield Ask("DELETE", path, None, version, who)
            yield Ask("GET", users, None, version)
        yield Ask("DELETE", "/os-quota-sets/nope", None, version)
        for body in UPDATES:
            if isinstance(body, dict) and "quota_set" in body:
                body = {"quota_class_set": body["quota_set"]}
            yield Ask("PUT", "/os-quota-class-sets/oracle", body, version)
        yield Ask("GET", "/os-quota-class-sets/oracle", None, version)
        yield Ask("PUT", f"/os-quota-class-sets/{'a' * 256}", {"quota_class_set": {}}, version)
