"""What each request used: `LiteLLM_SpendLogs`, the table that has millions of rows.

Read in the order of time, from a position on, so that an import that was stopped goes on where it was.  Prompts,
answers and addresses of clients that LiteLLM kept beside are not asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.moving.litellm.source import Source
from glowplug.moving.litellm.values import json_value, nano_dollars, whole_number

if TYPE_CHECKING:
    from psycopg import sql

TABLE = "LiteLLM_SpendLogs"
LATE_S = 7_200.0
"""A log is written when its request has ended, and has its place by when it began: so much later, at most."""
_TEXTS = (
    *("api_key", "user", "team_id", "organization_id", "end_user", "model", "model_id", "model_group"),
    *("custom_llm_provider", "call_type", "session_id"),
)
_MOST_TAGS = 10_000
"""Different lists of tags in memory."""
READ_FROM_CACHE = (
    "{usage_object,cache_read_input_tokens}",
    "{additional_usage_values,cache_read_input_tokens}",
    "{usage_object,prompt_tokens_details,cached_tokens}",
    "{additional_usage_values,prompt_tokens_details,cached_tokens}",
)
"""Places in a log's metadata where tokens read from a provider's cache are, in different releases."""
WRITTEN_TO_CACHE = (
    "{usage_object,cache_creation_input_tokens}",
    "{additional_usage_values,cache_creation_input_tokens}",
)


class SpendLog(msgspec.Struct, frozen=True):
    """One request."""

    request: str
    started: float
    """Seconds since 1970."""
    ended: float
    first_token: float | None
    key: str
    """Hash of its key, or a name that LiteLLM gives itself (`rows.keys.MASTER_KEY_ALIAS`, `HEALTH_CHECK_KEY`)."""
    user: str
    team: str
    organisation: str
    end_user: str
    model: str
    """What the provider calls it."""
    model_id: str
    """The deployment."""
    asked: str
    """The name the client asked for."""
    provider: str
    call: str
    """`acompletion`, `aembedding`, `aresponses` …"""
    session: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cache_written: int
    cost: int
    """Nano-dollars."""
    failed: bool
    from_cache: bool
    """Answered from LiteLLM's own cache."""
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """Up to where the logs are read."""

    at: str
    """Time as the database writes it: finer than a float is."""
    request: str

    def __str__(self) -> str:
        return f"{self.at}|{self.request}"

    @classmethod
    def parse(cls, text: str) -> Position:
        at, _, request = text.partition("|")
        return cls(at, request)


@dataclass(frozen=True)
class LogBatch:
    logs: tuple[SpendLog, ...]
    position: Position
    """Of the last of them: give it to `read_logs` to go on after it."""
    notes: tuple[Note, ...] = ()
    """Rows among them that could not be used."""


def read_logs(source: Source, after: Position | None = None, *, again_s: float = LATE_S) -> Iterator[LogBatch]:
    """All logs after a position, or all of them, the oldest first.

    Those of `again_s` seconds before the position come again: what is done with them must be the same the second time.
    Raises StoreError when the database is lost.
    """
    tags = Tags()
    for rows in source.stream(*_query(source, after, again_s)):
        logs, notes = [], []
        for row in rows:
            log = _log(row, tags)
            if isinstance(log, Note):
                notes.append(log)
            else:
                logs.append(log)
        last = rows[-1]
        yield LogBatch(tuple(logs), Position(last[1], last[0]), tuple(notes))


def _query(source: Source, after: Position | None, again_s: float) -> tuple[Any, list[object]]:
    from psycopg import sql

    def column(name: str) -> sql.Composable:
        return sql.Identifier(name) if source.layout.has(TABLE, name) else sql.SQL("NULL")

    def seconds(name: str) -> sql.Composable:
        return sql.SQL("extract(epoch FROM {}::timestamp)::float8").format(column(name))

    columns = [
        sql.SQL('"request_id", "startTime"::text'),
        *(seconds(name) for name in ("startTime", "endTime", "completionStartTime")),
        *(column(name) for name in _TEXTS),
        *(column(name) for name in ("prompt_tokens", "completion_tokens", "spend", "status", "cache_hit")),
        # As text: most logs have the same few lists, which are read once.
        sql.SQL("{}::text").format(column("request_tags")),
        within_metadata(source, READ_FROM_CACHE),
        within_metadata(source, WRITTEN_TO_CACHE),
    ]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(columns), source.table(TABLE))
    parameters: list[object] = []
    if after is not None:
        if again_s:
            query += sql.SQL(' WHERE "startTime" >= %s::timestamp - make_interval(secs => %s)')
            parameters = [after.at, again_s]
        else:
            query += sql.SQL(' WHERE ("startTime", "request_id") > (%s, %s)')
            parameters = [after.at, after.request]
    return query + sql.SQL(' ORDER BY "startTime", "request_id"'), parameters


def within_metadata(source: Source, paths: tuple[str, ...]) -> sql.Composable:
    """The first of some places in a log's metadata that has something, as text."""
    from psycopg import sql

    if not source.layout.has(TABLE, "metadata"):
        return sql.SQL("NULL::text")
    found = [sql.SQL("metadata #>> {}").format(sql.Literal(path)) for path in paths]
    return sql.SQL("coalesce({})").format(sql.SQL(", ").join(found))


class Tags(dict[str | None, tuple[str, ...]]):
    """Lists of tags as the database writes them → the tags, each read once."""

    def __missing__(self, text: str | None) -> tuple[str, ...]:
        if len(self) >= _MOST_TAGS:
            self.clear()
        found = json_value(text) if text else None
        tags = self[text] = tuple(str(tag) for tag in found) if isinstance(found, list) else ()
        return tags


def _log(row: tuple[Any, ...], known: Tags) -> SpendLog | Note:
    """A request, or why the row is none."""
    (
        request, at, started, ended, first,
        key, user, team, organisation, end_user, model, model_id, asked, provider, call, session,
        prompt, completion, spend, status, cache_hit, tags, cached, written,
    ) = row  # fmt: skip
    cost = nano_dollars(spend) if spend else 0
    if cost is None or started is None or not math.isfinite(started):
        what = f"costs {spend} dollars" if cost is None else f"began at {at}"
        return Note(Outcome.REFUSED, f"{TABLE}[{request}]", f"a request that {what}", "that cannot be")
    return SpendLog(
        request,
        started,
        ended if ended is not None and math.isfinite(ended) else started,
        first,
        key or "",
        user or "",
        team or "",
        organisation or "",
        end_user or "",
        model or "",
        model_id or "",
        asked or "",
        provider or "",
        call or "",
        session or "",
        prompt or 0,
        completion or 0,
        (whole_number(cached) or 0) if cached else 0,
        (whole_number(written) or 0) if written else 0,
        cost,
        status == "failure",
        cache_hit in ("True", "true"),
        known[tags],
    )
