"""What was spent in a scope since a moment, as the ledger has added it up by the hour.

The ledger's fold writes `spend` (scope, name, hour, nano) in the transaction that stores the attempts: `hour` is the
Unix time of an attempt's start divided by 3600, `nano` the sum of what they cost.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from glowplug.domain.budget import Scope
from glowplug.store.database import Database

_SUM = text("SELECT COALESCE(SUM(nano), 0) FROM spend WHERE scope = :scope AND name = :name AND hour >= :hour")
HOUR = 3600.0


class Spend:
    """The ledger as a source of what was spent; waits for the database, so never on the loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, scope: Scope, name: str, start: float) -> int | None:
        """Nano-dollars of attempts that started at `start` (Unix seconds) or later; None where nobody adds them up.

        From the beginning of the hour that `start` is in: never too little.  Raises StoreError.
        """
        return self._database.call(lambda c: since(c, scope, name, start))


def since(connection: Connection, scope: Scope, name: str, start: float) -> int | None:
    """As `Spend.since`."""
    hour = int(max(start, 0.0) // HOUR)
    try:
        found = connection.execute(_SUM, {"scope": scope.value, "name": name, "hour": hour}).scalar_one()
    except (OperationalError, ProgrammingError) as error:
        if "spend" not in str(error.orig):
            raise
        return None
    return int(found)
