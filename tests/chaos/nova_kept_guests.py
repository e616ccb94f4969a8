"""A hypervisor driver for OpenStack Nova: its own fake driver, whose guests outlive the daemon.

Nova's fake driver keeps its guests in memory, so to Nova every restart of nova-compute looks as if the whole rack had
lost power. Real guests outlive the daemon, and so do those of novalike's fake driver, so for a fair race these have to.
It runs inside nova-compute: ``nova_stack.py`` puts it where Nova looks for drivers.
"""

import json
import os
import threading
from pathlib import Path

import nova.conf
from nova.virt import fake, peers

# Sizes that the fake driver adds up, by their names there.
_SIZES = ("vcpus", "mem", "disk")


class KeptGuestsDriver(peers.PeersDriver):
    """One file per guest, in ``guests`` below the state path; it is there exactly as long as the guest is."""

    def init_host(self, host):
        super().init_host(host)
        self._folder = Path(nova.conf.CONF.state_path) / "guests"
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob("*.json"):
            kept = json.loads(path.read_text())
            self.instances[path.stem] = fake.FakeInstance(kept["name"], kept["state"], path.stem)
            self.resources.claim(**{size: kept[size] for size in _SIZES})

    def _keep(self, instance):
        flavor, guest = instance.flavor, self.instances[instance.uuid]
        kept = {
            "name": guest.name,
            "state": guest.state,
            "host": self._host,
            "node": instance.node,
            "vcpus": flavor.vcpus,
            "mem": flavor.memory_mb,
            "disk": flavor.root_gb,
        }
        draft = self._folder / f"{instance.uuid}.{threading.get_ident()}.new"
        draft.write_text(json.dumps(kept))
        os.replace(draft, self._folder / f"{instance.uuid}.json")

    def spawn(self, context, instance, *args, **kwargs):
        super().spawn(context, instance, *args, **kwargs)
        self._keep(instance)

    def power_on(self, context, instance, *args, **kwargs):
        super().power_on(context, instance, *args, **kwargs)
        self._keep(instance)

    def power_off(self, instance, *args, **kwargs):
        super().power_off(instance, *args, **kwargs)
        self._keep(instance)

    def destroy(self, context, instance, *args, **kwargs):
        (self._folder / f"{instance.uuid}.json").unlink(missing_ok=True)
        super().destroy(context, instance, *args, **kwargs)
