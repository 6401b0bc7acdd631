"""What was spent in a scope since a moment, as the ledger has added it up by the hour (`glowplug.store.rollups`)."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from glowplug.domain.budget import Scope
from glowplug.store.database import Database
from glowplug.store.rollups import HOUR
from glowplug.store.tables import spend, spent_elsewhere


class Spend:
    """The ledger as a source of what was spent; waits for the database, so never on the loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, scope: Scope, name: str, start: float) -> int:
        """Nano-dollars of attempts that started at `start` (Unix seconds) or later.

        From the beginning of the hour that `start` is in: never too little.  Raises StoreError.
        """
        return self._database.call(lambda c: since(c, scope, name, start))


def since(connection: Connection, scope: Scope, name: str, start: float) -> int:
    """As `Spend.since`; with what was spent elsewhere before, where an import noted that."""
    hour = int(max(start, 0.0) // HOUR)
    here = (spend.c.scope == scope.value, spend.c.name == name, spend.c.hour >= hour)
    # PostgreSQL adds whole numbers up to a decimal.
    lines = int(connection.execute(select(func.coalesce(func.sum(spend.c.nano), 0)).where(*here)).scalar_one())
    where = spent_elsewhere.c
    before = select(where.nano).where(where.scope == scope.value, where.name == name, where.at >= start)
    return lines + int(connection.execute(before).scalar() or 0)


def spent_before(connection: Connection, scope: Scope, name: str, at: float, nano: int) -> bool:
    """Note that so much had been spent elsewhere; False when something was noted for this scope before."""
    here = spent_elsewhere.c
    known = select(here.nano).where(here.scope == scope.value, here.name == name)
    if connection.execute(known).first() is not None:
        return False
    connection.execute(insert(spent_elsewhere).values(scope=scope.value, name=name, at=at, nano=nano))
    return True
