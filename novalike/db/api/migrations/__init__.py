"""How the schema of the API database came about: alembic migrations, applied by novalike-manage."""
