"""What was spent in a scope since a moment, as the ledger has added it up by the hour (`glowplug.store.rollups`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, func, select

from glowplug.domain.budget import Scope
from glowplug.store.database import Database
from glowplug.store.rollups import HOUR
from glowplug.store.tables import spend


class Spend:
    """The ledger as a source of what was spent; waits for the database, so never on the loop.  `former` are names that
    models had → the model now."""

    def __init__(self, database: Database, former: Callable[[], Mapping[str, str]] = dict) -> None:
        self._database = database
        self._former = former

    def since(self, scope: Scope, name: str, start: float) -> int:
        """Nano-dollars of attempts that started at `start` (Unix seconds) or later.

        From the beginning of the hour that `start` is in: never too little.  Raises StoreError.
        """
        names = [name]
        if scope is Scope.MODEL:
            names += [before for before, now in self._former().items() if now == name]
        return self._database.call(lambda c: sum(since(c, scope, one, start) for one in names))


def since(connection: Connection, scope: Scope, name: str, start: float) -> int:
    """As `Spend.since`."""
    hour = int(max(start, 0.0) // HOUR)
    here = (spend.c.scope == scope.value, spend.c.name == name, spend.c.hour >= hour)
    # PostgreSQL adds whole numbers up to a decimal.
    return int(connection.execute(select(func.coalesce(func.sum(spend.c.nano), 0)).where(*here)).scalar_one())
