"""The sums of a daily table and those of its logs, added up and compared by the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from glowplug.doctor.foreign import Daily
from glowplug.doctor.rows import Texts
from glowplug.doctor.same_rows import Same
from glowplug.moving.litellm import daily as sums
from glowplug.moving.litellm.daily import Day, Difference, Reason, Summed, Usage
from glowplug.moving.litellm.history import IN_LOGS, USABLE
from glowplug.moving.litellm.rows.spend_logs import TABLE as LOGS
from glowplug.moving.litellm.source import Source

if TYPE_CHECKING:
    from psycopg import sql

NANO: Final = 1_000_000_000
_COMPARED: Final = """
WITH logs AS (
    SELECT coalesce({entity}, '') AS entity, "startTime"::date AS moment, coalesce(api_key, '') AS api_key,
        coalesce(model, '') AS model, coalesce(custom_llm_provider, '') AS provider, count(*) AS requests,
        {failed} AS failed, sum(prompt_tokens)::bigint AS prompt, sum(completion_tokens)::bigint AS completion,
        round(sum(spend) * 1e9)::bigint AS cost
    FROM {origin} WHERE {usable} GROUP BY 1, 2, 3, 4, 5),
logged AS (SELECT *, to_char(moment, 'YYYY-MM-DD') AS day FROM logs),
written AS (
    SELECT coalesce({whose}, '') AS entity, date AS day, coalesce(api_key, '') AS api_key,
        coalesce(model, '') AS model, coalesce(custom_llm_provider, '') AS provider, count(*) AS copies,
        sum(api_requests)::bigint AS requests, sum(failed_requests)::bigint AS failed,
        sum(prompt_tokens)::bigint AS prompt, sum(completion_tokens)::bigint AS completion,
        round(sum(spend) FILTER (WHERE abs(spend) < 1e9) * 1e9)::bigint AS cost
    FROM {table} GROUP BY 1, 2, 3, 4, 5{more}),
summed AS (
    SELECT entity, day, api_key, model, provider, max(copies) AS copies, sum(requests)::bigint AS requests,
        sum(failed)::bigint AS failed, sum(prompt)::bigint AS prompt, sum(completion)::bigint AS completion,
        sum(cost)::bigint AS cost
    FROM written GROUP BY 1, 2, 3, 4, 5)
SELECT entity, day, api_key, model, provider, coalesce(s.copies, 0), coalesce(s.requests, 0), coalesce(s.failed, 0),
    coalesce(s.prompt, 0), coalesce(s.completion, 0), coalesce(s.cost, 0), coalesce(l.requests, 0),
    coalesce(l.failed, 0), coalesce(l.prompt, 0), coalesce(l.completion, 0), coalesce(l.cost, 0)
FROM summed s FULL JOIN logged l USING (entity, day, api_key, model, provider)
WHERE ((s.requests, s.failed, s.prompt, s.completion) IS DISTINCT FROM (l.requests, l.failed, l.prompt, l.completion)
    OR abs(coalesce(s.cost, 0) - coalesce(l.cost, 0)) > l.requests)
    AND (l.requests IS NOT NULL OR {seen})
ORDER BY day COLLATE "C", entity, api_key, model, provider
"""


def logged(source: Source, daily: Daily) -> bool:
    """Whether the logs of this era say whose they are."""
    return source.layout.has(LOGS, "request_tags" if daily.whose == "tag" else IN_LOGS[daily.whose])


def differences(source: Source, daily: Daily, first: str) -> Iterator[Difference]:
    """Sums that are not what the logs add up to, day by day; both are added up and compared by the database.

    Those of days whose logs are gone are not among them: there may be years of them, and none is wrong.
    """
    for rows in source.stream(_query(source, daily, first)):
        for row in rows:
            day = Day(*row[:5])
            here = {day: Summed(_usage(row[6:11]), row[5])} if row[5] else {}
            yield from sums.compare(here, {day: _usage(row[11:])} if row[11] else {}, first).differences


def _usage(row: Sequence[int]) -> Usage:
    requests, failed, prompt, completion, cost = row
    return Usage(requests, failed, prompt, completion, cost=cost)


def _query(source: Source, daily: Daily, first: str) -> sql.Composed:
    """Day, how many rows say the same, the figures here, the figures of the logs."""
    from psycopg import sql

    origin: sql.Composable = source.table(LOGS)
    usable: sql.Composable = sql.SQL(USABLE)
    if daily.whose == "tag":
        entity: sql.Composable = sql.SQL("tag")
        origin += sql.SQL(
            ", jsonb_array_elements_text(CASE jsonb_typeof(request_tags) WHEN 'array' THEN request_tags"
            " ELSE '[]' END) AS tag"
        )
    else:
        entity = sql.Identifier(IN_LOGS[daily.whose])
    if daily.whose != "user":
        usable += sql.SQL(" AND {} <> ''").format(entity)
    return sql.SQL(_COMPARED).format(
        entity=entity,
        failed=sql.SQL("count(*) FILTER (WHERE status = 'failure')" if source.layout.has(LOGS, "status") else "0"),
        origin=origin,
        usable=usable,
        table=source.table(daily.table),
        whose=sql.Identifier(daily.key[0]),
        seen=sql.SQL('day COLLATE "C" >= {}').format(sql.Literal(first)) if first else sql.SQL("false"),
        more=sql.SQL("").join(sql.SQL(", coalesce({}, '')").format(sql.Identifier(name)) for name in daily.key[5:]),
    )


def noted(
    found: Iterable[Difference], several: Iterable[Same], daily: Daily, too_much: dict[Day, Difference]
) -> Iterator[Difference]:
    """The same differences; those of these rows that are more than their logs are put down in `too_much`."""
    days = {day_of(daily, same) for same in several}
    for one in found:
        if one.reason is Reason.DOUBLED and one.of in days:
            too_much[one.of] = one
        yield one


def day_of(daily: Daily, same: Same) -> Day:
    first = same.rows[0]
    return Day(*(first[name] or "" for name in (daily.key[0], "date", "api_key", "model", "custom_llm_provider")))


def copies(daily: Daily, several: Iterable[Same], too_much: Mapping[Day, Difference]) -> Iterator[Same]:
    """Rows that were written again whole: each alone is what the logs say, and there are no others of that sum."""
    for same in several:
        one = too_much.get(day_of(daily, same))
        if one is None or one.daily.requests != len(same.rows) * one.logs.requests:
            continue
        if all(_alone(row, one.logs) for row in same.rows):
            yield same


def _alone(row: Texts, logs: Usage) -> bool:
    names = ("api_requests", "failed_requests", "prompt_tokens", "completion_tokens")
    cost = round(float(row["spend"] or 0) * NANO)
    return [row[name] for name in names] == [str(number) for number in logs[:4]] and abs(
        cost - logs.cost
    ) <= logs.requests
