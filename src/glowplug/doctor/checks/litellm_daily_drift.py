"""Daily sums that disagree with the logs they are the sums of.

The database adds the logs up; `moving.litellm.daily` says why a sum differs and which of the two is right.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.day_sums import NANO, copies, differences, logged, noted
from glowplug.doctor.foreign import Daily, ask, daily_tables, litellm_database, many, more_memory, must_read, shown_key
from glowplug.doctor.rows import RowChange, Rows, Texts
from glowplug.doctor.same_rows import Same, merge, narrower, same_rows
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.daily import Day, Difference, Reason, Usage
from glowplug.moving.litellm.history import first_log_day
from glowplug.moving.litellm.rows.spend_logs import TABLE as LOGS
from glowplug.moving.litellm.source import Source

MOST_ROWS: Final = 10_000
"""That are added or compared at a time: all of them are in one record."""
_SHOWN: Final = 4
_NOTHING: Final = Usage()
_SAID: Final = {
    Reason.DROPPED: (
        "lacks what {count} of {days} should have by the logs",
        "Usage and cost on LiteLLM's pages are too low.",
        "The logs are right. Read usage of these days from LiteLLM_SpendLogs.",
    ),
    Reason.DOUBLED: (
        "has more than the logs for {count} of {days}, each of them in several rows",
        "Usage and cost on LiteLLM's pages are too high.",
        "The logs are right: the rows were written again with what had been counted. Read usage of these days from"
        " LiteLLM_SpendLogs.",
    ),
    Reason.UNLOGGED: (
        "has more than the logs for {count} of {days}",
        "Pages that read the logs show less than pages that read the sums.",
        "Believe the sums: logs were deleted, or not written for a while. Nothing can be repaired.",
    ),
}


@dataclass
class Drift:
    """The sums of one table that differ for one reason."""

    reason: Reason
    count: int = 0
    days: set[str] = field(default_factory=set)
    daily: Usage = _NOTHING
    logs: Usage = _NOTHING
    first: list[Difference] = field(default_factory=list)
    absent: list[Difference] = field(default_factory=list)
    """Those that have no row at all, as many as are added at a time."""
    lacking: int = 0
    """How many have none."""
    copies: list[Same] = field(default_factory=list)
    """Rows each of which alone is what the logs say."""

    def add(self, difference: Difference, *, most: int) -> None:
        self.count += 1
        self.days.add(difference.of.day)
        self.daily = self.daily.plus(difference.daily)
        self.logs = self.logs.plus(difference.logs)
        if len(self.first) < _SHOWN:
            self.first.append(difference)
        if difference.daily == _NOTHING:
            self.lacking += 1
            if len(self.absent) < most:
                self.absent.append(difference)


@dataclass(frozen=True)
class Compared:
    """One table and the logs."""

    daily: Daily
    drifts: tuple[Drift, ...]
    fill: bool = True
    """Whether what is NULL in a key can be filled in."""
    cut: bool = False
    """There are more rows that may be copies than were looked at."""

    @property
    def more(self) -> bool:
        """Whether one repair leaves something to the next."""
        return self.cut or any(drift.lacking > len(drift.absent) for drift in self.drifts)


class DailyDrift(Check[tuple[Compared, ...]]):
    """Releases around 1.82 wrote a hundred rows of each flush and dropped the rest; others wrote rows twice."""

    name = "litellm-daily-drift"
    title = "LiteLLM's daily sums agree with its logs"
    group = Group.LITELLM

    def gather(self, site: Site) -> tuple[Compared, ...]:
        today = time.strftime("%Y-%m-%d", time.gmtime(site.clock.unix()))
        with litellm_database(site) as source:
            tables = daily_tables(source)
            must_read(source, [LOGS])
            more_memory(source)
            first = first_log_day(source)
            found = [
                _compare(source, daily, first, since=since, today=today)
                for daily in tables
                if (since := _first_day(source, daily)) and logged(source, daily)
            ]
        if not found:
            raise NothingToLookAt("the daily tables are empty")
        return tuple(found)

    def inspect(self, facts: tuple[Compared, ...]) -> Sequence[Finding]:
        return [self._of(compared.daily, drift) for compared in facts for drift in compared.drifts]

    def _of(self, daily: Daily, drift: Drift) -> Finding:
        summary, consequence, advice = _SAID[drift.reason]
        more = drift.count - len(drift.first)
        return Finding(
            check=self.name,
            severity=Severity.NOTE if drift.reason is Reason.UNLOGGED else Severity.WARNING,
            subject=daily.table,
            summary=summary.format(count=many(drift.count, "sum"), days=many(len(drift.days), "day")),
            evidence=(
                f"together: {_figures(drift.daily)} here, {_figures(drift.logs)} in the logs",
                *(_said(difference) for difference in drift.first),
                *([f"… {more} more"] if more else []),
            ),
            consequence=consequence,
            advice=advice if drift.lacking + len(drift.copies) < drift.count else "",
        )

    def remedy(self, facts: tuple[Compared, ...]) -> Remedy | None:
        actions = [rows for compared in facts for drift in compared.drifts for rows in _repairs(compared, drift)]
        if not actions:
            return None
        return Remedy(
            actions=actions,
            risk="Only sums that have no row at all are added, without tokens of caches; only rows each of which is"
            " what the logs say are taken for copies. Other rows stay as they are.",
            goes_on=any(compared.more for compared in facts),
        )


def _repairs(compared: Compared, drift: Drift) -> Iterator[Rows]:
    daily = compared.daily
    if drift.reason is Reason.DROPPED and drift.absent:
        added = tuple(new_row(daily, one) for one in drift.absent)
        why = f"add {many(len(added), 'row')} to {daily.table} that the logs prove"
        yield Rows(schema=daily.schema, changes=added, why=why)
    if drift.copies:
        changes = tuple(
            change for same in drift.copies for change in merge(daily, Same(same.rows, {}), fill=compared.fill)
        )
        surplus = sum(len(same.rows) - 1 for same in drift.copies)
        why = f"remove {many(surplus, 'row')} of {daily.table} that the logs prove to be copies"
        yield Rows(schema=daily.schema, changes=changes, why=why)


def new_row(daily: Daily, missing: Difference) -> RowChange:
    """The row that LiteLLM should have written.  Its id follows from what it is of."""
    of, logs = missing.of, missing.logs
    named = dict(zip(("date", "api_key", "model", "custom_llm_provider"), of[1:], strict=True))
    key = {daily.key[0]: of.entity} | {name: named.get(name, "") for name in daily.key[1:]}
    id = str(uuid5(NAMESPACE_URL, "\n".join((daily.table, *of))))
    counters = {
        "prompt_tokens": logs.prompt_tokens,
        "completion_tokens": logs.completion_tokens,
        "api_requests": logs.requests,
        "successful_requests": logs.requests - logs.failed,
        "failed_requests": logs.failed,
    }
    row: Texts = {"id": id, **key, **{name: str(number) for name, number in counters.items()}}
    row |= {"spend": _dollars(logs.cost), "updated_at": f"{of.day} 23:59:59"}
    return RowChange(table=daily.table, key={"id": id}, before=None, after=row, masked=("api_key",))


def _dollars(nano: int) -> str:
    """As PostgreSQL writes a float."""
    return repr(nano / NANO).removesuffix(".0")


def _first_day(source: Source, daily: Daily) -> str:
    """Of this table, which may be younger than the logs; empty when it has no rows."""
    from psycopg import sql

    query = sql.SQL('SELECT coalesce(min("date" COLLATE "C"), \'\') FROM {}').format(source.table(daily.table))
    return str(ask(source, query)[0][0])


def _compare(source: Source, daily: Daily, first: str, *, since: str, today: str) -> Compared:
    seen, cut = same_rows(source, daily, MOST_ROWS)
    several = [same for same in seen if same.rows[0]["date"] != today]
    too_much: dict[Day, Difference] = {}
    found = drifts(noted(differences(source, daily, first), several, daily, too_much), since, today)
    for drift in found:
        if drift.reason is Reason.DOUBLED:
            drift.copies = list(copies(daily, several, too_much))
    return Compared(daily, found, not narrower(source, daily), cut)


def drifts(differences: Iterable[Difference], since: str, today: str) -> tuple[Drift, ...]:
    """By reason.  Sums whose logs are gone are as they should be, usage without a key is in no sum, and this day's sums
    and logs are written at different times."""
    found: dict[Reason, Drift] = {}
    for one in differences:
        if one.reason in _SAID and one.of.day >= since and one.of.day != today and one.of.key:
            found.setdefault(one.reason, Drift(one.reason)).add(one, most=MOST_ROWS)
    return tuple(found[reason] for reason in _SAID if reason in found)


def _figures(usage: Usage) -> str:
    tokens = usage.prompt_tokens + usage.completion_tokens
    return f"{many(usage.requests, 'request')}, {tokens} tokens, ${_dollars(usage.cost)}"


def _said(one: Difference) -> str:
    about = f"{one.of.entity or 'nobody'}, {one.of.day}, {shown_key(one.of.key)}, {one.of.model or 'no model'}"
    return f"{about}: {_figures(one.daily)} here, {_figures(one.logs)} in the logs"
