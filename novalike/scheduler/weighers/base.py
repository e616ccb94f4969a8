"""What a weigher is: a number per host, normalised over all hosts, times a multiplier."""

from collections.abc import Callable
from typing import NamedTuple

from novalike.scheduler.candidate import Candidate


class Weigher(NamedTuple):
    """A weigher.

    :param name: Nova's name of its class.
    :param option: of its multiplier, in ``[filter_scheduler]`` and in aggregates' metadata.
    :param value: of a host, before normalisation.
    :param floor: the value that normalises to 0; None is the smallest one found.
    :param sign: -1 when the multiplier is given as a penalty.
    :param constant: placing a server on a host doesn't change its value.
    """

    name: str
    option: str
    value: Callable[[Candidate], float]
    floor: float | None = None
    sign: int = 1
    constant: bool = False
