"""How the schema of the cell database came about: alembic migrations, applied by novalike-manage."""
