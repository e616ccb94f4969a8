"""[oslo_middleware]: proxies before the daemons that speak HTTP. The group and the option are oslo.middleware's."""

from oslo_config import cfg

GROUP = cfg.OptGroup("oslo_middleware", title="Proxies before us")
OPTS = [
    cfg.BoolOpt(
        "enable_proxy_headers_parsing",
        default=False,
        help="Whether to believe the headers Forwarded, X-Forwarded-Proto, -Host, -For and -Prefix. Only for a daemon "
        "that nobody reaches but through a proxy which sets these headers itself, and lets none of a client's through: "
        "whoever can send them chooses where links lead, and from which address a request comes.",
    ),
]
