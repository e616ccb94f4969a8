"""[wsgi]: how novalike-api and novalike-api-metadata speak HTTP when they listen themselves."""

from oslo_config import cfg

GROUP = cfg.OptGroup("wsgi", title="HTTP server")
OPTS = [
    cfg.IntOpt("default_pool_size", default=1000, min=1, help="Requests that one process works on under eventlet."),
    cfg.IntOpt("native_threads", default=32, min=1, help="Requests that one process works on under native threads."),
    cfg.IntOpt("backlog", default=1024, min=1, help="Connections that may wait to be accepted."),
    cfg.IntOpt(
        "client_socket_timeout",
        default=900,
        min=1,
        help="Seconds of silence after which a client's connection is closed.",
    ),
    cfg.FloatOpt(
        "drain_seconds",
        default=1.0,
        min=0.0,
        help="Seconds that idle connections of clients are kept when the daemon was told to stop. A request that comes "
        "in this time is answered, with \"Connection: close\".",
    ),
    cfg.IntOpt(
        "max_header_line",
        default=16384,
        min=1024,
        help="Bytes of a request's line and of each header at most. Tokens must fit.",
    ),
]
