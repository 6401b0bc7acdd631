"""Sums of the past from a LiteLLM database: its daily tables, and the same added up from its logs.

Both come in the order of days and are compared day by day, so that years of them need no more memory than a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from glowplug.moving.litellm import daily
from glowplug.moving.litellm.daily import Comparison, DailyRow, Day, Usage
from glowplug.moving.litellm.eras import DAILY
from glowplug.moving.litellm.rows.spend_logs import READ_FROM_CACHE, WRITTEN_TO_CACHE, within_metadata
from glowplug.moving.litellm.rows.spend_logs import TABLE as LOGS
from glowplug.moving.litellm.source import Source
from glowplug.moving.litellm.values import nano_dollars

if TYPE_CHECKING:
    from psycopg import sql

_COUNTERS = (
    *("api_requests", "failed_requests", "prompt_tokens", "completion_tokens", "cache_read_input_tokens"),
    "cache_creation_input_tokens",
)
IN_LOGS = {"user": "user", "team": "team_id", "organization": "organization_id", "end_user": "end_user"} | {
    "agent": "agent_id"
}
"""Whose days → the column of the logs; tags are a list there."""
# A float as text is the shortest decimal that gives it back, which is what is rounded everywhere here.
_NANO = "round(spend::text::numeric * 1000000000)"
USABLE = """abs(spend) < 1e9 AND isfinite("startTime")"""
"""What `read_logs` takes too."""


def read_days(source: Source, whose: str, since: str = "") -> Iterator[DailyRow]:
    """The rows of one of the daily tables (`whose` is a key of `eras.DAILY`) as they are, if there is one; from a day
    on (`YYYY-MM-DD`), or all of them."""
    from psycopg import sql

    table = DAILY[whose]
    if not source.layout.has(table):
        return

    def column(name: str) -> sql.Composable:
        return sql.Identifier(name) if source.layout.has(table, name) else sql.SQL("NULL")

    entity = "tag" if whose == "tag" else f"{whose}_id"
    names = (entity, "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint")
    columns = sql.SQL(", ").join(column(name) for name in (*names, *_COUNTERS, "spend"))
    query = sql.SQL('SELECT {} FROM {} WHERE {} ORDER BY date COLLATE "C"').format(
        columns,
        source.table(table),
        sql.SQL('date COLLATE "C" >= %s') if since else sql.SQL("true"),
    )
    for rows in source.stream(query, [since] if since else []):
        for row in rows:
            whom, day, key, model, provider, tool, endpoint = (text or "" for text in row[:7])
            counters = (int(number or 0) for number in row[7:-1])
            usage = Usage._make((*counters, nano_dollars(row[-1] or 0) or 0))
            yield DailyRow(Day(whom, day, key, model, provider), tool, endpoint, usage)


def read_log_sums(source: Source, whose: str, since: str = "") -> Iterator[tuple[Day, Usage]]:
    """The same sums, added up by the database from the logs; nothing in eras whose logs do not say whose they are."""
    from psycopg import sql

    has = source.layout.has
    entity: sql.Composable
    origin: sql.Composable = source.table(LOGS)
    if whose == "tag":
        if not has(LOGS, "request_tags"):
            return
        entity = sql.SQL("tag")
        origin += sql.SQL(
            ", jsonb_array_elements_text(CASE jsonb_typeof(request_tags) WHEN 'array' THEN request_tags"
            " ELSE '[]' END) AS tag"
        )
    elif has(LOGS, IN_LOGS[whose]):
        entity = sql.Identifier(IN_LOGS[whose])
    else:
        return
    where = sql.SQL(USABLE) + (sql.SQL("") if whose == "user" else sql.SQL(" AND {} <> ''").format(entity))
    if since:
        where += sql.SQL(' AND "startTime" >= %s::timestamp')
    query = sql.SQL(
        "SELECT coalesce({entity}, ''), to_char(\"startTime\", 'YYYY-MM-DD'), coalesce(api_key, ''),"
        " coalesce(model, ''), coalesce(custom_llm_provider, ''), count(*), {failed}, sum(prompt_tokens)::bigint,"
        " sum(completion_tokens)::bigint, {cached}, {written}, sum({nano})::bigint"
        ' FROM {origin} WHERE {where} GROUP BY 1, 2, 3, 4, 5 ORDER BY to_char("startTime", \'YYYY-MM-DD\') COLLATE "C"'
    ).format(
        entity=entity,
        failed=sql.SQL("count(*) FILTER (WHERE status = 'failure')" if has(LOGS, "status") else "0"),
        cached=_counted(within_metadata(source, READ_FROM_CACHE)),
        written=_counted(within_metadata(source, WRITTEN_TO_CACHE)),
        nano=sql.SQL(_NANO),
        origin=origin,
        where=where,
    )
    for rows in source.stream(query, [since] if since else []):
        for row in rows:
            yield Day(*row[:5]), Usage(*(number or 0 for number in row[5:]))


def first_log_day(source: Source) -> str:
    """The UTC day of the oldest log, `YYYY-MM-DD`; empty when there are none."""
    from psycopg import sql

    query = sql.SQL('SELECT to_char(min("startTime"), \'YYYY-MM-DD\') FROM {} WHERE isfinite("startTime")').format(
        source.table(LOGS)
    )
    return next((rows[0][0] or "" for rows in source.stream(query)), "")


def count_logs_of(source: Source, day: str) -> int:
    """How many logs there are of a UTC day (`YYYY-MM-DD`)."""
    from psycopg import sql

    query = sql.SQL(
        'SELECT count(*) FROM {} WHERE {} AND "startTime" >= %s::timestamp AND "startTime" < %s::timestamp + \'1 day\''
    ).format(source.table(LOGS), sql.SQL(USABLE))
    return next((int(rows[0][0]) for rows in source.stream(query, [day, day])), 0)


def compare_days(source: Source, whose: str, since: str = "") -> Iterator[Comparison]:
    """What was really used, by one of the daily tables (`whose` is a key of `eras.DAILY`) and the logs.

    A comparison for each day, the oldest first; from a day on (`YYYY-MM-DD`), or of all.
    """
    first = first_log_day(source)
    for sums, logs in by_day(read_days(source, whose, since), read_log_sums(source, whose, since)):
        yield daily.compare(daily.sum_rows(sums), dict(logs), first)


def by_day(
    rows: Iterable[DailyRow], logs: Iterable[tuple[Day, Usage]]
) -> Iterator[tuple[list[DailyRow], list[tuple[Day, Usage]]]]:
    """Two streams in the order of days, one day of both at a time."""
    days = groupby(rows, key=lambda row: row.day.day)
    logged = groupby(logs, key=lambda log: log[0].day)
    row_day, log_day = next(days, None), next(logged, None)
    while row_day is not None or log_day is not None:
        day = min(group[0] for group in (row_day, log_day) if group is not None)
        of_rows: list[DailyRow] = []
        of_logs: list[tuple[Day, Usage]] = []
        if row_day is not None and row_day[0] == day:
            of_rows = list(row_day[1])
            row_day = next(days, None)
        if log_day is not None and log_day[0] == day:
            of_logs = list(log_day[1])
            log_day = next(logged, None)
        yield of_rows, of_logs


def _counted(text: sql.Composable) -> sql.Composable:
    """The sum of a number that is kept as text, where it is a whole number."""
    from psycopg import sql

    pattern = sql.SQL("coalesce(sum(CASE WHEN {0} ~ '^[0-9]{{1,15}}$' THEN ({0})::bigint ELSE 0 END), 0)::bigint")
    return pattern.format(text)
