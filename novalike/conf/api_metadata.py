"""[api_metadata]: the metadata service."""

from oslo_config import cfg

GROUP = cfg.OptGroup("api_metadata", title="Metadata service")
OPTS = [
    cfg.HostAddressOpt("listen", default="0.0.0.0", help="Address that novalike-api-metadata listens on."),
    cfg.PortOpt("port", default=8775, help="Port that novalike-api-metadata listens on."),
    cfg.IntOpt("workers", default=1, min=1, help="Processes of novalike-api-metadata."),
    cfg.IntOpt(
        "metadata_cache_expiration",
        default=15,
        min=0,
        help="Seconds that a server's metadata may be reused without asking the conductor again.",
    ),
]
