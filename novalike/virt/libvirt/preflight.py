"""What is checked before the daemon says that it is ready: wrong configuration ends it with a sentence."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from oslo_config import cfg

from novalike.virt.libvirt.capabilities import HostCapabilities, MachineCapabilities

LOG = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def writing(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``function(…)``, which writes below ``state_path``.

    :raises SystemExit: it couldn't.
    """
    try:
        return function(*args, **kwargs)
    except OSError as e:
        raise SystemExit(f"[DEFAULT] state_path: {e.filename or 'a folder below it'} can't be written: {e.strerror}") \
            from e  # fmt: skip


def check_host(conf: cfg.ConfigOpts, instances: Path) -> None:
    """Folders and programs.

    :raises SystemExit: something is missing.
    """
    if conf.libvirt.cpu_mode == "custom" and not conf.libvirt.cpu_models:
        raise SystemExit("[libvirt] cpu_mode is custom, so [libvirt] cpu_models must name a CPU model")
    if not shutil.which("qemu-img"):
        raise SystemExit("qemu-img is not installed; the libvirt driver ([DEFAULT] compute_driver) needs it")
    if not instances.exists():
        writing(instances.mkdir, parents=True, exist_ok=True)
        writing(instances.chmod, 0o711)  # not at once: a umask would take from it
    if not os.access(instances, os.W_OK | os.X_OK):
        raise SystemExit(f"[DEFAULT] state_path: {instances} can't be written")
    closed = [str(folder) for folder in (instances, *instances.parents) if not folder.stat().st_mode & 0o001]
    if closed:
        LOG.warning(
            "%s can't be entered by other users; QEMU must run as root (user in qemu.conf) to reach guests' disks",
            ", ".join(closed),
        )


def check_virt_type(conf: cfg.ConfigOpts, host: HostCapabilities) -> None:
    """``[libvirt] virt_type``.

    :raises SystemExit: this libvirt has no such domains.
    """
    types = {domain for arch, domain in host.guests if arch == host.arch}
    if conf.libvirt.virt_type not in types:
        have = ", ".join(sorted(types)) or "none"
        raise SystemExit(
            f"[libvirt] virt_type is {conf.libvirt.virt_type}, and {conf.libvirt.connection_uri} offers only: {have}"
        )


def check_machine(conf: cfg.ConfigOpts, machine: MachineCapabilities) -> None:
    """``[libvirt] cpu_mode``.

    :raises SystemExit: the default machine type doesn't have it.
    """
    mode = conf.libvirt.cpu_mode
    if mode in ("host-model", "maximum", "custom") and mode not in machine.cpu_modes:
        have = ", ".join(sorted(machine.cpu_modes)) or "none"
        raise SystemExit(f"[libvirt] cpu_mode is {mode}, and with virt_type {conf.libvirt.virt_type} there are: {have}")


def has_direct_io(folder: Path) -> bool:
    """Whether files in a folder can be opened without the page cache, as cache mode ``none`` needs."""
    probe = folder / f".direct-io-{os.getpid()}"
    try:
        descriptor = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_DIRECT, 0o600)
    except OSError:
        return False
    else:
        os.close(descriptor)
        return True
    finally:
        probe.unlink(missing_ok=True)
