"""[scheduler]: the scheduler daemon."""

from oslo_config import cfg

GROUP = cfg.OptGroup("scheduler", title="Scheduler")
OPTS = [
    cfg.IntOpt("workers", default=1, min=1, help="Processes of novalike-scheduler."),
    cfg.IntOpt("max_attempts", default=3, min=1, help="Hosts that a build is tried on before it fails."),
    cfg.IntOpt(
        "max_placement_results",
        default=1000,
        min=1,
        help="Allocation candidates to ask Placement for at most, per request.",
    ),
    cfg.FloatOpt(
        "candidates_max_age",
        default=1.0,
        min=0.0,
        help="Seconds for which an answer of Placement is used for further requests that ask the same. What this "
        "process chooses meanwhile is counted; before a request is refused for want of room, and after another "
        "scheduler was faster, Placement is asked anew. 0 is to ask for each request.",
    ),
    cfg.IntOpt("pool_size", default=16, min=1, help="Requests that one process works on at a time."),
    cfg.FloatOpt(
        "sync_interval",
        default=5.0,
        min=0.1,
        help="Seconds between two checks that the view of the hosts is current.",
    ),
    cfg.BoolOpt(
        "query_placement_for_image_type_support",
        default=False,
        help="Whether to ask Placement only for hosts that can use the image's disk_format.",
    ),
    cfg.BoolOpt(
        "limit_tenants_to_placement_aggregate",
        default=False,
        help="Whether a project that some aggregate names in its filter_tenant_id metadata may use only hosts "
        "of such aggregates.",
    ),
    cfg.BoolOpt(
        "placement_aggregate_required_for_tenants",
        default=False,
        help="With limit_tenants_to_placement_aggregate: whether a project that no aggregate names gets no host.",
    ),
    cfg.BoolOpt(
        "enable_isolated_aggregate_filtering",
        default=False,
        help="Whether hosts of an aggregate with trait:NAME=required in its metadata are only for servers whose "
        "flavor or image requires these traits.",
    ),
]
