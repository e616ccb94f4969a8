"""[filter_scheduler]: filters and weighers. Names and options are Nova's."""

from oslo_config import cfg

GROUP = cfg.OptGroup("filter_scheduler", title="Filters and weighers")
OPTS = [
    cfg.ListOpt(
        "enabled_filters",
        default=[
            "ComputeFilter", "ComputeCapabilitiesFilter", "ImagePropertiesFilter",
            "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter",
        ],
        help="Filters a host must pass, in this order: put the cheap ones that reject much first.",
    ),
    cfg.MultiStrOpt(
        "available_filters",
        default=["nova.scheduler.filters.all_filters"],
        help="Filters that enabled_filters may name: a class by its dotted path, which must derive from "
        "novalike.scheduler.filters.base.Filter and is called by its own name, or "
        "nova.scheduler.filters.all_filters: all that come with novalike, and those that packages offer under the "
        "entry point group novalike.scheduler.filters. The paths that filters have in Nova are understood. May be "
        "given several times; of two filters with one name the later one is taken.",
    ),
    cfg.ListOpt(
        "weight_classes",
        default=["nova.scheduler.weights.all_weighers"],
        help="Weighers to use: nova.scheduler.weights.all_weighers, or some of them by the paths of their classes in "
        "Nova. A multiplier of 0 switches a weigher off as well.",
    ),
    cfg.FloatOpt(
        "ram_weight_multiplier", default=1.0,
        help="Weight of free memory: positive spreads servers, negative stacks them.",
    ),
    cfg.FloatOpt(
        "cpu_weight_multiplier", default=1.0,
        help="Weight of free vCPUs: positive spreads servers, negative stacks them.",
    ),
    cfg.FloatOpt(
        "disk_weight_multiplier", default=1.0,
        help="Weight of free disk: positive spreads servers, negative stacks them.",
    ),
    cfg.FloatOpt(
        "io_ops_weight_multiplier", default=-1.0,
        help="Weight of servers that are being built, moved or copied: negative prefers idle hosts.",
    ),
    cfg.FloatOpt(
        "num_instances_weight_multiplier", default=0.0,
        help="Weight of the number of servers: negative spreads servers, positive stacks them.",
    ),
    cfg.FloatOpt(
        "hypervisor_version_weight_multiplier", default=1.0,
        help="Weight of the hypervisor's version: positive prefers newer ones.",
    ),
    cfg.FloatOpt(
        "build_failure_weight_multiplier", default=1000000.0,
        help="Penalty for hosts on which builds have failed lately. Large, to outweigh everything else.",
    ),
    cfg.IntOpt(
        "max_io_ops_per_host", default=8, min=0,
        help="IoOpsFilter: servers of a host that may be built, moved or copied at a time.",
    ),
    cfg.IntOpt(
        "max_instances_per_host", default=50, min=1,
        help="NumInstancesFilter: servers on a host at most.",
    ),
    cfg.StrOpt(
        "image_properties_default_architecture",
        help="ImagePropertiesFilter: architecture of images that don't say theirs, for example x86_64.",
    ),
    cfg.ListOpt("isolated_images", default=[], help="IsolatedHostsFilter: uuids of images for isolated_hosts only."),
    cfg.ListOpt("isolated_hosts", default=[], help="IsolatedHostsFilter: hosts for isolated_images."),
    cfg.BoolOpt(
        "restrict_isolated_hosts_to_isolated_images", default=True,
        help="IsolatedHostsFilter: whether isolated hosts run nothing but isolated images.",
    ),
    cfg.StrOpt(
        "aggregate_image_properties_isolation_namespace",
        help="AggregateImagePropertiesIsolation: look only at properties that begin with this and the separator.",
    ),
    cfg.StrOpt(
        "aggregate_image_properties_isolation_separator", default=".",
        help="AggregateImagePropertiesIsolation: what stands between the namespace and a property's name.",
    ),
    cfg.IntOpt(
        "host_subset_size", default=1, min=1,
        help="Choose at random among this many of the best hosts.",
    ),
    cfg.BoolOpt(
        "shuffle_best_same_weighed_hosts", default=False,
        help="Choose at random among the hosts that share the highest weight.",
    ),
]  # fmt: skip
