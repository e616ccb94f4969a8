"""What a row of the state table says of an action: where it may start, what becomes of the state, who does what.

An action is done in *legs*, one after the other. Each leg has a seat: a conductor, or one of the server's hosts. How
an operation passes from leg to leg is decided by ``novalike.objects.operations.route`` alone, and written by
``novalike.conductor.operations.hand_over`` alone.
"""

import enum
from typing import Any, Final

from novalike.objects.lifecycle import ANY
from novalike.objects.record import Record

__all__ = ["ANY", "KEEP", "Action", "Direction", "Leg", "NoParams", "Seat", "WhenDown"]

# The vm_state that the server had when the action began.
KEEP: Final = "="


class Seat(enum.StrEnum):
    """Who does a leg."""

    CONDUCTOR = "conductor"
    # The host that the server is on.
    HOME = "home"
    # Of an action that moves a server: the host that it leaves, and the one that it goes to.
    SOURCE = "source"
    DESTINATION = "destination"
    # Each other host that may have something of the server: the leg is done once on each.
    OTHERS = "others"


class WhenDown(enum.StrEnum):
    """What follows when the host of a leg is down."""

    # The operation fails: it turns back, to take back what earlier legs have done.
    FAIL = "fail"
    # A conductor looks for another host.
    ELSEWHERE = "elsewhere"
    # The leg is left out. Its host does what it must when it comes back.
    SKIP = "skip"


class Direction(enum.StrEnum):
    """Which way an operation goes along its route."""

    ON = "on"
    # It has failed: what has been done is taken back, leg by leg.
    BACK = "back"


class Leg(Record, frozen=True):
    """A part of an action that one process does.

    :param starts: the task_state that is set when the leg is handed out; None leaves it as it is.
    :param passes: further task states that it may set, in any order.
    :param fails: vm_state after a failure in this leg; None is the action's.
    :param turns_back: when a later leg fails, or it fails and leaves something, who does it takes it back.
    :param back_when_down: what follows when it is to be taken back and its host is down: ``SKIP``, the host does it
        when it comes back; ``FAIL``, that is as if it could not be taken back.
    :param may_stick: when it can't be taken back, the legs before it are all the same; unset, the operation ends there.
        Its server is in error either way.
    :param for_skipped: it is done only when a leg before it was left out.
    """

    name: str
    seat: Seat
    starts: str | None = None
    passes: tuple[str, ...] = ()
    when_down: WhenDown = WhenDown.FAIL
    fails: str | None = None
    turns_back: bool = False
    back_when_down: WhenDown = WhenDown.SKIP
    may_stick: bool = False
    for_skipped: bool = False


class NoParams(Record, frozen=True, forbid_unknown_fields=True):
    """The parameters of an action that has none."""


class Action(Record, frozen=True):
    """A row of the table.

    :param name: of the row. Several may share what the API and instance actions call it (``reboot``).
    :param vm_states: states in which the action may start, or ``(ANY,)``.
    :param task_states: task states in which it may start; ``None`` in it is "nothing is being done".
    :param legs: in order. The first one that has somebody to do it sets the first task_state.
    :param ends: vm_states that it may end in when it is done, the usual one first; ``KEEP`` is what it was.
    :param fails: vm_state after a failure, or ``KEEP``.
    :param params: the record of its parameters.
    :param needs_host: the server must have been placed.
    :param ignores_lock: a locked server may be subjected to it by its owner.
    :param settles: when its server is on no host at the end, what Neutron and Placement still have of it is given back.
    :param verb: what error messages call it; ``name`` unless given.
    """

    name: str
    vm_states: tuple[str, ...]
    task_states: tuple[str | None, ...]
    legs: tuple[Leg, ...]
    ends: tuple[str, ...]
    fails: str = KEEP
    params: type[Any] = NoParams
    needs_host: bool = True
    ignores_lock: bool = False
    settles: bool = False
    verb: str = ""

    @property
    def task_states_during(self) -> tuple[str, ...]:
        """Every task_state that the action may set, in the order of its legs."""
        states = [state for leg in self.legs for state in (leg.starts, *leg.passes) if state is not None]
        return tuple(dict.fromkeys(states))

    def leg(self, name: str) -> Leg:
        """Return one of its legs.

        :raises KeyError: it has none of this name.
        """
        for leg in self.legs:
            if leg.name == name:
                return leg
        raise KeyError(f"{self.name} has no leg {name!r}")
