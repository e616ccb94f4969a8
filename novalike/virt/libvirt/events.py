"""libvirt's events: its loop runs in a real thread, what happens is handed over to the process's own threads."""

import logging
from collections.abc import Callable
from typing import Any

import libvirt

from novalike.virt import native_threads

LOG = logging.getLogger(__name__)

# Changes of a guest's power; the others (defined, undefined, …) change nothing that anybody waits for.
_INTERESTING = frozenset({
    libvirt.VIR_DOMAIN_EVENT_STARTED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_RESUMED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_CRASHED, libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED,
})  # fmt: skip

_running = False


def start_loop() -> None:
    """Run libvirt's event loop, once per process; before the first connection is opened."""
    global _running
    if _running:
        return
    _running = True
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # errors are raised, not printed
    native_threads.spawn(_loop, "libvirt-events")


def _loop() -> None:
    # The loop must turn even while there is nothing to wait for.
    libvirt.virEventAddTimeout(1000, lambda _timer, _opaque: None, None)
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            continue


class PowerEvents:
    """Tells ``changed`` the uuid of each guest whose power may have changed, in a thread of the process's kind.

    Only the uuid: by the time somebody acts on it the state may be another one, so it is to be looked up.
    """

    def __init__(self, changed: Callable[[str], None]) -> None:
        start_loop()
        self._mailbox = native_threads.Mailbox(changed, "power-events")

    def subscribe(self, connection: libvirt.virConnect) -> None:
        """Ask a new connection for its events (in a real thread)."""
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._happened, None)

    def close(self) -> None:
        """Stop telling."""
        self._mailbox.close()

    def _happened(
        self, _connection: libvirt.virConnect, domain: libvirt.virDomain, event: int, _detail: int, _opaque: Any
    ) -> None:
        # in libvirt's thread: no logging, no locks
        if event in _INTERESTING:
            self._mailbox.put(domain.UUIDString())
