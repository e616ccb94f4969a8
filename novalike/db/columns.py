"""Column types that mean the same on MariaDB, PostgreSQL and SQLite."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles

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


class json_object_agg(sa.sql.functions.GenericFunction[Any]):  # noqa: N801 (named as SQL names it)
    """Keys and values of a group of rows as one JSON object, in text; NULL of no rows."""

    inherit_cache = True
    type = sa.Text()


@compiles(json_object_agg)
def _for_mariadb(element: Any, compiler: Any, **options: Any) -> str:
    return f"JSON_OBJECTAGG({compiler.process(element.clauses, **options)})"


@compiles(json_object_agg, "postgresql")
def _for_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(json_object_agg({compiler.process(element.clauses, **options)}) AS TEXT)"


@compiles(json_object_agg, "sqlite")
def _for_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    # Of no rows it is an empty object, which means the same.
    return f"json_group_object({compiler.process(element.clauses, **options)})"


def moments() -> list[sa.Column[Any]]:
    """``created_at`` and ``updated_at``."""
    return [sa.Column("created_at", Moment), sa.Column("updated_at", Moment)]
