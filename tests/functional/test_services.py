"""Services: seen, disabled, forced down and deleted, through API, bus, database and Placement."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.clients.placement_provider import DISABLED_TRAIT
from novalike.db.cell import tables as t
from novalike.objects import errors
from tests.functional.harness import Cloud

NOBODY = "00000000-0000-4000-8000-000000000000"


def compute(cloud: Cloud, host: str, version: str = "2.53") -> dict[str, Any]:
    (found,) = cloud.admin.at(version).get(f"/os-services?host={host}&binary=nova-compute")["services"]
    return found


def is_disabled_in_placement(cloud: Cloud, host: str) -> bool:
    (found,) = [p for p in cloud.placement.providers.values() if p.name == host]
    return DISABLED_TRAIT in found.traits


def by_host(host: str, **more: Any) -> dict[str, Any]:
    return {"host": host, "binary": "nova-compute", **more}


def fault(cloud: Cloud, method: str, path: str, body: Any = None, version: str = "2.53") -> tuple[int, str]:
    answer = cloud.admin.at(version).request(method, path, body)
    return answer.status_code, next(iter(answer.json.values()))["message"]


def test_lists(cloud: Cloud) -> None:
    found = cloud.admin.get("/os-services")["services"]
    assert {(s["binary"], s["host"], s["zone"]) for s in found} >= {
        ("nova-conductor", "ctl", "internal"),
        *(("nova-compute", f"fake00{n}", "nova") for n in (1, 2, 3)),
    }
    assert all(isinstance(s["id"], int) and "forced_down" not in s for s in found)
    assert compute(cloud, "fake001")["forced_down"] is False
    assert cloud.admin.get("/os-services?host=fake001&binary=nova-conductor") == {"services": []}
    assert cloud.admin.at("2.74").request("GET", "/os-services?x=1").status_code == 200
    assert cloud.admin.at("2.75").request("GET", "/os-services?x=1").status_code == 400
    assert cloud.demo.request("GET", "/os-services").status_code == 403


def test_hosts_of_a_cell_that_is_away_are_unknown(
    make_cloud: Callable[..., Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = make_cloud()
    cell0, cell1 = cloud.conductor.cells.all()

    def away(function: Any) -> None:
        raise errors.Unavailable(reason="the database is away")

    def listed(query: str = "", version: str = "2.69") -> list[tuple[str, str]]:
        found = cloud.admin.at(version).get(f"/os-services?{query}")["services"]
        return sorted((s["host"], s["status"]) for s in found if s["binary"] == "nova-compute")

    monkeypatch.setattr(cell1.database, "query", away)
    unknown = [(f"fake00{n}", "UNKNOWN") for n in (1, 2, 3)]
    assert listed() == unknown
    assert listed("binary=nova-compute") == unknown
    assert listed("host=fake002") == [("fake002", "UNKNOWN")]
    assert listed("binary=nova-conductor") == listed("host=nope") == listed(version="2.68") == []
    monkeypatch.setattr(cell0.database, "query", away)
    assert cloud.admin.request("GET", "/os-services").status_code == 503


def test_a_list_is_one_call(cloud: Cloud) -> None:
    cloud.bus.sent.clear()
    cloud.admin.get("/os-services")
    assert [sent for sent in cloud.bus.sent if sent[0].startswith("Service")] == [("ServiceReads", "list_services")]


def _epoch(cloud: Cloud, server_id: str) -> int:
    """Of the only operation of a server."""
    o = t.operations.c
    cell = cloud.conductor.cells.of_instance(server_id)
    found = sa.select(o.epoch).where(o.instance_uuid == server_id)
    return int(cell.database.query(lambda c: c.execute(found).scalar_one()))


def test_a_disabled_host_gets_nothing_whatever_the_scheduler_remembers(cloud: Cloud) -> None:
    demo = cloud.demo.at("2.37")
    assert demo.post("/servers", cloud.server_body("before"), 202)  # so that there is something to remember
    for host in ("fake001", "fake002"):
        cloud.admin.put("/os-services/disable", by_host(host))
    made = [demo.post("/servers", cloud.server_body(f"after{n}"), 202)["server"]["id"] for n in range(4)]
    for server_id in made:
        cloud.demo.wait_for(server_id, "ACTIVE")
        assert cloud.admin.get(f"/servers/{server_id}")["server"]["OS-EXT-SRV-ATTR:host"] == "fake003"
        assert _epoch(cloud, server_id) == 3, "it was placed at the second try, or later"
    cloud.admin.put("/os-services/disable", by_host("fake003"))
    last = demo.post("/servers", cloud.server_body("last"), 202)["server"]["id"]
    cloud.demo.wait_for(last, "ERROR")
    assert last not in cloud.placement.consumers


def test_until_2_52(cloud: Cloud) -> None:
    admin = cloud.admin
    said = admin.put("/os-services/disable-log-reason", by_host("fake001", disabled_reason="hot"))
    assert said == {"service": by_host("fake001", status="disabled", disabled_reason="hot")}
    shown = compute(cloud, "fake001")
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "hot")
    assert is_disabled_in_placement(cloud, "fake001")
    assert admin.put("/os-services/enable", by_host("fake001"))["service"] == by_host("fake001", status="enabled")
    assert not is_disabled_in_placement(cloud, "fake001")
    for path, body, expected in (
        ("disable-log-reason", by_host("fake001"), (400, "Missing disabled reason field")),
        ("force-down", by_host("fake001"), (404, "Unknown action")),
        ("disable", by_host("nope"), (404, "Host 'nope' is not mapped to any cell")),
        (
            "disable",
            {"host": "ctl", "binary": "nova-conductor"},
            (
                400,
                "Updating a nova-conductor service is not supported. Only nova-compute services can be updated.",
            ),
        ),
    ):
        assert fault(cloud, "PUT", f"/os-services/{path}", body, "2.1") == expected


def test_forced_down(cloud: Cloud) -> None:
    admin = cloud.admin.at("2.11")
    assert fault(cloud, "PUT", "/os-services/force-down", by_host("fake002"), "2.11") == (
        400, "Missing forced_down field",
    )  # fmt: skip
    said = admin.put("/os-services/force-down", by_host("fake002", forced_down="true"))
    assert said["service"] == by_host("fake002", forced_down=True)
    assert compute(cloud, "fake002")["state"] == "down"
    service = compute(cloud, "fake002")["id"]
    again = cloud.admin.at("2.53").put(f"/os-services/{service}", {"forced_down": False})["service"]
    assert (again["id"], again["state"], again["forced_down"]) == (service, "up", False)


def test_from_2_53(cloud: Cloud) -> None:
    service = compute(cloud, "fake003")["id"]
    path = f"/os-services/{service}"
    said = cloud.admin.at("2.53").put(path, {"status": "disabled", "disabled_reason": "r"})["service"]
    assert (said["status"], said["disabled_reason"]) == ("disabled", "r")
    assert is_disabled_in_placement(cloud, "fake003")
    cloud.admin.at("2.53").put(path, {"status": "enabled"})
    assert not is_disabled_in_placement(cloud, "fake003")
    nothing = "No updates were requested. Fields 'status' or 'forced_down' should be specified."
    reason = "Specifying 'disabled_reason' with status 'enabled' is invalid."
    assert fault(cloud, "PUT", path, {}) == (400, nothing)
    assert fault(cloud, "PUT", path, {"status": "enabled", "disabled_reason": "r"}) == (400, reason)
    assert fault(cloud, "PUT", "/os-services/enable", {}) == (400, "Invalid uuid enable")
    assert fault(cloud, "PUT", f"/os-services/{NOBODY}", {"status": "enabled"}) == (
        404, f"Service {NOBODY} could not be found.",
    )  # fmt: skip
    assert cloud.demo.at("2.53").request("PUT", path, {"status": "disabled"}).status_code == 403
    assert cloud.demo.at("2.53").request("PUT", "/os-services/x", {"status": "disabled"}).status_code == 400


def test_placement_away_while_a_host_is_disabled(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud()
    cloud.placement.down = True
    cloud.admin.put("/os-services/disable", by_host("fake001"))
    cloud.placement.down = False
    assert compute(cloud, "fake001")["status"] == "disabled"
    assert not is_disabled_in_placement(cloud, "fake001")
    cloud.compute.resource_reports.report()
    assert is_disabled_in_placement(cloud, "fake001")


def test_delete(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud()
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("kept"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    host = cloud.admin.get(f"/servers/{made['id']}")["server"]["OS-EXT-SRV-ATTR:host"]
    service = compute(cloud, host)["id"]
    refusal = (
        "Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
    )
    assert fault(cloud, "DELETE", f"/os-services/{service}") == (409, refusal)
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])
    cloud.stop(cloud.compute)
    cloud.admin.at("2.53").ok("DELETE", f"/os-services/{service}", status=204)
    assert host not in {p.name for p in cloud.placement.providers.values()}
    names = {h["hypervisor_hostname"] for h in cloud.admin.get("/os-hypervisors")["hypervisors"]}
    assert host not in names
    assert fault(cloud, "DELETE", f"/os-services/{service}") == (404, f"Service {service} not found.")
    assert fault(cloud, "PUT", "/os-services/enable", by_host(host), "2.1")[0] == 404
    assert fault(cloud, "DELETE", "/os-services/x", None, "2.1") == (
        400, "Invalid input received: id must be an integer",
    )  # fmt: skip
    # Its process comes back, and with it all that was forgotten.
    cloud.start_compute()
    assert compute(cloud, host)["id"] != service
    assert host in {p.name for p in cloud.placement.providers.values()}
    cloud.admin.put("/os-services/enable", by_host(host))


def test_the_source_of_a_move_that_waits_to_be_confirmed_is_not_deleted(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=2)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("moved"), 202)["server"]["id"]
    source = cloud.admin.wait_for(made, "ACTIVE")["OS-EXT-SRV-ATTR:host"]
    cloud.admin.post(f"/servers/{made}/action", {"migrate": None}, 202)
    cloud.admin.wait_for(made, "VERIFY_RESIZE")
    service = compute(cloud, source)["id"]
    refusal = (
        "Unable to delete compute service that has in-progress migrations. Complete the migrations or delete the "
        "instances first."
    )
    assert fault(cloud, "DELETE", f"/os-services/{service}") == (409, refusal)
    cloud.admin.post(f"/servers/{made}/action", {"confirmResize": None}, 204)
    cloud.admin.wait_for(made, "ACTIVE")
    cloud.stop(cloud.compute)
    cloud.admin.at("2.53").ok("DELETE", f"/os-services/{service}", status=204)


def test_numbers_that_no_service_has(cloud: Cloud) -> None:
    for number in ("99", str(2**31), "-" + "9" * 12, "9" * 30, "9" * 5000):
        assert fault(cloud, "DELETE", f"/os-services/{number}", None, "2.1") == (404, f"Service {number} not found.")
