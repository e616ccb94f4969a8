"""What a filter is.

Per request a filter is asked once for a *check*: a function that says of one host why it can't be taken, or
None. A filter that has nothing to say about a request gives no check, and costs nothing.

Packages can offer filters under the entry point group ``novalike.scheduler.filters``; the entry point's name
is the filter's.
"""

import abc
from collections.abc import Callable, Mapping
from typing import ClassVar

from oslo_config import cfg

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate

Check = Callable[[Candidate], str | None]
Placed = Mapping[str, int]
"""Host → how many of the request's servers have been put there so far. Grows while a request is placed."""


class Filter(abc.ABC):
    """Base of all filters.

    :cvar follows_placement: a host may be refused because of this request's servers that were put there a
        moment ago, so it is checked again before each. A host that was refused once stays refused.
    """

    follows_placement: ClassVar[bool] = False

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf.filter_scheduler

    @abc.abstractmethod
    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        """The check for a request; None passes all hosts."""
