"""Consoles, as far as a hypervisor has them."""

from types import SimpleNamespace
from typing import Any

import pytest

from novalike.compute.server import ComputeHandler
from novalike.objects import errors
from novalike.virt.driver import ConsoleLocation, GuestNotFound
from novalike.virt.guest import GuestRef
from tests.fakes.records import context


class Plain:
    """A hypervisor without consoles."""

    conf = SimpleNamespace(vnc=SimpleNamespace(novncproxy_base_url="http://proxy/vnc.html"))


class Screens(Plain):
    def __init__(self, *guests: str) -> None:
        self.guests = guests

    def _find(self, guest: GuestRef) -> None:
        assert (guest.host, guest.name) == ("h", "instance-1")
        if guest.uuid not in self.guests:
            raise GuestNotFound(instance_id=guest.uuid)

    def console_output(self, guest: GuestRef) -> bytes:
        self._find(guest)
        return b"one\ntwo\n\xff"

    def vnc_console(self, guest: GuestRef) -> ConsoleLocation:
        self._find(guest)
        return ConsoleLocation(host="10.0.0.1", port=5901)


def handler(driver: Any) -> ComputeHandler:
    bus = SimpleNamespace(client=lambda interface: None)
    return ComputeHandler(driver, None, None, bus, "incarnation")  # type: ignore[arg-type]


def ask(what: str, driver: Any, uuid: str = "s", **more: Any) -> Any:
    return getattr(handler(driver), what)(context(), host="h", instance_uuid=uuid, instance_name="instance-1", **more)


def test_what_a_guest_has_printed() -> None:
    assert ask("console_output", Screens("s"), length=None) == "one\ntwo\n\ufffd"
    assert ask("console_output", Screens("s"), length=2) == "two\n\ufffd"
    assert ask("console_output", Screens("s"), length=1) == "\ufffd"
    assert ask("console_output", Screens("s"), length=0) == ask("console_output", Screens("s"), length=-1) == ""


def test_where_a_guest_shows_its_screen() -> None:
    access = ask("console_access", Screens("s"), console_type="novnc")
    assert (access.host, access.port, access.access_url_base) == ("10.0.0.1", 5901, "http://proxy/vnc.html")


def test_a_guest_that_is_not_there_yet() -> None:
    for what, more in (("console_output", {"length": 1}), ("console_access", {"console_type": "novnc"})):
        with pytest.raises(errors.InstanceNotReady) as raised:
            ask(what, Screens(), **more)
        assert raised.value.fields["instance_id"] == "s"


def test_a_hypervisor_without_consoles() -> None:
    with pytest.raises(errors.NotSupported):
        ask("console_output", Plain(), length=1)
    with pytest.raises(errors.ConsoleTypeUnavailable) as raised:
        ask("console_access", Plain(), console_type="novnc")
    assert raised.value.fields["console_type"] == "novnc"


def test_a_console_of_a_kind_that_there_is_not() -> None:
    with pytest.raises(errors.ConsoleTypeUnavailable):
        ask("console_access", Screens("s"), console_type="xvpvnc")


def test_who_it_is() -> None:
    assert handler(Plain()).ping(context()) == "incarnation"
