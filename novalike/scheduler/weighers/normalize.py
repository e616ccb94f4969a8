"""The weights of a request's hosts: Σ multiplier × normalised value.

Values are normalised by the range that they have among all hosts at the beginning of the request. The range
stays while its servers are placed, so that only the host that has just been taken needs weighing again.

At first all hosts are weighed together, weigher by weigher: there may be ten thousand.
"""

from collections.abc import Mapping, Sequence

from oslo_config import cfg

from novalike.scheduler.candidate import Candidate
from novalike.scheduler.weighers.base import Weigher

NO_OVERRIDES: Mapping[str, float] = {}


class Normalizer:
    """Weighs the hosts of one request.

    :param overrides: provider uuid → multipliers that aggregates of the host give.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        weighers: Sequence[Weigher],
        hosts: Sequence[Candidate],
        overrides: Mapping[str, Mapping[str, float]],
    ) -> None:
        self._overrides = overrides
        self._hosts = hosts
        overridden = {option for found in overrides.values() for option in found}
        # Weigher, multiplier over range, lowest value, range.
        self._terms: list[tuple[Weigher, float, float, float]] = []
        self._columns: list[list[float]] = []
        for weigher in weighers:
            multiplier = getattr(conf.filter_scheduler, weigher.option)
            if multiplier or weigher.option in overridden:
                values = list(map(weigher.value, hosts))
                low = min(values, default=0.0) if weigher.floor is None else weigher.floor
                span = max(values, default=low) - low
                if not span and weigher.constant:
                    continue
                # Where all are equal there is no range; what this request adds still has to count.
                span = span or 1.0
                self._terms.append((weigher, weigher.sign * multiplier / span, low, span))
                self._columns.append(values)

    def weigh_all(self) -> list[float]:
        """The weights of all hosts as they were at the beginning: :meth:`weigh` of each, but in one go."""
        weights: list[float] = []
        for (weigher, factor, low, _), values in zip(self._terms, self._columns, strict=True):
            if not factor:
                continue
            if weigher.floor is not None and min(values, default=low) < low:
                values = [value if value > low else low for value in values]  # noqa: PLW2901
            if not weights:
                weights = [factor * (value - low) for value in values]
            elif low:
                weights = [weight + factor * (value - low) for weight, value in zip(weights, values, strict=True)]
            else:
                weights = [weight + factor * value for weight, value in zip(weights, values, strict=True)]
        weights = weights or [0.0] * len(self._hosts)
        if self._overrides:
            for index, host in enumerate(self._hosts):
                if host.state.uuid in self._overrides:
                    weights[index] = self.weigh(host)
        return weights

    def weigh(self, host: Candidate) -> float:
        """The weight of a host as it is now: more is better."""
        overrides = self._overrides.get(host.state.uuid, NO_OVERRIDES) if self._overrides else NO_OVERRIDES
        weight = 0.0
        for weigher, factor, low, span in self._terms:
            if overrides and weigher.option in overrides:
                factor = weigher.sign * overrides[weigher.option] / span  # noqa: PLW2901
            value = weigher.value(host)
            if weigher.floor is not None and value < low:
                value = low
            weight += factor * (value - low)
        return weight
