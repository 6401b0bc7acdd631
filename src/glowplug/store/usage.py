"""Sums over the ledger by model, key, user, team and day, straight from the attempts; with the past that has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, and_, case, cast, func, select

from glowplug.domain.usage import Outcome
from glowplug.store import past_usage
from glowplug.store.lines import OPEN
from glowplug.store.tables import attempts
from glowplug.store.usage_sum import UsageSum as UsageSum


class By(StrEnum):
    """What usage can be grouped by."""

    MODEL = "model"
    KEY = "key"
    DAY = "day"
    USER = "user"
    TEAM = "team"


_ADDED = (
    "attempts", "open", "failed", "interrupted", "estimated", "prompt_tokens", "completion_tokens", "cached_tokens",
    "cost", "unpriced",
)  # fmt: skip


def joined(rows: Sequence[UsageSum], former: Mapping[str, str]) -> tuple[UsageSum, ...]:
    """The sums with what was used under names that models had before (name then → name now) under the present ones."""
    found: dict[tuple[str, ...], UsageSum] = {}
    for given in rows:
        one = msgspec.structs.replace(given, model=former.get(given.model or "", given.model))
        place = tuple(part or "" for part in (one.day, one.model, one.key, one.user, one.team))
        known = found.get(place)
        if known is not None:
            energy = [each.energy_mj for each in (known, one) if each.energy_mj is not None]
            added = {name: getattr(known, name) + getattr(one, name) for name in _ADDED}
            one = msgspec.structs.replace(known, **added, energy_mj=sum(energy) if energy else None)
        found[place] = one
    return tuple(found[place] for place in sorted(found))


def sums(
    connection: Connection,
    by: Sequence[By],
    since: str = "",
    until: str = "",
    only: Mapping[str, str] | None = None,
) -> tuple[UsageSum, ...]:
    """Sums for each group, in order of the groups; `since` and `until` are UTC dates, both included, or empty; `only`
    narrows by column."""
    row = attempts.c
    settled = row.state != OPEN
    groups: list[ColumnElement[str]] = [
        row[name] for name in ("day", "model", "key", "user", "team") if name in set(by)
    ]

    def total(condition: ColumnElement[bool], value: ColumnElement[int] | int, name: str) -> ColumnElement[int]:
        # PostgreSQL adds whole numbers up to a decimal.
        return cast(func.coalesce(func.sum(case((condition, value), else_=0)), 0), BigInteger).label(name)

    query = select(
        *groups,
        func.count().label("attempts"),
        total(row.state == OPEN, 1, "open"),
        total(and_(settled, row.outcome != Outcome.OK.value), 1, "failed"),
        total(row.outcome == Outcome.INTERRUPTED.value, 1, "interrupted"),
        total(and_(settled, row.estimated), 1, "estimated"),
        total(settled, row.prompt_tokens, "prompt_tokens"),
        total(settled, row.completion_tokens, "completion_tokens"),
        total(settled, row.cached_tokens, "cached_tokens"),
        total(settled, row.cost, "cost"),
        cast(func.sum(row.energy_mj), BigInteger).label("energy_mj"),
        total(and_(settled, row.price == "", row.prompt_tokens + row.completion_tokens > 0), 1, "unpriced"),
    )
    if since:
        query = query.where(row.day >= since)
    if until:
        query = query.where(row.day <= until)
    for name, value in (only or {}).items():
        query = query.where(row[name] == value)
    if groups:
        query = query.group_by(*groups).order_by(*groups)
    found = connection.execute(query).mappings()
    # SQLAlchemy's names are a subclass of str, which msgspec does not take for one.
    lines = tuple(msgspec.convert({str(name): value for name, value in sum_.items()}, UsageSum) for sum_ in found)
    return past_usage.add_to(connection, lines, [str(group.key) for group in groups], since, until, only or {})
