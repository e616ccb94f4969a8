"""[api_database]: the database of what all cells share. Read by the conductor and novalike-manage only."""

from oslo_config import cfg

GROUP = cfg.OptGroup("api_database", title="API database")
OPTS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="SQLAlchemy URL of the API database, for example mysql+pymysql://user:secret@host/novalike_api."
        " With ?ssl_ca=FILE MariaDB is spoken to with TLS, and its certificate is checked; without it there is no TLS."
        " Only the conductor and novalike-manage need it: keep it out of the other daemons' files.",
    ),
]
