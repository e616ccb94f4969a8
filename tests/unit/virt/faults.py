"""What gives way in the middle: libvirtd, or the disk, or the process itself."""

import errno
import os
import threading
from pathlib import Path

from oslo_concurrency import processutils

from tests.unit.virt import mock_libvirt

libvirt = mock_libvirt.libvirt

from novalike.virt.images import qemu_img  # noqa: E402
from novalike.virt.libvirt.connection import Connection  # noqa: E402


class _Lost(libvirt.libvirtError):
    def __init__(self):
        super().__init__("End of file while reading data: Input/output error")

    def get_error_code(self):
        return libvirt.VIR_ERR_SYSTEM_ERROR

    def get_error_domain(self):
        return libvirt.VIR_FROM_RPC


class LosesLibvirt:
    """The connection is lost in the ``at``-th call, before libvirt does something or after it."""

    def __init__(self, monkeypatch):
        self.at, self.done, self.before = -1, 0, True
        original, mine = Connection.call, threading.current_thread()

        def call(connection, function, /, *args, **kwargs):
            def interrupted(raw, *args, **kwargs):
                if not self.before:
                    function(raw, *args, **kwargs)
                raise _Lost

            if threading.current_thread() is not mine:  # one that looks after events
                return original(connection, function, *args, **kwargs)
            self.done += 1
            return original(connection, interrupted if self.done == self.at else function, *args, **kwargs)

        monkeypatch.setattr(Connection, "call", call)


class Breaks:
    """What happens in the middle of writing.

    The ``at``-th time that a disk is written to, or a program runs that does, ``act`` is called with the path.

    :param also: further functions that count, as their owners and names.
    """

    def __init__(self, monkeypatch, *also):
        self.at, self.done, self.act = -1, 0, lambda path: None
        monkeypatch.setattr(qemu_img, "_UNTRUSTED", None)  # limits cost a third of a second each time
        for owner, name in ((Path, "mkdir"), (Path, "rename"), (Path, "chmod"), (os, "fsync"), (os, "utime"), *also):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))
        real = Path.open
        counted = self._counted(real)
        monkeypatch.setattr(
            Path, "open", lambda path, mode="r", *a, **k: (counted if "w" in mode else real)(path, mode, *a, **k)
        )
        execute = processutils.execute

        def run(*command, **options):
            self.done += not {"info", "check"} & {*command}  # these only read
            if self.done == self.at:
                self.act(next((Path(word) for word in command if ".part" in word), None))
            return execute(*command, **options)

        monkeypatch.setattr(processutils, "execute", run)

    def _counted(self, function):
        def call(*args, **kwargs):
            self.done += 1
            if self.done == self.at:
                self.act(None)
            return function(*args, **kwargs)

        return call


def fill(path):
    if path is not None:
        path.write_bytes(b"half of it")
        raise processutils.ProcessExecutionError(stderr="No space left on device", exit_code=1)
    raise OSError(errno.ENOSPC, "No space left on device")
