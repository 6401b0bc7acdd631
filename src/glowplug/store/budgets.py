"""Budgets in the database.  Functions of one connection; `Database.run` gives them theirs."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from glowplug.domain.budget import Budget, Scope, Window
from glowplug.store.tables import budgets


def add(connection: Connection, budget: Budget) -> None:
    """Store a new budget."""
    connection.execute(
        insert(budgets).values(
            id=budget.id,
            scope=budget.scope.value,
            name=budget.name,
            amount=budget.amount,
            period=budget.window.value,
            seconds=budget.seconds,
            created_at=budget.created_at,
        )
    )


def every(connection: Connection) -> tuple[Budget, ...]:
    """All budgets, oldest first."""
    rows = connection.execute(select(budgets).order_by(budgets.c.created_at, budgets.c.id)).mappings()
    return tuple(
        Budget(
            id=row["id"],
            scope=Scope(row["scope"]),
            name=row["name"],
            amount=row["amount"],
            window=Window(row["period"]),
            seconds=row["seconds"],
            created_at=row["created_at"],
        )
        for row in rows
    )


def remove(connection: Connection, budget_id: str) -> bool:
    """Forget a budget; False when there is no such."""
    return connection.execute(delete(budgets).where(budgets.c.id == budget_id)).rowcount == 1
