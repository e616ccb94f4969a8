"""Starting and stopping guests: the calls of :mod:`.domains`, with the waiting between them."""

import logging
import time

from novalike.virt import cancellation
from novalike.virt.libvirt import domains
from novalike.virt.libvirt.connection import Connection

LOG = logging.getLogger(__name__)

# A guest that is still booting does not hear the first press of its power button.
_PRESS_EVERY = 10.0
_LOOK_EVERY = 0.25


def shut_down(connection: Connection, uuid: str, timeout: float) -> bool:
    """Ask a guest to shut down, and wait for it.

    :param timeout: seconds.
    :returns: whether it is off (or was, or isn't there).
    :raises Cancelled: the job that waits is to stop.
    """
    started = time.monotonic()
    next_press = started
    while connection.call(domains.is_active, uuid):
        now = time.monotonic()
        if now - started >= timeout:
            return False
        if now >= next_press:
            if not connection.call(domains.ask_to_shut_down, uuid):
                return not connection.call(domains.is_active, uuid)
            next_press = now + _PRESS_EVERY
        cancellation.sleep(min(_LOOK_EVERY, timeout))
    return True


def power_off(connection: Connection, uuid: str, timeout: float) -> None:
    """Shut a guest down within ``timeout`` seconds, or switch it off."""
    if timeout > 0 and shut_down(connection, uuid, timeout):
        return
    if timeout > 0:
        LOG.info("Instance %s did not shut down in %s s: switching it off", uuid, timeout)
    connection.call(domains.switch_off, uuid)
