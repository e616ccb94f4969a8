"""A job: an operation's leg that is being run on a host, and what its steps work with."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from oslo_config import cfg

from novalike.clients.placement import PlacementClient
from novalike.compute.networking import Networking
from novalike.objects.context import RequestContext
from novalike.objects.network import Vif
from novalike.objects.operation import Assignment, Operation
from novalike.objects.operations import route as routes
from novalike.objects.server import ServerSpec
from novalike.virt.cancellation import Cancellation
from novalike.virt.driver import Driver, GuestNotFound
from novalike.virt.guest import Guest, Place, place_on

# Seconds between two reports of how much is done.
_PERCENT_EVERY = 2.0


class Tools(NamedTuple):
    """What steps work with."""

    conf: cfg.ConfigOpts
    driver: Driver
    networking: Networking
    placement: PlacementClient


class Job:
    """An operation that is being run. Steps read and leave things here.

    :param cancellation: what its waits listen to.
    :ivar untouched: a build of which no host can have done anything yet.
    :ivar found: what later legs of the operation have to know.
    :ivar doubtful: what the guest is after the steps could not be seen.
    :ivar percent: how much is done of a step that takes long; None when nobody said.
    :ivar tell: tells the conductor how far the job is.
    """

    def __init__(
        self, ctx: RequestContext, assignment: Assignment, host: str, tools: Tools, cancellation: Cancellation
    ) -> None:
        self.ctx = ctx
        self.cancellation = cancellation
        self.host = host
        self.operation: Operation = assignment.operation
        self.spec: ServerSpec = assignment.spec
        self.conf, self.driver, self.networking, self.placement = tools
        self._vifs = self._reported_vifs = assignment.spec.server.vifs
        self._vifs_version = assignment.spec.server.vifs_version
        self._vifs_set = False
        self._sequence = assignment.operation.sequence
        self.task_state: str | None = assignment.spec.server.task_state
        self.untouched = _is_first_try(self.operation)
        self.root_device_name: str | None = None
        self.found: dict[str, Any] | None = None
        self.power_state: int | None = None
        self.doubtful = False
        self.percent: int | None = None
        # Set before each step by whoever runs the job.
        self.tell: Callable[[], None] = lambda: None
        self._told_at = 0.0

    @property
    def uuid(self) -> str:
        """The server's."""
        return self.spec.server.uuid

    @property
    def guest(self) -> Guest:
        """The server as the driver is handed it, on this host, with the interfaces that it has now."""
        route, at = routes.current(self.operation)
        node = route[at].node
        place = Place(host=self.host, node=node) if node else place_on(self.host, self.spec.server)
        return Guest(place=place, spec=self.spec, vifs=self._vifs)

    @property
    def vifs(self) -> tuple[Vif, ...]:
        """The server's interfaces. What a step sets here is reported."""
        return self._vifs

    @vifs.setter
    def vifs(self, vifs: tuple[Vif, ...]) -> None:
        self._vifs, self._vifs_set = vifs, True

    @property
    def has_new_vifs(self) -> bool:
        """Whether the interfaces are others than the conductor knows."""
        return self._vifs != self._reported_vifs

    def unreported_vifs(self) -> tuple[tuple[Vif, ...] | None, int]:
        """The interfaces, if a step has set them since they were reported last, even to what they were: somebody may
        have recorded something else meanwhile. And the version of the recorded ones that they were made from."""
        return (self._vifs if self._vifs_set else None), self._vifs_version

    def vifs_are_reported(self) -> None:
        """The conductor has taken what :meth:`unreported_vifs` gave."""
        if self._vifs_set:
            self._reported_vifs, self._vifs_set = self._vifs, False
            # If somebody else has raised it as well, this one is too low; it never is too high.
            self._vifs_version += 1

    def tell_percent(self, percent: int) -> None:
        """Have users see how much is done of a step that takes long; now and then, however often this is called.

        :raises Fenced: the operation is no longer ours or cancelled.
        """
        self.cancellation.check()
        if percent != self.percent and time.monotonic() - self._told_at > _PERCENT_EVERY:
            self.percent, self._told_at = percent, time.monotonic()
            self.tell()

    def next_sequence(self) -> int:
        """The number of the next report."""
        self._sequence += 1
        return self._sequence

    def look(self) -> None:
        """See what the guest is now, if there is one.

        :raises Unavailable: the hypervisor can't be reached.
        :raises GuestFailed: the hypervisor can't say.
        """
        try:
            self.power_state = self.driver.find_guest(self.guest).power_state
        except GuestNotFound:
            self.power_state = None


def _is_first_try(operation: Operation) -> bool:
    """Whether a build was handed out for the first time, and nobody but us has taken it up."""
    if operation.workflow != "create" or operation.attempts:
        return False
    route, at = routes.current(operation)
    return operation.epoch == route[at].epoch + 1
