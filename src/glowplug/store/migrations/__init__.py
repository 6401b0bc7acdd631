"""Alembic's migrations: one file a revision in `versions/`.  Imported only when a database has to be changed."""
