"""What the guest's XML says of its network interfaces. Their host's side is :mod:`novalike.virt.vif`'s. Pure."""

from novalike.objects.image import Image
from novalike.objects.network import Vif
from novalike.virt.libvirt import hardware
from novalike.virt.libvirt.guestspec import Interface
from novalike.virt.vif import plugger


def interface(vif: Vif, image: Image | None, queues: int) -> Interface:
    """Return an interface as libvirt is to have it.

    :raises GuestFailed: it can't be connected here, or the image wants a card that can't be had.
    """
    plugger.check(vif)
    model = hardware.vif_model(image)
    bridge = None
    if vif.vif_type == "bridge":
        bridge = plugger.linux_bridge(vif)
    elif plugger.is_hybrid(vif):
        bridge = plugger.hybrid_bridge(vif)
    return Interface(
        kind="bridge" if bridge else "ethernet",
        mac=vif.mac,
        device=plugger.device_name(vif),
        model=model,
        bridge=bridge,
        mtu=vif.mtu,
        tap_exists=vif.vif_type == "ovs" and plugger.makes_tap(vif),
        queues=queues if model == "virtio" else 1,
    )
