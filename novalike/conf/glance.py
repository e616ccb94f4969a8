"""[glance]: images."""

from oslo_config import cfg

GROUP = cfg.OptGroup("glance", title="Image service")
SESSION = True
SERVICE_TYPE = "image"
OPTS = [
    cfg.IntOpt("num_retries", default=3, min=0, help="Times that a failed request to Glance is repeated."),
]
