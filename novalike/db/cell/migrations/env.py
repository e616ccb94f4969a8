"""Run by alembic: hands it the connection that :mod:`novalike.db.migration` has opened."""

from alembic import context

from novalike.db.cell.tables import metadata
from novalike.db.migration import run_in

run_in(context, metadata)
