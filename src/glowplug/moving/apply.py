"""Carries out a plan: what is here already stays as it is, so that every step can be done again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from glowplug.clock import SystemClock
from glowplug.config.readers.foreign import Note, Outcome
from glowplug.domain.budget import Window
from glowplug.moving.plan import Plan
from glowplug.moving.plan_budgets import Given
from glowplug.moving.report import Count
from glowplug.paths import Paths
from glowplug.routing.budgets import counted_from, period_of
from glowplug.secret import Secret
from glowplug.store import bulk, credentials, spend, tables
from glowplug.store.database import Database
from glowplug.usecases.credentials import CredentialBook, NewCredential


def store_secrets(plan: Plan, database: Database, paths: Paths, notes: list[Note]) -> Count:
    """Put what the configuration names into the credentials.  A secret of that name that is here already stays."""
    return asyncio.run(_store_secrets(plan.secrets, database, paths, notes))


async def _store_secrets(secrets: Mapping[str, Secret], database: Database, paths: Paths, notes: list[Note]) -> Count:
    book = CredentialBook(database, paths.keyring, SystemClock())
    await book.load()
    here = {row.name for row, _ in await database.run(credentials.every)}
    new = 0
    for name, secret in secrets.items():
        if name not in here:
            await book.put(NewCredential(name=name, value=secret.reveal()))
            new += 1
        elif book.secret(name) != secret:
            notes.append(Note(Outcome.LEFT, name, f"another value of the secret {name!r}", "the one that is here stays",
                              f"glowplug secrets set {name}"))  # fmt: skip
    return Count(noun="secrets", found=len(secrets), new=new, here=len(secrets) - new)


def store_people(plan: Plan, database: Database) -> tuple[Count, ...]:
    """Users, teams, members, keys, budgets and limits, in one transaction."""
    return database.call(lambda c: tuple(_stored(c, *one) for one in _rows(plan)))


def counted(plan: Plan, here: Connection | None) -> tuple[Count, ...]:
    """What `store_secrets` and `store_people` would do to what is here, or where nothing is yet; only reads."""
    names = {row.name for row, _ in credentials.every(here)} if here is not None else set()
    known = sum(name in names for name in plan.secrets)
    secrets = Count(noun="secrets", found=len(plan.secrets), new=len(plan.secrets) - known, here=known)
    return (secrets, *(_counted(here, *one) for one in _rows(plan)))


def _counted(here: Connection | None, noun: str, table: str, rows: Sequence[Mapping[str, object]]) -> Count:
    new = len(rows) if here is None else bulk.count_new(here, tables.metadata.tables[table], rows)
    return Count(noun=noun, found=len(rows), new=new, here=len(rows) - new)


def _stored(connection: Connection, noun: str, table: str, rows: Sequence[Mapping[str, object]]) -> Count:
    new = bulk.add_new(connection, tables.metadata.tables[table], rows)
    return Count(noun=noun, found=len(rows), new=new, here=len(rows) - new)


def _rows(plan: Plan) -> tuple[tuple[str, str, list[Mapping[str, object]]], ...]:
    return (
        ("users", "users", [_row(user) for user in plan.users]),
        ("teams", "teams", [_row(team) for team in plan.teams]),
        ("members", "members", [_row(member) for member in plan.members]),
        ("keys", "api_keys", [{**_row(key), "imported": key.imported or None} for key in plan.keys]),
        ("budgets", "budgets", [_budget(given) for given in plan.budgets]),
        ("limits", "use_limits", [_row(limit) for limit in plan.limits]),
    )


def _row(value: msgspec.Struct) -> dict[str, object]:
    """By column, which have the names of the fields."""
    return {
        name: list(found) if isinstance(found, tuple) else str(found) if isinstance(found, str) else found
        for name, found in msgspec.structs.asdict(value).items()
    }


def _budget(given: Given) -> dict[str, object]:
    row = _row(given.budget)
    return {**row, "period": row.pop("window")}


def start_budgets(plan: Plan, database: Database, now: float) -> Count:
    """Let each budget begin with what the source says was spent in its running window: the lines that were taken over,
    and the rest beside them.  The last step, when all lines are here."""

    def work(connection: Connection) -> int:
        known = spend.known_before(connection)
        first: dict[tuple[str, str], Given] = {}
        for given in plan.budgets:
            whose = given.budget.scope.value, given.budget.name
            if whose not in known:
                first.setdefault(whose, given)
        budgets = [given.budget for given in first.values()]
        lines = spend.lines_since(
            connection, [(one.scope, one.name, counted_from(one, period_of(one, now), now)) for one in budgets]
        )
        rows = []
        for given, nano in zip(first.values(), lines, strict=True):
            rest = given.spent - nano
            # Lines leave a rolling window one by one, and what stands for them would stay.
            if rest and not (rest < 0 and given.budget.window is Window.ROLLING):
                rows.append(spend.Before(given.budget.scope, given.budget.name, rest))
        spend.spent_before(connection, now, rows)
        return len(rows)

    new = database.call(work)
    return Count(noun="budgets begun", found=len(plan.budgets), new=new, here=len(plan.budgets) - new)
