"""What the guest's XML says of interfaces, by the way their host's side is plugged."""

import pytest

pytest.importorskip("libvirt")

from novalike.objects.image import Image  # noqa: E402
from novalike.objects.network import Vif  # noqa: E402
from novalike.virt.driver import GuestFailed  # noqa: E402
from novalike.virt.libvirt.interfaces import interface  # noqa: E402

PORT = "9c3d1a3e-3f2f-4d6c-8f9b-2a1b3c4d5e6f"


def vif(vif_type="ovs", **more):
    return Vif(port_id=PORT, network_id="n", network_name="private", mac="fa:16:3e:00:00:01", vif_type=vif_type, **more)


def test_a_tap_made_beforehand():
    assert interface(vif(details={"ovs_create_tap": True}), None, 1).tap_exists
    assert not interface(vif(), None, 1).tap_exists
    assert interface(vif(), None, 1).kind == "ethernet"


def test_the_iptables_firewall():
    found = interface(vif(details={"ovs_hybrid_plug": True, "ovs_create_tap": True}), None, 1)
    assert (found.kind, found.bridge, found.tap_exists) == ("bridge", f"qbr{PORT}"[:14], False)


@pytest.mark.parametrize("wrong", [{"vif_type": "unbound"}, {"vif_type": None}, {"vif_type": "vhostuser"},
                                   {"vnic_type": "direct"}])  # fmt: skip
def test_what_can_not_be_connected_is_refused(wrong):
    with pytest.raises(GuestFailed, match=PORT):
        interface(vif(**wrong), None, 1)


def test_only_virtio_has_queues():
    assert interface(vif(), None, 4).queues == 4
    assert interface(vif(), Image(id="i", properties={"hw_vif_model": "e1000"}), 4).queues == 1
    assert interface(vif("bridge"), None, 1).bridge is not None
