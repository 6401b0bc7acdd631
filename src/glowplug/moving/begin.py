"""Lets budgets begin where they stand at the source.  The last step of an import, when all lines are here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, select

from glowplug.domain.budget import Window
from glowplug.moving.lines import WORKER
from glowplug.moving.plan import Plan
from glowplug.moving.plan_budgets import Given
from glowplug.moving.report import Count
from glowplug.routing.budgets import counted_from, period_of
from glowplug.store import imported, spend, tables
from glowplug.store.database import Database
from glowplug.store.imported import Mark

NOUN = "budgets begun"
_REMEMBERED = "spent"
Whose = tuple[str, str]
"""Scope and name."""


def start_budgets(plan: Plan, database: Database, now: float) -> Count:
    """Each budget begins with what the source says was spent in its running window: the lines that were taken over, and
    the rest beside them, dated `now` (Unix seconds).  Once, and again when the source says something else."""
    return database.call(lambda c: _started(c, plan, now))


def count_budgets(plan: Plan, here: Connection | None) -> Count:
    """What `start_budgets` would do to what is here, or where nothing is yet; only reads."""
    first, marks = _first(plan.budgets), imported.every(here, _REMEMBERED) if here is not None else {}
    known = spend.known_before(here) if here is not None else set()
    new = [whose for whose in first if whose not in known]
    moved = [whose for whose, given in first.items() if whose in known and _moved(plan, given, marks.get(_id(whose)))]
    return _count(plan, len(new), len(moved))


def _started(connection: Connection, plan: Plan, now: float) -> Count:
    first, known = _first(plan.budgets), spend.known_before(connection)
    marks = imported.every(connection, _REMEMBERED)
    if "budgets" in plan.ends:
        _forget(connection, plan, known & {_whose(id) for id, mark in marks.items() if mark.source == plan.origin})
    new = {whose: given for whose, given in first.items() if whose not in known}
    moved = {
        whose: given for whose, given in first.items() if whose in known and _moved(plan, given, marks.get(_id(whose)))
    }
    spend.spent_before(connection, now, _rest(connection, [*new.values(), *moved.values()], now))
    remembered = {_id(whose): Mark(plan.origin, True, {"nano": given.spent}) for whose, given in first.items()}
    imported.put(connection, _REMEMBERED, {id: mark for id, mark in remembered.items() if marks.get(id) != mark})
    return _count(plan, len(new), len(moved))


def _rest(connection: Connection, given: Sequence[Given], now: float) -> list[spend.Before]:
    """What the source counts beyond its own lines; what was spent here since is no matter of the source's."""
    budgets = [one.budget for one in given]
    wanted = [(one.scope, one.name, counted_from(one, period_of(one, now), now)) for one in budgets]
    lines = spend.lines_since(connection, wanted)
    ours = spend.others_since(connection, WORKER, wanted)
    rows = []
    for one, all_of_it, mine in zip(given, lines, ours, strict=True):
        rest = one.spent - (all_of_it - mine)
        # Lines leave a rolling window one by one, and what stands for them would stay.
        rest = max(rest, 0) if one.budget.window is Window.ROLLING else rest
        rows.append(spend.Before(one.budget.scope, one.budget.name, rest))
    return rows


def _moved(plan: Plan, given: Given, mark: Mark | None) -> bool:
    """Whether the source counts something else than the last time."""
    return mark is not None and mark.source == plan.origin and mark.fields["nano"] != given.spent


def _forget(connection: Connection, plan: Plan, whose: set[Whose]) -> None:
    """What was spent of budgets that are gone would count for one that comes later."""
    row = tables.budgets.c
    whose -= {(scope, name) for scope, name in connection.execute(select(row.scope, row.name))}
    spend.forget_before(connection, sorted(whose))
    imported.forget(connection, _REMEMBERED, map(_id, whose))


def _first(budgets: Iterable[Given]) -> dict[Whose, Given]:
    """The first budget of each who has some: all of them count the same."""
    found: dict[Whose, Given] = {}
    for given in budgets:
        found.setdefault((given.budget.scope.value, given.budget.name), given)
    return found


def _id(whose: Whose) -> str:
    return msgspec.json.encode(whose).decode()


def _whose(id: str) -> Whose:
    return msgspec.json.decode(id, type=tuple[str, str])


def _count(plan: Plan, new: int, moved: int) -> Count:
    return Count(noun=NOUN, found=len(plan.budgets), new=new, here=len(plan.budgets) - new, updated=moved)
