"""All filters, by the names that operators put into ``[filter_scheduler] enabled_filters``."""

from importlib.metadata import entry_points

from oslo_config import cfg

from novalike.scheduler.filters.aggregate_extra_specs import AggregateInstanceExtraSpecsFilter
from novalike.scheduler.filters.aggregate_image import AggregateImagePropertiesIsolation
from novalike.scheduler.filters.aggregate_tenancy import AggregateMultiTenancyIsolation
from novalike.scheduler.filters.all_hosts import AllHostsFilter
from novalike.scheduler.filters.base import Filter
from novalike.scheduler.filters.cidr_affinity import SimpleCIDRAffinityFilter
from novalike.scheduler.filters.compute import ComputeFilter
from novalike.scheduler.filters.compute_capabilities import ComputeCapabilitiesFilter
from novalike.scheduler.filters.group_affinity import ServerGroupAffinityFilter, ServerGroupAntiAffinityFilter
from novalike.scheduler.filters.image_properties import ImagePropertiesFilter
from novalike.scheduler.filters.io_ops import AggregateIoOpsFilter, IoOpsFilter
from novalike.scheduler.filters.isolated_hosts import IsolatedHostsFilter
from novalike.scheduler.filters.json_query import JsonFilter
from novalike.scheduler.filters.num_instances import AggregateNumInstancesFilter, NumInstancesFilter
from novalike.scheduler.filters.same_host import DifferentHostFilter, SameHostFilter

ENTRY_POINTS = "novalike.scheduler.filters"
OPTION = "[filter_scheduler] enabled_filters"
IN_TREE: dict[str, type[Filter]] = {
    "AggregateImagePropertiesIsolation": AggregateImagePropertiesIsolation,
    "AggregateInstanceExtraSpecsFilter": AggregateInstanceExtraSpecsFilter,
    "AggregateIoOpsFilter": AggregateIoOpsFilter,
    "AggregateMultiTenancyIsolation": AggregateMultiTenancyIsolation,
    "AggregateNumInstancesFilter": AggregateNumInstancesFilter,
    "AllHostsFilter": AllHostsFilter,
    "ComputeCapabilitiesFilter": ComputeCapabilitiesFilter,
    "ComputeFilter": ComputeFilter,
    "DifferentHostFilter": DifferentHostFilter,
    "ImagePropertiesFilter": ImagePropertiesFilter,
    "IoOpsFilter": IoOpsFilter,
    "IsolatedHostsFilter": IsolatedHostsFilter,
    "JsonFilter": JsonFilter,
    "NumInstancesFilter": NumInstancesFilter,
    "SameHostFilter": SameHostFilter,
    "ServerGroupAffinityFilter": ServerGroupAffinityFilter,
    "ServerGroupAntiAffinityFilter": ServerGroupAntiAffinityFilter,
    "SimpleCIDRAffinityFilter": SimpleCIDRAffinityFilter,
}


def load_filters(conf: cfg.ConfigOpts) -> list[tuple[str, Filter]]:
    """The enabled filters with their names, in the order of the option.

    :raises SystemExit: the option names a filter that doesn't exist or can't be loaded.
    """
    return [(name, _find(name)(conf)) for name in conf.filter_scheduler.enabled_filters]


def _find(name: str) -> type[Filter]:
    if name in IN_TREE:
        return IN_TREE[name]
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        try:
            found = entry.load()
        except Exception as error:  # whatever a foreign package does wrong, the operator must know which one
            raise SystemExit(f"{OPTION}: {name!r} ({entry.value}) can't be loaded: {error}") from error
        if not (isinstance(found, type) and issubclass(found, Filter)):
            raise SystemExit(f"{OPTION}: {name!r} ({entry.value}) is not a Filter")
        return found
    raise SystemExit(f"{OPTION}: there is no filter {name!r}. There are: {', '.join(sorted(IN_TREE))}")
