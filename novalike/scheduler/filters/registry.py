"""All filters, by the names that operators put into ``[filter_scheduler] enabled_filters``.

``available_filters`` says which there are, in Nova's way: classes by their dotted paths, and ``all_filters`` for those
of this package and of others' entry points. The paths that filters have in Nova mean those of the same name here.
"""

import pkgutil
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
ENABLED = "[filter_scheduler] enabled_filters"
AVAILABLE = "[filter_scheduler] available_filters"
ALL = "all_filters"
_OF_NOVA = "nova.scheduler.filters."
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

    :raises SystemExit: an option names a filter that doesn't exist, isn't available or can't be loaded.
    """
    wanted = conf.filter_scheduler.enabled_filters
    available: dict[str, type[Filter]] = {}
    for path in conf.filter_scheduler.available_filters:
        available |= _at(path, wanted)
    for name in wanted:
        if name not in available:
            raise SystemExit(
                f"{ENABLED}: there is no filter {name!r} among the available ones. They are: "
                f"{', '.join(sorted(available))}; {AVAILABLE} can name more"
            )
    return [(name, available[name](conf)) for name in wanted]


def _at(path: str, wanted: list[str]) -> dict[str, type[Filter]]:
    """The filters that a value of available_filters stands for; of entry points only those that are wanted."""
    name = path.rpartition(".")[2]
    if name == ALL:
        return IN_TREE | _of_entry_points(wanted)
    if path.startswith(_OF_NOVA) and name in IN_TREE:
        return {name: IN_TREE[name]}
    try:
        found = pkgutil.resolve_name(path)
    except Exception as error:  # whatever a foreign module does wrong, the operator must know which one
        raise SystemExit(f"{AVAILABLE}: {path!r} can't be loaded: {error}") from error
    return {name: _checked(found, f"{AVAILABLE}: {path!r}")}


def _of_entry_points(wanted: list[str]) -> dict[str, type[Filter]]:
    found = {}
    for name in wanted:
        for entry in () if name in IN_TREE else entry_points(group=ENTRY_POINTS, name=name):
            where = f"{ENABLED}: {name!r} ({entry.value})"
            try:
                loaded = entry.load()
            except Exception as error:  # the same
                raise SystemExit(f"{where} can't be loaded: {error}") from error
            found[name] = _checked(loaded, where)
    return found


def _checked(found: object, where: str) -> type[Filter]:
    if isinstance(found, type) and issubclass(found, Filter):
        return found
    raise SystemExit(f"{where} is not a Filter: it must be a class derived from {Filter.__module__}.Filter")
