"""Requests that list servers: filters, order, pages. Half a dozen servers are made first and deleted at the end."""
# ruff: noqa: E501 - tables read better with a case in a line

from collections.abc import Iterator

from tests.oracle.compare import Ask
from tests.oracle.servers import FLAVOR, NOTHING, PLACE, image, make, network, unmake

_SERVERS = {
    "b": {"metadata": {"k": "v"}, "tags": ["one", "two"], "networks": [{"uuid": network()}]},
    "a": {"tags": ["two"], "description": "first", "config_drive": True},
    "c": {"accessIPv4": "9.9.9.9", "tags": ["three"]},
}  # fmt: skip

_FILTERS = [
    "name=oracle-a", "name=^oracle-[ab]$", "name=(", "name=", "name=oracle-a&name=oracle-b", "display_name=oracle-a",
    "status=ACTIVE", "status=active", "status=nope", "status=", "status=SHUTOFF", "status=ERROR&status=ACTIVE",
    "status=DELETED&name=oracle-nope", "status=UNKNOWN", "status=BUILD", "status=nope&status=ACTIVE",
    "vm_state=active", "vm_state=nope", "vm_state=active&vm_state=stopped", "task_state=None", "task_state=spawning",
    "power_state=1", "power_state=4", "power_state=x", "image={image}", f"image={NOTHING}", "image=x", "flavor=oracle-s",
    "flavor=nope", "flavor=(", "ip=.", "ip=10", "ip=(", "ip6=::", "ip=99.99", "reservation_id=r-nope", "reservation_id=(",
    "changes-since=2020-01-01&name=oracle-nope", "changes-since=x", "changes-since=2099-01-01T00:00:00Z", "changes-since=",
    "changes-before=2020-01-01", "changes-before=x", "changes-since=2022-01-01&changes-before=2021-01-01",
    "changes-before=2099-01-01T00:00:00Z&name=oracle-a", "all_tenants=1", "all_tenants=0", "all_tenants=", "all_tenants=x",
    "all_tenants", "all_tenants=true&name=oracle", "all_tenants=1&project_id={demo_project}&name=oracle",
    "all_tenants=1&tenant_id={demo_project}&name=oracle", "tenant_id=nope",
    "project_id=nope", "deleted=1&name=nope", "deleted=x&name=oracle", "deleted=", "soft_deleted=1", "locked=true",
    "locked=false", "locked=x", "locked=", "locked_by=owner", "tags=two", "tags=one,two", "tags-any=one,three", "tags=",
    "not-tags=two", "not-tags=one,two", "not-tags-any=one,three", "tags=nope", "tags=two&tags=one", "tags=two&not-tags=one",
    "description=first", "display_description=first", "host=nope", "node=nope", "hostname=oracle-a", "key_name=x",
    "availability_zone=nova", "availability_zone=nope", "config_drive=True", "config_drive=", "user_id={demo_user}",
    "user_id=x", "uuid={a}", "uuid=x", "launch_index=0", "launch_index=x", "progress=0", "progress=x", "auto_disk_config=1",
    "root_device_name=x", "kernel_id=x", "created_at=20", "launched_at=20", "terminated_at=20", "access_ip_v4=9",
    "metadata=x", "system_metadata=x", "services=x", "info_cache=x", "_x=1", "__class__=1", "x=1", "x=1&name=oracle-a",
    "pci_devices=1", "block_device_mapping=1", "security_groups=1", "page_size=1", "offset=1",
]  # fmt: skip
_PAGES = [
    "limit=0", "limit=1", "limit=2", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "limit=5000", "limit=1.5",
    "limit=99999999999999999999", "limit=1&marker={a}", "marker={a}", "marker={b}", "marker={c}", "marker=nope", "marker=",
    f"marker={NOTHING}", "limit=2&x=1", "limit=1&name=oracle&status=ACTIVE", "limit=3&all_tenants=1", "limit=1&tags=two",
    "limit=1&name=oracle&name=oracle-a", "limit=1&sort_key=display_name&sort_key=uuid&sort_dir=asc&sort_dir=desc",
]  # fmt: skip
# Orders in which nothing is equal: what comes first then is a matter of chance.
_SORTS = [
    "sort_key=display_name", "sort_key=display_name&sort_dir=asc", "sort_key=display_name&sort_dir=x", "sort_key=nope",
    "sort_key=", "sort_dir=asc", "sort_dir=asc&sort_dir=desc", "sort_key=host", "sort_key=node", "sort_key=id",
    "sort_key=id&sort_dir=asc", "sort_key=display_name&sort_dir=asc&sort_dir=desc",
    "sort_key=task_state&sort_key=display_name&sort_dir=asc", "sort_key=locked&sort_key=display_name",
    "sort_key=task_state&sort_key=display_name&sort_dir=asc&sort_dir=desc", "sort_key=memory_mb&sort_dir=asc",
    "sort_key=created_at&sort_dir=ASC", "sort_key=display_name&sort_key=display_name", "sort_key=%20display_name",
    "sort_key=display_name&limit=2&sort_dir=asc", "sort_key=display_name&limit=2&sort_dir=asc&marker={b}",
    "sort_key=user_data", "sort_key=instance_type_id&sort_key=display_name",
]  # fmt: skip


def requests() -> Iterator[Ask]:
    """Everything."""
    yield Ask("POST", "/flavors", FLAVOR)
    for name, more in _SERVERS.items():
        yield from make(name, "2.90", **more)
    yield from make("x", "2.90", "admin")
    for version in ("2.1", "2.5", "2.26", "2.38", "2.66", "2.73", "2.75", "2.83", "2.90", "2.104"):
        for query in (*_FILTERS, *_PAGES, *_SORTS):
            for who in ("demo", "admin"):
                if version not in ("2.1", "2.26", "2.75", "2.104") and who == "admin":
                    continue
                # An administrator's own project has one server; what others have left behind stays out of sight.
                query_ = query.replace("{image}", image())
                yield Ask("GET", f"/servers?{query_}", None, version, who)
        yield Ask("GET", "/servers/detail?limit=1&name=oracle", None, version, "demo", ignore=PLACE)
        yield Ask("GET", "/servers/detail?sort_key=nope", None, version, "demo")
        yield Ask("GET", "/servers/detail?all_tenants=1", None, version, "demo")
    for name in _SERVERS:
        yield from unmake(name)
    yield from unmake("x", "admin")
