"""A model or alias under another name in what the database says.  The ledger is history and stays as it is."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, select, update

from glowplug.domain.budget import Scope
from glowplug.store.tables import api_keys, budgets, responses, teams, use_limits, users


def rename(connection: Connection, old: str, new: str) -> dict[str, int]:
    """Everything that names `old`; says how many rows of each table were changed.  Doing it again changes nothing.

    Whoever may use `old` may use `new` beside it, because the old name goes on working.
    """
    done = {table.name: _allowed(connection, table, old, new) for table in (api_keys, users, teams)}
    mine = (budgets.c.scope == Scope.MODEL.value, budgets.c.name == old)
    done["budgets"] = connection.execute(update(budgets).where(*mine).values(name=new)).rowcount
    its = (use_limits.c.scope == Scope.MODEL.value, use_limits.c.name == old)
    if connection.execute(select(use_limits.c.name).where(*its)).first() is not None:
        connection.execute(delete(use_limits).where(use_limits.c.scope == Scope.MODEL.value, use_limits.c.name == new))
    done["use_limits"] = connection.execute(update(use_limits).where(*its).values(name=new)).rowcount
    done["responses"] = connection.execute(update(responses).where(responses.c.model == old).values(model=new)).rowcount
    return done


def _allowed(connection: Connection, table: Table, old: str, new: str) -> int:
    count = 0
    for row in connection.execute(select(table.c.id, table.c.models)).all():
        if old in row.models and new not in row.models:
            names = [name for one in row.models for name in ((new, old) if one == old else (one,))]
            connection.execute(update(table).where(table.c.id == row.id).values(models=names))
            count += 1
    return count
