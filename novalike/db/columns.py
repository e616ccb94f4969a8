"""Column types that mean the same on MariaDB, PostgreSQL and SQLite."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

# To the microsecond, everywhere; MariaDB cuts to seconds unless told otherwise.
Moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

# Compared byte by byte, as users mean names and tags; MariaDB folds case unless told otherwise.
def name(length: int = 255) -> sa.types.TypeEngine[str]:
    """A string that is compared exactly."""
    exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


LongText = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


class Json(sa.types.TypeDecorator[Any]):
    """A value kept as JSON text, decoded as ``shape``.

    :param shape: a msgspec-supported type.
    """

    impl = LongText
    cache_ok = True

    def __init__(self, shape: Any = Any) -> None:
        super().__init__()
        self.shape = shape
        self._decode = msgspec.json.Decoder(shape).decode

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else self._decode(value)

    def __repr__(self) -> str:
        return "Json()"


def moments() -> list[sa.Column[Any]]:
    """``created_at`` and ``updated_at``."""
    return [sa.Column("created_at", Moment), sa.Column("updated_at", Moment)]
