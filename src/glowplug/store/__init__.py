"""The database: SQLAlchemy 2 over SQLite (WAL), schema by Alembic, one file per noun."""
