"""LiteLLM's history → the ledger: its logs as closed lines, and what only its daily sums have as usage of the past."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.moving.identity import printable, source_id
from glowplug.moving.lines import COLUMNS, WORKER, Joins, Lines, sums
from glowplug.moving.litellm.daily import Comparison, Day, Difference, Usage
from glowplug.moving.litellm.eras import DAILY
from glowplug.moving.litellm.history import compare_days, count_logs_of
from glowplug.moving.litellm.rows.spend_logs import TABLE, LogBatch, Position, SpendLog, read_logs
from glowplug.moving.litellm.source import Source
from glowplug.moving.report import DayDifference, Days
from glowplug.store import bulk, meta, past_usage
from glowplug.store.database import Database
from glowplug.store.past_usage import PastDay
from glowplug.store.tables import attempts

Row = tuple[tuple[object, ...], tuple[str, ...]]
"""One line by `COLUMNS`, and its tags."""
_LINES = 10_000
"""In one transaction."""
_MOST_NOTES = 1_000
"""Logs that cannot be used and are named; the others are counted."""
_DAYS: Final = ".days"
"""Behind the name of a source: how far its daily sums were taken over."""


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
    by_reason: Mapping[str, int] = MappingProxyType({})
    """How many days differ, also those that `days` has not."""
    duplicates: int = 0


def move_logs(source: Source, database: Database, joins: Joins, progress: Callable[[Progress], None]) -> Moved:
    """All logs after those of the last time.  How far it is moves in the transaction of the lines."""
    marker = source_id(source.name)

    def put(rows: list[Row], at: str) -> int:
        made = {str(line[0]): (line, tags) for line, tags in rows}

        def work(connection: Connection) -> int:
            known = bulk.known_requests(connection, made)
            fresh = [one for request, one in made.items() if request not in known]
            bulk.add_lines(connection, COLUMNS, [row for row, _ in fresh], sums(fresh))
            meta.put(connection, marker, at)
            return len(fresh)

        return database.call(work)

    return _logs(source, database.call(lambda c: meta.get(c, marker)), joins, progress, put)


def _logs(
    source: Source,
    after: str | None,
    joins: Joins,
    progress: Callable[[Progress], None],
    put: Callable[[list[Row], str], int],
) -> Moved:
    """Each batch is given to `put` with the position of its end, and it says how many of its rows are new."""
    lines, notes = Lines(joins), list[Note]()
    found = new = more = 0
    of, started = source.count(TABLE), time.monotonic()
    for batch in _merged(read_logs(source, Position.parse(after) if after else None)):
        room = _MOST_NOTES - len(notes)
        notes.extend(batch.notes[:room])
        more += max(0, len(batch.notes) - room)
        new += put([lines.row(log) for log in batch.logs], str(batch.position))
        found += len(batch.logs)
        progress(Progress("requests", found, max(of, found), found / max(time.monotonic() - started, 1e-6)))
    if more:
        notes.append(Note(Outcome.REFUSED, TABLE, f"{more:,} more requests like those before", "they cannot be"))
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


def count_logs(source: Source, here: Connection | None, joins: Joins, progress: Callable[[Progress], None]) -> Moved:
    """What `move_logs` would find, say and add to what is here, or where nothing is yet; only reads."""
    stored = meta.get(here, source_id(source.name)) if here is not None else None

    def unknown(rows: list[Row]) -> int:
        names = {str(line[0]) for line, _ in rows}
        return len(names if here is None else names - bulk.known_requests(here, names))

    return _logs(source, stored, joins, progress, lambda rows, _: unknown(rows))


def count_days(source: Source, here: Connection | None, joins: Joins) -> Moved:
    """What `move_days` would find and add to what is here, or where nothing is yet; only reads."""
    until = (meta.get(here, source_id(source.name) + _DAYS) if here is not None else None) or ""

    def fresh(day: str, rows: list[PastDay]) -> int:
        if here is None:
            return len(rows)
        return (
            0 if day < until or (day == until and _lost(source, here, day)) else past_usage.count_new(here, day, rows)
        )

    return _days(source, joins, until, fresh)


def move_days(source: Source, database: Database, joins: Joins) -> Moved:
    """What the daily sums have beyond the logs.

    A day that was taken over is not taken again, except the last one, in which more may have been used since: once logs
    are deleted there, their sums would be counted beside lines that are here.
    """
    origin = source_id(source.name)
    marker = origin + _DAYS
    until = database.call(lambda c: meta.get(c, marker)) or ""

    def put(day: str, rows: list[PastDay]) -> int:
        if day < until:
            return 0

        def work(connection: Connection) -> int:
            if day == until and _lost(source, connection, day):
                return 0
            added = past_usage.put(connection, origin, day, rows)
            if _is_day(day):
                meta.put(connection, marker, day)
            return added

        return database.call(work)

    return _days(source, joins, until, put)


def _lost(source: Source, here: Connection, day: str) -> bool:
    """Whether logs of a day were deleted there whose lines are here: its sums would count them again."""
    row = attempts.c
    lines = select(func.count()).select_from(attempts).where(row.day == day, row.worker == WORKER)
    return int(here.execute(lines).scalar_one()) > count_logs_of(source, day)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _days(source: Source, joins: Joins, until: str, put: Callable[[str, list[PastDay]], int]) -> Moved:
    """Each day from `until` on is given to `put`, which says how many of its rows are new.  What is before it was
    compared by an earlier import, and nothing of it would be taken."""
    models: dict[str, str] | None = None
    teams = _Teams(compare_days(source, "team", until))
    found = new = duplicates = 0
    differences = Days()
    for comparison in compare_days(source, "user", until):
        for one in comparison.differences:
            differences.add(one.reason.value, one.daily.cost - one.logs.cost, partial(_difference, one))
        duplicates += comparison.duplicates
        day = next(iter(comparison.corrected)).day if comparison.corrected else ""
        if comparison.beyond and models is None:
            models = _models(source, joins)
        rows = _past(comparison, teams, joins, models or {})
        found += len(rows)
        new += put(day, rows)
    note = Note(Outcome.TAKEN, DAILY["user"], f"the days before {until}", "an earlier import compared them")
    return Moved(found, new, (note,) if until else (), differences.most(), differences.by_reason, duplicates)


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


def _difference(one: Difference) -> DayDifference:
    of, daily, logs, taken = one.of, one.daily, one.logs, one.corrected
    return DayDifference(
        day=of.day, key=of.key, model=of.model, reason=one.reason.value,
        sum_requests=daily.requests, log_requests=logs.requests, taken_requests=taken.requests,
        sum_cost=daily.cost, log_cost=logs.cost, taken_cost=taken.cost,
    )  # fmt: skip
