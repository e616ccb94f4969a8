"""What becomes of operations when something dies or fails at a bad moment."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.conductor.cells import Cell, Cells
from novalike.conductor.journal import JournalHandler
from novalike.conductor.operations.legs import ConductorLegs
from novalike.conductor.operations.reconciler import Reconciler
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.operation import Operation
from novalike.objects.record import utcnow
from novalike.virt.driver import GuestFailed
from novalike.virt.guest import Guest
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]
SUBMIT = ConductorLegs.submit


def _nothing_left(cloud: Cloud, uuid: str) -> None:
    assert not [g for host in cloud.compute.driver.hosts() for g in cloud.compute.driver.guests(host)]
    assert not cloud.neutron.ports(device_id=uuid)
    # A conductor gives the claim of a failed build up at its next look.
    cloud.eventually(lambda: uuid not in cloud.placement.consumers)


def test_no_valid_host_says_why(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=2, quota__ram=-1)
    cloud.admin.post("/flavors", {"flavor": {"id": "9", "name": "huge", "ram": 10**7, "vcpus": 1, "disk": 1}})
    body = cloud.server_body("huge")
    body["server"]["flavorRef"] = "9"
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    server = cloud.demo.wait_for(made["id"], "ERROR")
    assert server["fault"]["code"] == 500
    assert "No valid host was found" in server["fault"]["message"]
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])
    _nothing_left(cloud, made["id"])


def test_failed_spawn_goes_to_another_host(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=3)
    spawn, tried = cloud.compute.driver.spawn, []

    def fail_once(guest: Guest, *args: Any) -> None:
        tried.append(guest.host)
        if len(tried) == 1:
            raise GuestFailed(reason="no")
        spawn(guest, *args)

    cloud.compute.driver.spawn = fail_once  # type: ignore[method-assign]
    body = cloud.server_body("again", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(tried) == 2
    assert tried[0] != tried[1]
    assert len(cloud.neutron.ports(device_id=made["id"])) == 1


def test_spawn_that_fails_everywhere_leaves_nothing(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=4, fake__failure_rate=1.0)
    body = cloud.server_body("never", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    server = cloud.demo.wait_for(made["id"], "ERROR")
    assert server["fault"]
    _nothing_left(cloud, made["id"])
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])


def test_delete_while_building(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, fake__spawn_latency=0.5)
    body = cloud.server_body("gone", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    path = f"/servers/{made['id']}"
    cloud.eventually(lambda: cloud.demo.get(path)["server"]["OS-EXT-STS:task_state"] == "spawning")
    cloud.demo.delete(path)
    cloud.demo.wait_gone(made["id"])
    _nothing_left(cloud, made["id"])


def test_lost_hints_are_said_again(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(conductor__operation_resend_after=0.3)
    lost: list[str] = []

    def lose_first(interface: str, method: str) -> str | None:
        if (interface, method) == ("Compute", "run") and len(lost) < 2:
            lost.append(method)
            return "lose"
        return None

    cloud.bus.fault = lose_first
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("late"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(lost) == 2


def test_an_operation_that_cannot_be_looked_after_does_not_hold_up_others(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = make_cloud(conductor__operation_resend_after=0.3)
    remind, failed = Reconciler._remind, []

    def fail_for_the_oldest(self: Reconciler, cell: Cell, ctx: Any, operation: Operation, endpoint: str) -> None:
        if operation.instance_uuid == made[0]:
            failed.append(operation.uuid)
            raise KeyError("something that nobody thought of")
        remind(self, cell, ctx, operation, endpoint)

    monkeypatch.setattr(Reconciler, "_remind", fail_for_the_oldest)
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    made = [
        cloud.demo.at("2.37").post("/servers", cloud.server_body(name), 202)["server"]["id"] for name in ("ill", "well")
    ]
    cloud.eventually(lambda: len(failed) > 1)
    cloud.bus.fault = lambda interface, method: None
    cloud.demo.wait_for(made[1], "ACTIVE")
    assert cloud.demo.get(f"/servers/{made[0]}")["server"]["status"] == "BUILD"
    monkeypatch.undo()
    cloud.demo.wait_for(made[0], "ACTIVE")


def test_ended_operations_hold_up_no_others(make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neutron is away, and thousands of builds that have failed wait for it. A hint that was lost is said again within
    five seconds all the same, and what a dead conductor held is taken over."""
    unlimited = dict.fromkeys(("quota__instances", "quota__cores", "quota__ram"), -1)
    cloud = make_cloud(conductor__operation_resend_after=0.3, conductor__operation_lease=2.0, **unlimited)
    first = cloud.demo.at("2.37").post("/servers", cloud.server_body("first"), 202)["server"]["id"]
    cloud.demo.wait_for(first, "ACTIVE")
    asked: list[str] = []

    def away(name: str, *_args: Any, **_keywords: Any) -> None:
        asked.append(name)
        time.sleep(0.5)
        raise errors.Unavailable(reason="neutron is away")

    database = cloud.conductor.cells.compute_cells()[0].database

    def fail(connection: Any) -> None:
        row = dict(connection.execute(sa.select(t.instances)).one()._mapping)
        operation = dict(connection.execute(sa.select(t.operations)).one()._mapping)
        now = utcnow()
        servers, operations = [], []
        for number in range(2000):
            uuid = f"00000000-0000-0000-0000-{number:012}"
            servers.append({**row, "id": None, "uuid": uuid, "host": None, "node": None, "vm_state": "error"})
            ended = {"state": "failed", "finish_time": now, "due_at": now, "host": None}
            operations.append({**operation, "id": None, "uuid": uuid, "instance_uuid": uuid, **ended})
        connection.execute(sa.insert(t.instances), servers)
        connection.execute(sa.insert(t.operations), operations)

    monkeypatch.setattr("novalike.conductor.operations.delete.release_ports", away)
    database.write(fail)
    cloud.eventually(lambda: len(asked) > 4)
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    hinted = cloud.demo.at("2.37").post("/servers", cloud.server_body("hinted"), 202)["server"]["id"]
    cloud.eventually(lambda: cloud.admin.get(f"/servers/{hinted}")["server"]["OS-EXT-SRV-ATTR:host"])
    cloud.bus.fault = lambda interface, method: None
    began = time.monotonic()
    cloud.demo.wait_for(hinted, "ACTIVE")
    # Held by a conductor that is no more; it was placed before the scheduler was asked.
    monkeypatch.setattr(ConductorLegs, "submit", lambda *_args: None)
    held = cloud.demo.at("2.37").post("/servers", cloud.server_body("held"), 202)["server"]["id"]
    monkeypatch.setattr(ConductorLegs, "submit", SUBMIT)
    now = utcnow()
    database.write(lambda c: c.execute(
        sa.update(t.operations).where(t.operations.c.instance_uuid == held).values(holder="conductor dead", due_at=now)
    ))  # fmt: skip
    cloud.demo.wait_for(held, "ACTIVE")
    assert time.monotonic() - began < 5


