"""[consoleauth]: console tokens."""

from oslo_config import cfg

GROUP = cfg.OptGroup("consoleauth", title="Console tokens")
OPTS = [
    cfg.IntOpt("token_ttl", default=600, min=0, help="Seconds that a console's URL can be used."),
]
