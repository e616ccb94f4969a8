"""[conductor]: the conductor."""

from oslo_config import cfg

GROUP = cfg.OptGroup("conductor", title="Conductor")
OPTS = [
    cfg.IntOpt("workers", default=1, min=1, help="Processes of novalike-conductor."),
    cfg.IntOpt("read_pool_size", default=32, min=1, help="Reads that one process answers at a time."),
    cfg.IntOpt("command_pool_size", default=32, min=1, help="Commands that one process runs at a time."),
    cfg.IntOpt("journal_pool_size", default=64, min=1, help="Reports of hosts that one process takes at a time."),
    cfg.IntOpt("orchestration_pool_size", default=16, min=1, help="Builds that one process places at a time."),
    cfg.FloatOpt(
        "reaper_interval",
        default=5.0,
        min=0.1,
        help="Seconds between two looks for operations that nobody works on; each conductor looks.",
    ),
    cfg.FloatOpt(
        "operation_resend_after",
        default=10.0,
        min=0.1,
        help="Seconds after which an operation that no host took up is offered to it again.",
    ),
    cfg.FloatOpt(
        "operation_lease",
        default=30.0,
        min=0.1,
        help="Seconds that a conductor may be silent before another one takes over the operations it works on. "
        "It gives a sign every reaper_interval.",
    ),
    cfg.FloatOpt(
        "operation_remind_after",
        default=30.0,
        min=0.1,
        help="Seconds that a host may be silent about an operation it has taken up before it is reminded of it.",
    ),
    cfg.IntOpt(
        "operation_timeout",
        default=3600,
        min=1,
        help="Seconds after which an operation that has not ended is given up: its server goes to ERROR, or stays what "
        "it was, with a fault that says so, and can be deleted or acted on again.",
    ),
]
