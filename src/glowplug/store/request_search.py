"""Requests that somebody looks for, the newest first, in a ledger of millions.

No index leads to a key's or a tag's requests: each would cost the fold more than all it does now.  The sums by the hour
(`glowplug.store.rollups`) say in which hours a key, user, team, model or tag has any, and only those hours are looked
through.  What is left (a status, say) is found by reading lines, of which one page reads so many and no more; then it
says how far back it looked, and the next one goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from glowplug.domain.budget import Scope
from glowplug.domain.usage import Outcome
from glowplug.store.lines import OPEN
from glowplug.store.requests import RequestView, views
from glowplug.store.rollups import HOUR
from glowplug.store.tables import attempts, spend

READ = 25_000
"""Lines that one page reads at most."""
NAMED = 1_000
"""Requests with the same beginning of their id that are looked at."""
FAILED, RUNNING = "failed", "open"
"""Outcomes that are no outcome: any but a good one, and none yet."""
OUTCOMES = (*(one.value for one in Outcome), FAILED, RUNNING)
_TOGETHER = 4_000
"""Lines of the hours that are looked through at once."""
_A_SPAN = 250
"""Lines that are read in the time that a span takes, however few there are in it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; empty members stand for anything.  Times in Unix seconds."""

    since: float | None = None
    until: float | None = None
    """Those that began before it."""
    newer: tuple[float, str] | None = None
    """Those that began after the request with this start and id."""
    key: str = ""
    user: str = ""
    team: str = ""
    asked: str = ""
    """The model or alias that the client named."""
    model: str = ""
    """What any of its attempts went to."""
    tag: str = ""
    status: int | None = None
    """Of the last attempt."""
    outcome: str = ""
    """Of the last attempt: one of `OUTCOMES`."""
    id: str = ""
    """How the id begins."""


class Found(NamedTuple):
    """Requests, and where the search ended before it had seen everything: the start and id of the last one seen."""

    requests: tuple[RequestView, ...]
    stopped: tuple[float, str] | None = None


class _Span(NamedTuple):
    """Unix seconds, without the end."""

    start: float
    end: float


def search(
    connection: Connection, wanted: Wanted, limit: int, before: tuple[float, str] | None = None, read: int = READ
) -> Found:
    """At most `limit` requests that began before the one with this start and id."""
    names: list[str] = []
    left, at = read, before
    any_will_do = wanted == Wanted(since=wanted.since, until=wanted.until, newer=wanted.newer)
    for span in _spans(connection, wanted, before):
        most = min(left, limit) if any_will_do else left
        query = _matching(_lines(wanted, span, before, most), wanted).limit(limit - len(names))
        some = [(row.started, row.request) for row in connection.execute(query)]
        names += [request for _, request in some]
        if len(names) == limit:
            return Found(_shown(connection, names, wanted), some[-1])
        if wanted.id:
            break
        seen, last = _seen(connection, wanted, span, before, left)
        left, at = left - max(seen, _A_SPAN), last or at
        if left <= 0 and at != before:
            return Found(_shown(connection, names, wanted), at)
        left = max(left, 1)
    return Found(_shown(connection, names, wanted))


def _shown(connection: Connection, names: Sequence[str], wanted: Wanted) -> tuple[RequestView, ...]:
    found = views(connection, names)
    # A tag may be a part of another one as JSON writes them.
    return tuple(one for one in found if wanted.tag in one.tags) if wanted.tag else found


def _bounds(wanted: Wanted, before: tuple[float, str] | None) -> _Span:
    start = max(wanted.since or 0.0, wanted.newer[0] if wanted.newer else 0.0)
    end = float("inf") if wanted.until is None else wanted.until
    return _Span(start, end if before is None else min(end, before[0] + 1.0))


def _spans(connection: Connection, wanted: Wanted, before: tuple[float, str] | None) -> Iterator[_Span]:
    """Where such requests can be, the newest first."""
    bounds = _bounds(wanted, before)
    hours = None if wanted.id else _hours(connection, wanted, bounds)
    if hours is None:
        yield bounds
        return
    lines = _lines_by_hour(connection, bounds)
    # Hours that are looked through together, with what lies between them as long as that is little.
    last = first = None
    inside = between = 0
    for hour in sorted({*hours, *lines}, reverse=True):
        count = lines.get(hour, 0)
        if hour not in hours:
            between += count
            continue
        if first is None or last is None or inside + between + count > _TOGETHER:
            if first is not None and last is not None:
                yield _cut(first, last, bounds)
            last, inside, between = hour, 0, 0
        first, inside, between = hour, inside + between + count, 0
    if first is not None and last is not None:
        yield _cut(first, last, bounds)


def _cut(first: int, last: int, bounds: _Span) -> _Span:
    return _Span(max(first * HOUR, bounds.start), min((last + 1) * HOUR, bounds.end))


def _lines_by_hour(connection: Connection, bounds: _Span) -> dict[int, int]:
    place = spend.c
    query = select(place.hour, place.attempts).where(
        place.scope == Scope.ALL.value, place.name == "", place.hour >= int(bounds.start // HOUR)
    )
    return {hour: count for hour, count in connection.execute(query) if hour * HOUR < bounds.end}


def _hours(connection: Connection, wanted: Wanted, bounds: _Span) -> set[int] | None:
    """Hours in which requests like these began; None for all."""
    scopes = [
        (Scope.KEY, wanted.key), (Scope.USER, wanted.user), (Scope.TEAM, wanted.team), (Scope.TAG, wanted.tag),
        (Scope.MODEL, wanted.model),
    ]  # fmt: skip
    named = [(scope, name) for scope, name in scopes if name]
    running = wanted.outcome == RUNNING
    if not named and not running:
        return None
    row = attempts.c
    # Their lines are in no sum yet; a request may have other attempts that are.
    # Written out, because a parameter does not lead to the index of those that are open.
    opened = select(row.started).where(row.state == literal_column(f"'{OPEN}'"))
    unsettled = {int(started // HOUR) for started in connection.execute(opened).scalars() if started < bounds.end}
    unsettled |= {hour - 1 for hour in unsettled}
    found: set[int] | None = unsettled if running else None
    for scope, name in named:
        place = spend.c
        query = select(place.hour).where(
            place.scope == scope.value, place.name == name, place.hour >= int(bounds.start // HOUR)
        )
        hours = set(connection.execute(query).scalars()) | unsettled
        if scope is Scope.MODEL:  # the attempt before may have begun in the hour before
            hours |= {hour - 1 for hour in hours}
        found = hours if found is None else found & hours
    assert found is not None
    return {hour for hour in found if hour * HOUR < bounds.end and (hour + 1) * HOUR > bounds.start}


def _firsts(wanted: Wanted, span: _Span, before: tuple[float, str] | None) -> list[ColumnElement[bool]]:
    """First attempts in a span."""
    row = attempts.c
    conditions: list[ColumnElement[bool]] = [row.attempt == 0, row.started >= span.start]
    if span.end != float("inf"):
        conditions.append(row.started < span.end)
    if before is not None:
        conditions.append(tuple_(row.started, row.request) < tuple_(*before))
    if wanted.newer is not None:
        conditions.append(tuple_(row.started, row.request) > tuple_(*wanted.newer))
    return conditions


def _lines(wanted: Wanted, span: _Span, before: tuple[float, str] | None, most: int) -> Subquery:
    """The lines that are looked at, at most so many."""
    row = attempts.c
    query = select(attempts).where(*_firsts(wanted, span, before))
    if wanted.id:
        # The end is behind every id that begins so, in any order that letters and digits have.
        query = query.where(row.request >= wanted.id, row.request < wanted.id + "zzzz")
        query = query.order_by(row.request.desc()).limit(NAMED)
    else:
        query = query.order_by(row.started.desc(), row.request.desc()).limit(most)
    return query.subquery("lines")


def _matching(lines: Subquery, wanted: Wanted) -> Select[Any]:
    row, other = lines.c, attempts.alias("other").c
    query = select(row.started, row.request)
    for name in ("key", "user", "team", "asked"):
        if value := getattr(wanted, name):
            query = query.where(row[name] == value)
    if wanted.tag:
        query = query.where(cast(row.tags, String).contains(json.dumps(wanted.tag), autoescape=True))
    if wanted.model:
        went = exists().where(other.request == row.request, other.model == wanted.model)
        query = query.where(or_(row.model == wanted.model, went))
    last = select(other.outcome).where(other.request == row.request).order_by(other.attempt.desc()).limit(1)
    outcome = last.scalar_subquery()
    if wanted.outcome == FAILED:
        query = query.where(outcome.not_in(("", Outcome.OK.value)))
    elif wanted.outcome:
        query = query.where(outcome == ("" if wanted.outcome == RUNNING else wanted.outcome))
    if wanted.status is not None:
        query = query.where(last.with_only_columns(other.status).scalar_subquery() == wanted.status)
    return query.order_by(row.started.desc(), row.request.desc())


def _seen(
    connection: Connection, wanted: Wanted, span: _Span, before: tuple[float, str] | None, most: int
) -> tuple[int, tuple[float, str] | None]:
    """How many lines of a span were looked at, of `most` that might have been, and the last of them."""
    row = attempts.c
    firsts = select(row.started, row.request).where(*_firsts(wanted, span, before))
    newest = firsts.order_by(row.started.desc(), row.request.desc())
    last = connection.execute(newest.offset(most - 1).limit(1)).first()
    if last is not None:
        return most, (last.started, last.request)
    last = connection.execute(firsts.order_by(row.started, row.request).limit(1)).first()
    if last is None:
        return 0, None
    count = select(func.count()).select_from(firsts.limit(most).subquery())
    return connection.execute(count).scalar_one(), (last.started, last.request)
