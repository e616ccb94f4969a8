"""How databases are connected to."""

import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.db.engine import Database


class _Connecting(Exception):
    pass


def arguments(url: str) -> dict[str, Any]:
    """What the driver would be told."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    engine, found = Database(url, conf).engine, {}

    @sa.event.listens_for(engine, "do_connect")
    def _do_connect(_dialect: Any, _record: Any, _positional: Any, named: dict[str, Any]) -> None:
        found.update(named)
        raise _Connecting

    with pytest.raises(_Connecting):
        engine.connect()
    return found


def test_mariadb_without_tls_reads_no_certificates() -> None:
    """PyMySQL 1.2 did so for each connection; a conductor that came back to waiting messages was busy for a second."""
    found = arguments("mysql+pymysql://user:secret@localhost/novalike")
    assert found["ssl_disabled"] is True
    assert found["connect_timeout"] > 0


def test_mariadb_with_tls_is_as_the_url_says() -> None:
    found = arguments("mysql+pymysql://user:secret@localhost/novalike?ssl_ca=/etc/ssl/ours.pem")
    assert found["ssl"] == {"ca": "/etc/ssl/ours.pem"}
    assert "ssl_disabled" not in found


def test_expressions_in_sqlite_are_linear(tmp_path: Path) -> None:
    """SQLAlchemy's own function is Python's, which would take years."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    database = Database(f"sqlite:///{tmp_path}/x.db", conf)
    text, began = sa.literal("a" * 200), time.monotonic()
    query = sa.select(
        text.regexp_match("(a+)+!"), text.regexp_match("^a+$"), sa.null().cast(sa.String).regexp_match("a")
    )
    assert database.query(lambda c: tuple(c.execute(query).one())) == (False, True, None)
    assert not database.write(lambda c: c.execute(query).one()[0])
    assert time.monotonic() - began < 5
    database.close()
