"""Requests with all their attempts, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, false, func, or_, select

from glowplug.store.tables import attempts

_AT_ONCE = 500
"""Requests in one statement."""


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger, for people.  Times in seconds, `started` in Unix time, `cost` in nano-dollars."""

    attempt: int
    state: str
    """`open`, `closed`, or `interrupted` when its worker was killed."""
    model: str
    worker: str
    started: float
    duration: float
    first_byte: float
    status: int
    outcome: str
    reason: str
    streamed: bool
    estimated: bool
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cache_written: int
    reasoning: int
    prompt_audio: int
    completion_audio: int
    cost: int
    price: str
    energy_mj: int | None
    """Millijoules that devices reported for it; None where none did."""


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """One request: who asked for what, and every try to answer it in order."""

    request: str
    started: float
    key: str
    user: str
    team: str
    tags: tuple[str, ...]
    asked: str
    path: str
    trace: str
    prompt_tokens: int
    completion_tokens: int
    cost: int
    """Nano-dollars of all attempts."""
    outcome: str
    """Of the last attempt; empty while it is open."""
    attempts: tuple[AttemptView, ...]


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Whose requests named something.  Times in Unix seconds."""

    key: str
    user: str
    requests: int
    first: float
    last: float


def askers(connection: Connection, since: Mapping[str, float]) -> dict[str, tuple[Asker, ...]]:
    """For each of these models and aliases: keys and users whose requests named it since then, the last one first.

    One pass over the requests since the earliest moment, however many names there are.
    """
    row = attempts.c
    found: dict[str, list[Asker]] = {name: [] for name in since}
    query = (
        select(row.asked, row.key, row.user, func.count(), func.min(row.started), func.max(row.started))
        .where(
            row.attempt == 0,
            row.started >= min(since.values(), default=0.0),
            or_(false(), *(and_(row.asked == name, row.started >= moment) for name, moment in since.items())),
        )
        .group_by(row.asked, row.key, row.user)
        .order_by(func.max(row.started).desc(), row.key, row.user)
    )
    for asked, key, user, requests, first, last in connection.execute(query) if since else ():
        found[asked].append(Asker(key=key, user=user, requests=requests, first=first, last=last))
    return {name: tuple(whose) for name, whose in found.items()}


def between(
    connection: Connection, span: tuple[float, float], only: Mapping[str, str], limit: int, offset: int = 0
) -> tuple[RequestView, ...]:
    """Requests that started in a span of Unix seconds, the newest first; `only` narrows by column."""
    row = attempts.c
    query = select(row.request).where(*_in(span, only)).order_by(row.started.desc(), row.request.desc())
    names = connection.execute(query.limit(limit).offset(offset)).scalars().all()
    return views(connection, names)


def count(connection: Connection, span: tuple[float, float], only: Mapping[str, str]) -> int:
    """How many that are."""
    return int(connection.execute(select(func.count()).select_from(attempts).where(*_in(span, only))).scalar_one())


def _in(span: tuple[float, float], only: Mapping[str, str]) -> list[ColumnElement[bool]]:
    row = attempts.c
    return [
        row.attempt == 0, row.started >= span[0], row.started < span[1],
        *(row[name] == value for name, value in only.items()),
    ]  # fmt: skip


def find(connection: Connection, request: str) -> RequestView | None:
    """The request with this id."""
    query = select(attempts).where(attempts.c.request == request).order_by(attempts.c.attempt)
    rows = connection.execute(query).mappings().all()
    return _view(rows) if rows else None


def views(connection: Connection, requests: Sequence[str]) -> tuple[RequestView, ...]:
    """These requests, in this order; those that are not there are left out."""
    found: dict[str, list[RowMapping]] = {}
    for start in range(0, len(requests), _AT_ONCE):
        query = select(attempts).where(attempts.c.request.in_(requests[start : start + _AT_ONCE]))
        for row in connection.execute(query.order_by(attempts.c.request, attempts.c.attempt)).mappings():
            found.setdefault(row["request"], []).append(row)
    return tuple(_view(found[request]) for request in requests if request in found)


def _view(rows: Sequence[Mapping[Any, Any]]) -> RequestView:
    first = rows[0]
    return RequestView(
        request=first["request"],
        started=first["started"],
        key=first["key"],
        user=first["user"],
        team=first["team"],
        tags=tuple(first["tags"]),
        asked=first["asked"],
        path=first["path"],
        trace=first["trace"],
        prompt_tokens=sum(row["prompt_tokens"] for row in rows),
        completion_tokens=sum(row["completion_tokens"] for row in rows),
        cost=sum(row["cost"] for row in rows),
        outcome=rows[-1]["outcome"],
        attempts=tuple(AttemptView(**{name: row[name] for name in AttemptView.__struct_fields__}) for row in rows),
    )
