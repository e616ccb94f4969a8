"""Which concurrency the process runs on: eventlet (default) or native threads.

Entry points in ``novalike.cmd`` import this module in their first line and call :func:`prepare` before any
other import; nothing else patches. The choice is the environment variable ``NOVALIKE_CONCURRENCY``
(``eventlet`` or ``threading``): it must be known before the configuration files can be read.
"""

import gc
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

# Objects that are made, less those that are gone, before garbage is looked for while a program is loaded: what modules
# are made of stays, and to search it again and again takes a seventh of the time of a start.
_GARBAGE_WHILE_LOADING = 100_000

BACKENDS = ("eventlet", "threading")


def backend() -> str:
    """The concurrency backend of this process.

    :raises SystemExit: the environment variable has another value.
    """
    name = os.environ.get("NOVALIKE_CONCURRENCY", "eventlet")
    if name not in BACKENDS:
        sys.exit(f"NOVALIKE_CONCURRENCY={name!r} is not one of {', '.join(BACKENDS)}")
    return name


def prepare() -> None:
    """Patch the standard library when the process is to run on eventlet."""
    gc.set_threshold(_GARBAGE_WHILE_LOADING)
    hush()
    # eventlet's own DNS client is slow to load, and doesn't look names up as the rest of the host does.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    if backend() == "eventlet":
        import eventlet

        # os is left alone: os.fdopen and friends are blocking on purpose.
        eventlet.monkey_patch(os=False)
    else:
        # oslo.messaging imports oslo.service, which takes eventlet's side unless told otherwise.
        from oslo_service import backend as oslo_backend

        oslo_backend.init_backend(oslo_backend.BackendType.THREADING)


def hush() -> None:
    """Don't say at every start that eventlet is deprecated: it is known, and the reason why there is a choice."""
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")


def after_fork() -> None:
    """Give a forked process an event loop of its own."""
    if is_green():
        from eventlet import hubs

        hubs.use_hub()


def is_green() -> bool:
    """Whether this process has been patched by eventlet."""
    if "eventlet" not in sys.modules:
        return False
    from eventlet import patcher

    return bool(patcher.is_monkey_patched("thread"))


def run_native(function: Callable[..., T], *args: Any) -> T:
    """Call a function that keeps the processor busy in C, without stopping other (green) threads meanwhile.

    It must not log, sleep or take locks of the standard library.
    """
    if not is_green():
        return function(*args)
    from eventlet import tpool

    result: T = tpool.execute(function, *args)
    return result
