"""What os-vif is asked for."""

import threading
import time
import uuid

import pytest

from novalike.objects.network import Vif
from novalike.virt.driver import GuestFailed
from novalike.virt.vif import plugger as module
from tests.fakes import records

PORT = str(uuid.uuid4())


def vif(**more):
    fields = {
        "port_id": PORT, "network_id": str(uuid.uuid4()), "network_name": "private", "mac": "fa:16:3e:00:00:01",
        "vif_type": "ovs", "mtu": 1442, "details": {"bridge_name": "br-x", "datapath_type": "netdev"},
    }  # fmt: skip
    return Vif(**(fields | more))


@pytest.fixture
def asked(monkeypatch):
    calls = []
    monkeypatch.setattr(module.os_vif, "plug", lambda v, info: calls.append(("plug", v, info)))
    monkeypatch.setattr(module.os_vif, "unplug", lambda v, info: calls.append(("unplug", v, info)))
    return calls


@pytest.fixture
def plugger():
    return module.VifPlugger("br-int")


def test_open_vswitch(asked, plugger):
    guest = records.guest()
    plugger.plug(guest, vif())
    ((_, plugged, instance),) = asked
    assert instance.uuid == guest.uuid
    assert (plugged.vif_name, plugged.bridge_name, plugged.plugin) == (f"tap{PORT}"[:14], "br-x", "ovs")
    assert (plugged.network.bridge, plugged.network.mtu) == ("br-x", 1442)
    profile = plugged.port_profile
    assert (profile.interface_id, profile.datapath_type, profile.create_port) == (PORT, "netdev", True)
    assert "create_tap" not in profile or not profile.create_tap


def test_a_tap_made_beforehand(asked, plugger):
    ready = vif(details={"ovs_create_tap": True})
    plugger.plug(records.guest(), ready)
    assert asked[0][1].port_profile.create_tap
    assert asked[0][1].network.bridge == "br-int"
    assert "multiqueue" not in asked[0][1].port_profile
    plugger.plug(records.guest(), ready, 2)
    assert asked[1][1].port_profile.multiqueue


def test_the_iptables_firewall(asked, plugger):
    hybrid = vif(details={"ovs_hybrid_plug": True, "port_filter": True, "ovs_create_tap": True})
    plugger.plug(records.guest(), hybrid)
    assert asked[0][1].bridge_name == f"qbr{PORT}"[:14]


def test_unplugging_asks_for_the_same(asked, plugger):
    plugger.unplug(records.guest(), vif())
    assert asked[0][0] == "unplug"
    assert asked[0][1].vif_name == f"tap{PORT}"[:14]


@pytest.mark.parametrize("kind", ["bridge", "tap", "binding_failed", None])
def test_nothing_to_unplug(asked, plugger, kind):
    plugger.unplug(records.guest(), vif(vif_type=kind))
    assert asked == []


@pytest.mark.parametrize("wrong", [{"vif_type": "unbound"}, {"vif_type": None}, {"vif_type": "vhostuser"},
                                   {"vnic_type": "direct"}])  # fmt: skip
def test_what_can_not_be_connected_is_refused(asked, plugger, wrong):
    with pytest.raises(GuestFailed, match=PORT):
        plugger.plug(records.guest(), vif(**wrong))
    assert asked == []


def test_one_at_a_time(monkeypatch, plugger):
    """Two at once fail with "This event loop is already running" when their threads are green."""
    busy, together = [], []

    def work(_vif, _info):
        busy.append(1)
        together.append(len(busy))
        time.sleep(0.05)
        busy.pop()

    for what in ("plug", "unplug"):
        monkeypatch.setattr(module.os_vif, what, work)
    verbs = (plugger.plug, plugger.unplug, plugger.plug)
    threads = [threading.Thread(target=verb, args=(records.guest(), vif())) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1, 1, 1]


def test_a_failure_says_what_failed(monkeypatch, plugger):
    def fail(a_vif, _info):
        raise module.os_vif.exception.PlugException(vif=a_vif, err="no bridge")

    monkeypatch.setattr(module.os_vif, "plug", fail)
    monkeypatch.setattr(module.os_vif, "unplug", fail)
    with pytest.raises(GuestFailed, match=f"{PORT} could not be plugged: no bridge$"):
        plugger.plug(records.guest(), vif())
    with pytest.raises(GuestFailed, match=f"{PORT} could not be unplugged: no bridge$"):
        plugger.unplug(records.guest(), vif())


def test_a_bridge_that_is_not_here(plugger):
    with pytest.raises(GuestFailed, match="nobridge"):
        plugger.plug(records.guest(), vif(vif_type="bridge", bridge="nobridge"))
