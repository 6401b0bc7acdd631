"""The sums of the ledger by scope and hour, moved in the transaction that moves the lines they are made of.

A line counts once it is settled (closed or interrupted).  Whoever changes a line takes the old one away and adds the
new one, so the sums never depend on what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, select

from glowplug.domain.budget import Scope
from glowplug.domain.usage import AttemptClosed
from glowplug.store import statements
from glowplug.store.tables import attempts, spend
from glowplug.wire.end_user import PREFIX

HOUR = 3600
_AT_ONCE = 1000
"""Lines in memory."""


class Sum(NamedTuple):
    """Nano-dollars, tokens, and how many attempts."""

    nano: int = 0
    prompt: int = 0
    completion: int = 0
    attempts: int = 0


_NOTHING = Sum()
_ADDED = ("nano", "prompt_tokens", "completion_tokens", "attempts")
"""Columns, in the order of a `Sum`."""
Row = Mapping[str, Any] | RowMapping
"""A line of the table of attempts, by column."""
Place = tuple[str, str, int]
"""Scope, name and hour."""
Sums = dict[Place, Sum]


def places(row: Row) -> tuple[Place, ...]:
    """Where a line of the table of attempts is added up: of whom a request named beside the user of its key, there is a
    tag."""
    hour = int(row["started"] // HOUR)
    scopes = [(Scope.ALL, ""), (Scope.KEY, row["key"]), (Scope.MODEL, row["model"])]
    if row["user"]:
        scopes.append((Scope.USER, row["user"]))
    if row["team"]:
        scopes.append((Scope.TEAM, row["team"]))
    scopes += [(Scope.TAG, tag) for tag in row["tags"]]
    scopes += [(Scope.USER, tag) for tag in row["tags"] if tag.startswith(PREFIX)]
    return tuple((scope.value, name, hour) for scope, name in dict.fromkeys(scopes))


def count(sums: Sums, row: Row, sign: int = 1) -> None:
    """Add one line to `sums`, or with -1 take it away."""
    _add(sums, row, (sign * row["cost"], sign * row["prompt_tokens"], sign * row["completion_tokens"], sign))


def count_closed(sums: Sums, records: Iterable[AttemptClosed]) -> None:
    """Add the lines that these records become: first up by whose they are, so that what many share is done once."""
    whose: dict[tuple[str, str, str, str, tuple[str, ...], float], list[int]] = {}
    for one in records:
        group = (one.key, one.model, one.user, one.team, one.tags, one.started // HOUR)
        sum_ = whose.get(group)
        if sum_ is None:
            whose[group] = [one.cost, one.prompt_tokens, one.completion_tokens, 1]
        else:
            sum_[0] += one.cost
            sum_[1] += one.prompt_tokens
            sum_[2] += one.completion_tokens
            sum_[3] += 1
    for (key, model, user, team, tags, hour), sum_ in whose.items():
        row = {"key": key, "model": model, "user": user, "team": team, "tags": tags, "started": hour * HOUR}
        _add(sums, row, sum_)


def _add(sums: Sums, row: Row, added: Sequence[int]) -> None:
    nano, prompt, completion, lines = added
    for place in places(row):
        old = sums.get(place, _NOTHING)
        sums[place] = Sum(old.nano + nano, old.prompt + prompt, old.completion + completion, old.attempts + lines)


def move(connection: Connection, sums: Sums) -> None:
    """Add to what is stored."""
    rows = [(*place, *one) for place, one in sorted(sums.items()) if any(one)]
    if not rows:
        return
    added = ", ".join(f"{name} = spend.{name} + excluded.{name}" for name in _ADDED)
    conflict = f"ON CONFLICT (scope, name, hour) DO UPDATE SET {added}"
    statement = statements.insert(connection, spend, ("scope", "name", "hour", *_ADDED), conflict)
    connection.exec_driver_sql(statement, rows)


def stored(connection: Connection, hour: int | None = None) -> Sums:
    """What the table says, of one hour or of all, without places in which nothing is left."""
    query = select(spend) if hour is None else select(spend).where(spend.c.hour == hour)
    return {
        (row.scope, row.name, row.hour): found
        for row in connection.execute(query)
        if any(found := Sum(row.nano, row.prompt_tokens, row.completion_tokens, row.attempts))
    }


def computed(connection: Connection) -> Sums:
    """The sums, made anew from the lines."""
    sums: Sums = {}
    row = attempts.c
    query = select(
        row.key, row.model, row.user, row.team, row.tags, row.started, row.cost, row.prompt_tokens,
        row.completion_tokens,
    ).where(row.state != "open")  # fmt: skip
    for line in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        count(sums, line)
    return {place: one for place, one in sums.items() if any(one)}


def differences(one: Sums, other: Sums) -> Iterable[tuple[Place, Sum, Sum]]:
    """Where the two are not equal, in order."""
    for place in sorted(one.keys() | other.keys()):
        left, right = one.get(place, Sum()), other.get(place, Sum())
        if left != right:
            yield place, left, right


def rebuild(connection: Connection) -> int:
    """Make the table anew from the lines; returns how many of its rows were wrong."""
    wanted = computed(connection)
    wrong = len(tuple(differences(wanted, stored(connection))))
    if wrong:
        connection.execute(delete(spend))
        move(connection, wanted)
    return wrong
