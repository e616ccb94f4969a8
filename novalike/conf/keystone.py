"""[keystone]: projects."""

from oslo_config import cfg

GROUP = cfg.OptGroup("keystone", title="Identity service")
SESSION = True
SERVICE_TYPE = "identity"
OPTS = [
    cfg.IntOpt("num_retries", default=1, min=0, help="Times that a failed request to Keystone is repeated."),
]
