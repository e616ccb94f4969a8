"""[database]: the cell database. Read by the conductor and novalike-manage only."""

from oslo_config import cfg

GROUP = cfg.OptGroup("database", title="Cell database")
OPTS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="SQLAlchemy URL of this cell's database, for example mysql+pymysql://user:secret@host/novalike_cell1."
        " With ?ssl_ca=FILE MariaDB is spoken to with TLS, and its certificate is checked; without it there is no TLS."
        " Only the conductor and novalike-manage need it: keep it out of the other daemons' files.",
    ),
    cfg.IntOpt("max_pool_size", default=10, min=1, help="Connections that a process keeps open per database."),
    cfg.IntOpt("max_overflow", default=40, min=0, help="Connections beyond those, when they are all in use."),
    cfg.IntOpt("pool_timeout", default=30, min=1, help="Seconds to wait for a free connection."),
    cfg.IntOpt(
        "connection_recycle_time", default=3600, min=1, help="Seconds after which a connection is replaced."
    ),
    cfg.IntOpt("max_retries", default=5, min=0, help="Times that a deadlocked or cut transaction is repeated."),
]
