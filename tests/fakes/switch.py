"""An Open vSwitch in memory, in the place of os-vif and of its database."""

from typing import Any

from novalike.virt.vif.ovs_ports import OvsPort


class MemorySwitch:
    """``ports`` by name. ``fail`` is raised by everything, when it is set."""

    def __init__(self) -> None:
        self.ports: dict[str, OvsPort] = {}
        self.fail: Exception | None = None

    def install(self, monkeypatch: Any) -> "MemorySwitch":
        """Take os-vif's place."""
        from novalike.virt.vif import ovs_ports, plugger

        monkeypatch.setattr(plugger.os_vif, "plug", self.plug)
        monkeypatch.setattr(plugger.os_vif, "unplug", self.unplug)
        monkeypatch.setattr(ovs_ports.OvsPorts, "listed", lambda _self: self.listed())
        return self

    def listed(self) -> list[OvsPort]:
        if self.fail:
            raise self.fail
        return list(self.ports.values())

    def plug(self, vif: Any, instance: Any) -> None:
        if self.fail:
            raise self.fail
        port_id = vif.port_profile.interface_id
        self.ports[vif.vif_name] = OvsPort(
            name=vif.vif_name, bridge=vif.network.bridge, port_id=port_id, mac=vif.address, instance_uuid=instance.uuid
        )

    def unplug(self, vif: Any, instance: Any) -> None:
        if self.fail:
            raise self.fail
        found = self.ports.get(vif.vif_name)
        if found and found.bridge == vif.network.bridge:
            del self.ports[vif.vif_name]
