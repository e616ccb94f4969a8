"""[vnc]: VNC consoles."""

from oslo_config import cfg

GROUP = cfg.OptGroup("vnc", title="VNC consoles")
OPTS = [
    cfg.BoolOpt("enabled", default=True, help="Whether guests get a VNC console."),
    cfg.StrOpt("server_listen", default="127.0.0.1", help="Address that guests' VNC servers listen on."),
    cfg.StrOpt(
        "server_proxyclient_address",
        default="127.0.0.1",
        help="Address at which the proxy reaches this host's VNC servers.",
    ),
    cfg.URIOpt(
        "novncproxy_base_url",
        default="http://127.0.0.1:6080/vnc_auto.html",
        help="URL of the console page as users reach it; the token is appended.",
    ),
    cfg.HostAddressOpt("novncproxy_host", default="0.0.0.0", help="Address that novalike-novncproxy listens on."),
    cfg.PortOpt("novncproxy_port", default=6080, help="Port that novalike-novncproxy listens on."),
    cfg.StrOpt("web", default="/usr/share/novnc", help="Folder with noVNC's files."),
    cfg.ListOpt(
        "allowed_origins",
        default=[],
        help="Host names, besides the proxy's own, from whose pages consoles may be opened.",
    ),
    cfg.StrOpt("cert", help="File with the proxy's TLS certificate (and key)."),
    cfg.StrOpt("key", help="File with the proxy's TLS key, when it isn't in cert."),
]
