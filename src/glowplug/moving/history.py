"""LiteLLM's history → the ledger: its logs as closed lines, and what only its daily sums have as usage of the past."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from glowplug.config.readers.foreign import Note
from glowplug.moving.identity import printable, source_id
from glowplug.moving.lines import COLUMNS, Joins, Lines, sums
from glowplug.moving.litellm.daily import Comparison, Day, Usage
from glowplug.moving.litellm.history import compare_days
from glowplug.moving.litellm.rows.spend_logs import TABLE, LogBatch, Position, SpendLog, read_logs
from glowplug.moving.litellm.source import Source
from glowplug.moving.report import DayDifference
from glowplug.store import bulk, meta, past_usage
from glowplug.store.database import Database
from glowplug.store.past_usage import PastDay

_LINES = 10_000
"""In one transaction."""


class Progress(NamedTuple):
    """How far a step is."""

    step: str
    """What is being done, for people: `reading`, `keys and people`, `requests`."""
    rows: int = 0
    of: int = 0
    """About how many rows there are; 0 when nobody knows."""
    rate: float = 0.0
    """Rows a second."""


class Moved(NamedTuple):
    """What became of one kind of history."""

    found: int
    new: int
    notes: tuple[Note, ...] = ()
    days: tuple[DayDifference, ...] = ()
    duplicates: int = 0


def move_logs(source: Source, database: Database, joins: Joins, progress: Callable[[Progress], None]) -> Moved:
    """All logs after those of the last time.  How far it is moves in the transaction of the lines."""
    marker = source_id(source.name)
    stored = database.call(lambda c: meta.get(c, marker))
    lines, notes = Lines(joins), list[Note]()
    found = new = 0
    of, started = source.count(TABLE), time.monotonic()
    for batch in _merged(read_logs(source, Position.parse(stored) if stored else None)):
        made = {str(one[0][0]): one for one in map(lines.row, batch.logs)}
        notes.extend(batch.notes)
        at = str(batch.position)

        def work(connection: Connection, made: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = made,
                 at: str = at) -> int:  # fmt: skip
            known = bulk.known_requests(connection, made)
            fresh = [one for request, one in made.items() if request not in known]
            bulk.add_lines(connection, COLUMNS, [row for row, _ in fresh], sums(fresh))
            meta.put(connection, marker, at)
            return len(fresh)

        new += database.call(work)
        found += len(batch.logs)
        progress(Progress("requests", found, max(of, found), found / max(time.monotonic() - started, 1e-6)))
    return Moved(found, new, tuple(notes))


def _merged(batches: Iterator[LogBatch]) -> Iterator[LogBatch]:
    """Batches of about `_LINES`."""
    logs, notes = list[SpendLog](), list[Note]()
    last: Position | None = None
    for batch in batches:
        logs.extend(batch.logs)
        notes.extend(batch.notes)
        last = batch.position
        if len(logs) >= _LINES:
            yield LogBatch(tuple(logs), last, tuple(notes))
            logs, notes = [], []
    if last is not None and (logs or notes):
        yield LogBatch(tuple(logs), last, tuple(notes))


def count_logs(source: Source) -> int:
    """How many there are, exactly."""
    from psycopg import sql

    return int(next(iter(source.stream(sql.SQL("SELECT count(*) FROM {}").format(source.table(TABLE)))))[0][0])


def move_days(source: Source, database: Database | None, joins: Joins) -> Moved:
    """What the daily sums have beyond the logs.  None: only looked at.

    A day that was taken over is not taken again, except the last one, in which more may have been used since: once logs
    are deleted there, their sums would be counted beside lines that are here.
    """
    marker = source_id(source.name) + ".days"
    until = database.call(lambda c: meta.get(c, marker)) if database else None
    models = _models(source, joins)
    teams = _Teams(compare_days(source, "team"))
    found = new = duplicates = 0
    differences: list[DayDifference] = []
    for comparison in compare_days(source, "user"):
        differences.extend(_difference(one.of, one.reason.value, one.daily, one.logs, one.corrected)
                           for one in comparison.differences)  # fmt: skip
        duplicates += comparison.duplicates
        day = next(iter(comparison.corrected)).day if comparison.corrected else ""
        rows = _past(comparison, teams, joins, models)
        found += len(rows)
        if database is None or day < (until or ""):
            continue

        def work(connection: Connection, day: str = day, rows: list[PastDay] = rows) -> int:
            added = past_usage.put(connection, marker.removesuffix(".days"), day, rows)
            meta.put(connection, marker, day)
            return added

        new += database.call(work)
    return Moved(found, new, days=tuple(differences), duplicates=duplicates)


def _models(source: Source, joins: Joins) -> dict[str, str]:
    """What providers call models → the model here, where all logs of that name are of one."""
    from psycopg import sql

    if not source.layout.has(TABLE, "model_id"):
        return {}
    query = sql.SQL("SELECT DISTINCT coalesce(model, ''), coalesce(model_id, '') FROM {}").format(source.table(TABLE))
    found: dict[str, set[str]] = {}
    for rows in source.stream(query):
        for name, id in rows:
            found.setdefault(name, set()).add(joins.model(id, name))
    return {name: one.pop() for name, one in found.items() if len(one) == 1}


class _Teams:
    """What teams used beyond the logs, read along day by day."""

    def __init__(self, comparisons: Iterator[Comparison]) -> None:
        self._comparisons = comparisons
        self._day = ""
        self._next: Comparison | None = next(comparisons, None)
        self._here: dict[tuple[str, str, str], dict[str, Usage]] = {}

    def of(self, day: Day) -> dict[str, Usage]:
        """Team → what it used of this day, key and model, whoever asked."""
        while self._next is not None and self._day_of(self._next) <= day.day:
            if self._day_of(self._next) == day.day:
                self._here = {}
                for one, usage in self._next.beyond.items():
                    self._here.setdefault((one.key, one.model, one.provider), {})[one.entity] = usage
                self._day = day.day
            self._next = next(self._comparisons, None)
        return self._here.get((day.key, day.model, day.provider), {}) if self._day == day.day else {}

    @staticmethod
    def _day_of(comparison: Comparison) -> str:
        return next(iter(comparison.corrected)).day if comparison.corrected else ""


def _past(comparison: Comparison, teams: _Teams, joins: Joins, models: dict[str, str]) -> list[PastDay]:
    """Each part has the team that used it, where the sums of teams say so; the rest is of the key's team."""
    found: dict[tuple[str, str, str, str, str], Usage] = {}
    for day, usage in comparison.beyond.items():
        key, model = joins.key(day.key), models.get(day.model) or printable(day.model)[:255]
        rest = usage
        parts = teams.of(day)
        for team in sorted(parts):
            part = Usage(*map(min, rest, parts[team]))
            rest, parts[team] = rest.beyond(part), parts[team].beyond(part)
            _put(found, (day.day, key, day.entity[:255], team[:255], model), part)
        _put(found, (day.day, key, day.entity[:255], joins.teams.get(key, "")[:255], model), rest)
    return [
        PastDay(*whose, u.requests, u.failed, u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.cost)
        for whose, u in found.items()
    ]


def _put(found: dict[tuple[str, str, str, str, str], Usage], whose: tuple[str, str, str, str, str], u: Usage) -> None:
    if u != Usage():
        found[whose] = found.get(whose, Usage()).plus(u)


def _difference(of: Day, reason: str, daily: Usage, logs: Usage, taken: Usage) -> DayDifference:
    return DayDifference(
        day=of.day, key=of.key, model=of.model, reason=reason,
        sum_requests=daily.requests, log_requests=logs.requests, taken_requests=taken.requests,
        sum_cost=daily.cost, log_cost=logs.cost, taken_cost=taken.cost,
    )  # fmt: skip
