"""[api]: the REST API."""

from oslo_config import cfg

GROUP = cfg.OptGroup("api", title="REST API")
OPTS = [
    cfg.HostAddressOpt("listen", default="0.0.0.0", help="Address that novalike-api listens on."),
    cfg.PortOpt("port", default=8774, help="Port that novalike-api listens on."),
    cfg.IntOpt("workers", default=1, min=1, help="Processes of novalike-api."),
    cfg.StrOpt(
        "auth_strategy",
        default="keystone",
        choices=[("keystone", "tokens are checked by keystonemiddleware"),
                 ("noauth2", "every request is an administrator's: for tests only")],
        help="How callers are identified.",
    ),
    cfg.IntOpt("max_limit", default=1000, min=1, help="Most items in one page of a list."),
    cfg.IntOpt("max_request_body_size", default=114688, min=1024, help="Bytes of a request's body at most."),
    cfg.StrOpt(
        "compute_link_prefix",
        help="URL to put in front of links instead of the one that the request came to, when the API is behind a "
        "proxy that says nothing of that (see [oslo_middleware] enable_proxy_headers_parsing).",
    ),
    cfg.BoolOpt(
        "enable_instance_password",
        default=True,
        help="Whether answers to create requests carry the server's administrator password.",
    ),
    cfg.IntOpt(
        "image_cache_seconds",
        default=10,
        min=0,
        help="Seconds that an image's facts may be reused without asking Glance again.",
    ),
]  # fmt: skip