def test_hints_go_to_the_process_that_has_the_host_now(make_cloud: MakeCloud) -> None:
    """It has another address than the one at which the server was built."""
    cloud = make_cloud(hosts=1, host="older")
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("moved"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    cloud.stop(cloud.compute)
    cloud.conf.set_override("host", "newer")
    cloud.compute = cloud.start_compute()
    cloud.demo.post(f"/servers/{made}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(made, "SHUTOFF", timeout=5)


def test_a_cell_that_is_away_does_not_hold_up_others(make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked after in the other ones is."""
    cloud = make_cloud(cells=2, conductor__operation_resend_after=0.3)
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("there"), 202)["server"]["id"]
    cells = cloud.conductor.cells
    cloud.eventually(lambda: cloud.admin.get(f"/servers/{made}")["server"]["OS-EXT-SRV-ATTR:host"])
    away = cells.all()[0].database
    assert cells.of_instance(made).database is not away
    query = Database.query

    def unreachable(self: Database, function: Any) -> Any:
        if self is away and getattr(function, "__qualname__", "").startswith(Reconciler.__name__):
            raise errors.Unavailable(reason="the database can't be reached")
        return query(self, function)

    monkeypatch.setattr(Database, "query", unreachable)
    cloud.bus.fault = lambda interface, method: None
    cloud.demo.wait_for(made, "ACTIVE")


def test_doubled_messages_do_no_harm(make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    cloud.bus.fault = lambda interface, method: "double" if interface in ("Compute", "Journal") else None
    body = cloud.server_body("twice", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(cloud.neutron.ports(device_id=made["id"])) == 1
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])
    _nothing_left(cloud, made["id"])


def test_compute_that_dies_in_a_build_finishes_it_later(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)

    def die(*_args: Any) -> None:
        raise errors.Fenced(operation_id="dead", epoch=0)  # what a dead process says: nothing

    cloud.compute.driver.spawn = die  # type: ignore[method-assign]
    body = cloud.server_body("phoenix", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    path = f"/servers/{made['id']}"
    cloud.eventually(lambda: cloud.demo.get(path)["server"]["OS-EXT-STS:task_state"] == "spawning")
    cloud.stop(cloud.compute)
    cloud.compute = cloud.start_compute()
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(cloud.neutron.ports(device_id=made["id"])) == 1
    cloud.demo.delete(path)
    cloud.demo.wait_gone(made["id"])
    _nothing_left(cloud, made["id"])


def test_what_a_dead_process_took_up_last_is_taken_up_by_its_successor(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dead one's question was under way: it came between what the successor's recovery read and what it wrote."""
    accept, dead = JournalHandler.accept, []

    def accept_for_the_dead(handler: JournalHandler, ctx: Any, *, incarnation: str, **asked: Any) -> tuple[Any, ...]:
        if dead:
            return accept(handler, ctx, incarnation=incarnation, **asked)
        dead.append("20000000-0000-0000-0000-00000000dead")
        assert accept(handler, ctx, incarnation=dead[0], **asked)
        return ()

    monkeypatch.setattr(JournalHandler, "accept", accept_for_the_dead)
    cloud = make_cloud(hosts=1, conductor__operation_remind_after=0.3)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("heir"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert dead


def test_recovery_looks_again_at_what_changed_under_its_hands(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = make_cloud(hosts=1)  # a reminder would come after half a minute: too late
    spawn = cloud.compute.driver.spawn

    def die(*_args: Any) -> None:
        raise errors.Fenced(operation_id="dead", epoch=0)

    cloud.compute.driver.spawn = die  # type: ignore[method-assign]
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("heir"), 202)["server"]
    path = f"/servers/{made['id']}"
    cloud.eventually(lambda: cloud.demo.get(path)["server"]["OS-EXT-STS:task_state"] == "spawning")
    cloud.stop(cloud.compute)
    cloud.compute.driver.spawn = spawn  # type: ignore[method-assign]
    look, looks = servers_db.to_recover, 0

    def look_before_the_dead_one_accepts(connection: Any, hosts: Any) -> Any:
        nonlocal looks
        looks += 1
        found = look(connection, hosts)
        if looks == 1:
            (operation,) = (operation for operation, _ in found)
            dead = {"holder": "20000000-0000-0000-0000-00000000dead", "epoch": operation.epoch + 1}
            assert operations_db.update(connection, operation.uuid, operation.epoch, **dead)
        return found

    monkeypatch.setattr(servers_db, "to_recover", look_before_the_dead_one_accepts)
    cloud.compute = cloud.start_compute()
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert looks == 2


def test_server_of_a_dead_host_can_be_deleted(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, service_down_time=2, report_interval=1)
    body = cloud.server_body("orphan", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.stop(cloud.compute)
    path = f"/servers/{made['id']}"
    cloud.eventually(lambda: cloud.admin.at("2.16").get(path)["server"]["host_status"] == "DOWN", timeout=15)
    cloud.demo.delete(path)
    cloud.demo.wait_gone(made["id"])
    assert not cloud.neutron.ports(device_id=made["id"])
    cloud.compute = cloud.start_compute()
    cloud.eventually(lambda: not cloud.compute.driver.guests(cloud.compute.driver.hosts()[0]))
    _nothing_left(cloud, made["id"])


def test_guest_that_stops_by_itself_is_seen(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("panic"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.compute.driver.crash_guest(cloud.compute.driver.hosts()[0], made["id"])  # type: ignore[attr-defined]
    cloud.demo.wait_for(made["id"], "SHUTOFF")


def test_scheduler_and_broker_away_for_a_while(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(conductor__reaper_interval=0.2)
    cloud.stop(cloud.scheduler)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("patience"), 202)["server"]
    cloud.eventually(lambda: cloud.demo.get(f"/servers/{made['id']}")["server"]["status"] == "BUILD")
    cloud.scheduler = cloud.start_scheduler()
    cloud.demo.wait_for(made["id"], "ACTIVE")


def test_several_cells(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(cells=2)
    body = cloud.server_body("celled", tags=["t"])
    made = cloud.demo.at("2.52").post("/servers", body, 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert [s["id"] for s in cloud.demo.get("/servers")["servers"]] == [made["id"]]
    assert cloud.demo.at("2.26").get(f"/servers/{made['id']}/tags") == {"tags": ["t"]}
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])


def test_a_server_that_leaves_cell0_while_it_is_looked_up_is_found(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a 404, a moment after its 202."""
    cloud = make_cloud(cells=2)
    look_up, looked = Cells.of_instance, []

    def slowly(self: Cells, uuid: str) -> Cell:
        cell = look_up(self, uuid)
        if cell.is_cell0 and not looked:
            looked.append(uuid)
            cloud.eventually(lambda: not look_up(self, uuid).is_cell0)
        return cell

    monkeypatch.setattr(Cells, "of_instance", slowly)
    cloud.bus.fault = lambda interface, method: 0.5 if method == "select" else None
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("leaving"), 202)["server"]
    assert cloud.demo.get(f"/servers/{made['id']}")["server"]["id"] == made["id"]
    assert looked == [made["id"]]


def test_build_on_a_host_that_dies_goes_elsewhere(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(
        hosts=1, service_down_time=2, report_interval=1, conductor__operation_resend_after=0.3,
        fake__host_prefix="first",
    )  # fmt: skip
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("moves"), 202)["server"]
    path = f"/servers/{made['id']}"
    cloud.eventually(lambda: cloud.admin.get(path)["server"]["OS-EXT-SRV-ATTR:host"] == "first001")
    cloud.stop(cloud.compute)
    cloud.bus.fault = lambda interface, method: None
    cloud.conf.set_override("host_prefix", "second", "fake")
    cloud.conf.set_override("host", "ctl2")
    cloud.compute = cloud.start_compute()
    cloud.demo.wait_for(made["id"], "ACTIVE", timeout=30)
    assert cloud.admin.get(path)["server"]["OS-EXT-SRV-ATTR:host"] == "second001"


def test_stop_on_a_dead_host_ends(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, service_down_time=2, report_interval=1, conductor__operation_resend_after=0.3)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("stuck"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    path = f"/servers/{made['id']}"
    cloud.demo.post(f"{path}/action", {"os-stop": None}, 202)
    cloud.stop(cloud.compute)
    cloud.eventually(lambda: cloud.demo.get(path)["server"]["OS-EXT-STS:task_state"] is None, timeout=20)
    assert cloud.demo.get(path)["server"]["status"] == "ACTIVE"
    action = cloud.demo.get(f"{path}/os-instance-actions")["instanceActions"][0]
    assert (action["action"], action["message"]) == ("stop", "Error")


def test_guest_that_stops_before_its_build_has_ended(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    spawn = cloud.compute.driver.spawn

    def spawn_and_panic(guest: Guest, *args: Any) -> None:
        spawn(guest, *args)
        cloud.compute.driver.crash_guest(guest.host, guest.uuid)  # type: ignore[attr-defined]

    cloud.compute.driver.spawn = spawn_and_panic  # type: ignore[method-assign]
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("brief"), 202)["server"]
    cloud.demo.wait_for(made["id"], "SHUTOFF")


def test_reboot_of_a_guest_that_cannot_be_seen_afterwards_ends(make_cloud: MakeCloud) -> None:
    """It said neither that it was done nor that it had failed, and was done again at each reminder."""
    cloud = make_cloud(hosts=1, conductor__operation_remind_after=0.3, conductor__operation_resend_after=0.3)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("blind"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    driver, reboots = cloud.compute.driver, []
    find_guest, reboot = driver.find_guest, driver.reboot

    def refuse(*_args: Any) -> None:
        raise GuestFailed(reason="libvirt: the guest can't be described")

    def count(*args: Any, **more: Any) -> None:
        reboots.append(args)
        reboot(*args, **more)

    driver.find_guest, driver.reboot = refuse, count  # type: ignore[method-assign, assignment]
    cloud.demo.post(f"/servers/{made['id']}/action", {"reboot": {"type": "HARD"}}, 202)
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert len(reboots) == 1
    action = cloud.demo.get(f"/servers/{made['id']}/os-instance-actions")["instanceActions"][0]
    assert (action["action"], action["message"]) == ("reboot", None)
    # What it is now is looked at again, and others' guests meanwhile.
    driver.reboot = reboot  # type: ignore[method-assign]
    driver.find_guest = find_guest  # type: ignore[method-assign]
    driver.crash_guest(driver.hosts()[0], made["id"])  # type: ignore[attr-defined]
    cloud.demo.wait_for(made["id"], "SHUTOFF")


def test_a_guest_that_cannot_be_seen_does_not_hold_up_others(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    made = [
        cloud.demo.at("2.37").post("/servers", cloud.server_body(name), 202)["server"]["id"] for name in ("ill", "well")
    ]
    for uuid in made:
        cloud.demo.wait_for(uuid, "ACTIVE")
    driver, (host,) = cloud.compute.driver, cloud.compute.driver.hosts()
    driver._listeners.clear()  # type: ignore[attr-defined]  # nobody hears of it
    find_guest = driver.find_guest

    def refuse_one(guest: Guest) -> Any:
        if guest.uuid == made[0]:
            raise GuestFailed(reason="libvirt: the guest can't be described")
        return find_guest(guest)

    driver.find_guest = refuse_one  # type: ignore[method-assign]
    for uuid in made:
        driver.crash_guest(host, uuid)  # type: ignore[attr-defined]
    assert not cloud.compute.recovery.reconcile()
    cloud.demo.wait_for(made[1], "SHUTOFF")


def test_what_goes_wrong_in_taking_up_is_survived(make_cloud: MakeCloud) -> None:
    """The thread that takes operations up ended, and the host took nothing up any more."""
    cloud = make_cloud(hosts=1, conductor__operation_resend_after=0.3)
    conductor = cloud.compute.worker._conductor
    accept, failed = conductor.accept, []

    def fail_once(ctx: Any, **asked: Any) -> Any:
        if not failed:
            failed.append(asked)
            raise ValueError("an answer that nobody can read")
        return accept(ctx, **asked)

    conductor.accept = fail_once  # type: ignore[method-assign]
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("late"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert failed


def test_what_a_dead_host_was_to_do_fails_and_its_server_stays_what_it_was(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, service_down_time=2, report_interval=1, conductor__operation_resend_after=0.3)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("patient"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    cloud.demo.post(f"/servers/{made}/action", {"os-stop": None}, 202)
    cloud.stop(cloud.compute)
    cloud.bus.fault = lambda interface, method: None
    server = cloud.demo.wait_for(made, "ACTIVE")
    actions = cloud.demo.get(f"/servers/{made}/os-instance-actions")["instanceActions"]
    assert (actions[0]["action"], actions[0]["message"]) == ("stop", "Error")
    assert "fault" not in server, "a server that is well shows none"


def test_a_guest_that_stopped_while_nobody_looked_is_seen_at_the_next_start(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("panic"), 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    driver = cloud.compute.driver
    cloud.stop(cloud.compute)
    driver.crash_guest(driver.hosts()[0], made)  # type: ignore[attr-defined]
    assert cloud.demo.get(f"/servers/{made}")["server"]["status"] == "ACTIVE"
    cloud.compute = cloud.start_compute()
    cloud.demo.wait_for(made, "SHUTOFF")


def test_a_host_without_a_service_is_as_good_as_down(make_cloud: MakeCloud) -> None:
    """A stop of its server is refused; it is not taken for a delete, which a conductor can do alone."""
    cloud = make_cloud(hosts=1, report_interval=3600)
    body = cloud.server_body("kept", networks=[{"uuid": cloud.network["id"]}])
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    cell = cloud.conductor.cells.compute_cells()[0]
    cell.database.write(lambda c: c.execute(sa.delete(t.services).where(t.services.c.binary == "novalike-compute")))
    refused = cloud.demo.request("POST", f"/servers/{made}/action", {"os-stop": None})
    assert refused.status_code >= 400, refused.text
    assert cloud.neutron.ports(device_id=made)
    assert made in cloud.placement.consumers
    cloud.demo.delete(f"/servers/{made}")
    cloud.demo.wait_gone(made)
    assert not cloud.neutron.ports(device_id=made)
