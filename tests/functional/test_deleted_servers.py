"""What a deleted server takes with it, and what not."""

from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from novalike.bus.consoles import ConsoleReads
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import admin_context
from tests.functional.harness import Cloud

NOVNC = {"remote_console": {"protocol": "vnc", "type": "novnc"}}


def _create(cloud: Cloud, name: str) -> str:
    body = cloud.server_body(name, tags=["a", "b"], user_data="YQ==", adminPass="secret")
    made = str(cloud.demo.at("2.57").post("/servers", body, 202)["server"]["id"])
    cloud.demo.wait_for(made, "ACTIVE")
    return made


def _token(cloud: Cloud, server_id: str) -> str:
    url = cloud.demo.at("2.6").post(f"/servers/{server_id}/remote-consoles", NOVNC, 200)["remote_console"]["url"]
    return parse_qs(urlsplit(parse_qs(urlsplit(url).query)["path"][0]).query)["token"][0]


def test_others_keep_what_is_theirs(cloud: Cloud) -> None:
    gone, stays = (_create(cloud, name) for name in ("gone", "stays"))
    tokens = {server_id: _token(cloud, server_id) for server_id in (gone, stays)}
    cloud.demo.delete(f"/servers/{gone}")
    cloud.demo.wait_gone(gone)
    assert cloud.demo.at("2.26").get(f"/servers/{stays}/tags") == {"tags": ["a", "b"]}
    reads: ConsoleReads = cloud.bus.transport().client(ConsoleReads)
    assert reads.validate_token(admin_context(), token=tokens[stays]).instance_uuid == stays
    with pytest.raises(errors.ConsoleTokenInvalid):
        reads.validate_token(admin_context(), token=tokens[gone])
    cell = cloud.conductor.cells.of_instance(stays)
    tags = sa.select(t.instance_tags.c.instance_uuid).distinct()
    assert cell.database.query(lambda c: c.execute(tags).scalars().all()) == [stays]
    requests = t.instance_requests.c
    kept = sa.select(requests.instance_uuid).where(requests.user_data.is_not(None))
    assert cell.database.query(lambda c: c.execute(kept).scalars().all()) == [stays]
    shown = cloud.admin.at("2.3").get(f"/servers/{stays}")["server"]
    assert shown["OS-EXT-SRV-ATTR:user_data"] == "YQ=="
