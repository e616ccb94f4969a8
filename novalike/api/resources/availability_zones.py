"""``/os-availability-zone``."""

from typing import Any

from oslo_config import cfg

from novalike.api.request import ApiRequest
from novalike.api.views import aggregates as views
from novalike.bus.aggregates import AggregateReads


class AvailabilityZones:
    """Where servers can be asked to be."""

    def __init__(self, conf: cfg.ConfigOpts, reads: AggregateReads) -> None:
        self._conf = conf
        self._reads = reads

    def index(self, req: ApiRequest) -> dict[str, Any]:
        zones = self._reads.list_zones(req.ctx)
        hidden = self._conf.internal_service_availability_zone
        return {"availabilityZoneInfo": [views.zone(each) for each in zones if each.name != hidden]}

    def detail(self, req: ApiRequest) -> dict[str, Any]:
        return views.zones_detail(self._reads.list_zones(req.ctx, with_services=True))
