"""Rows of the daily tables that are one row, because NULL and an empty text are the same in their key.

All columns of the unique key may be NULL, and NULLs differ.  Releases around 1.82 look for a row with an empty text and
write one with NULL, so that every flush writes the same sum anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.day_sums import copies, differences, logged, noted
from glowplug.doctor.foreign import Daily, daily_tables, litellm_database, many, shown_key
from glowplug.doctor.rows import Rows, Texts
from glowplug.doctor.same_rows import Same, count_null, count_same, filled, merge, narrower, null_rows, same_rows
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.daily import Day, Difference
from glowplug.moving.litellm.history import first_log_day
from glowplug.moving.litellm.source import Source

MOST_ROWS: Final = 10_000
"""That are merged at a time: all of them are in one record."""
_SHOWN: Final = 3


@dataclass(frozen=True)
class Repeated:
    """The rows of one table that are there more than once."""

    daily: Daily
    groups: int
    """Sums in several rows."""
    surplus: int
    """Rows that are more than one for each sum."""
    same: tuple[Same, ...]
    """Those that one repair merges."""
    narrower: bool
    """Whether an older index is in the way of filling in what is NULL."""
    copied: int = 0
    """Sums whose rows the logs prove to be copies, which are not to be added up."""
    cut: bool = False
    """There are more rows than were looked at."""
    nulls: int = 0
    """Rows with NULL in their key that are the only ones of their sum."""
    null: tuple[Texts, ...] = ()
    """Those that are filled in at a time; none where an older index may be in the way."""

    @property
    def more(self) -> bool:
        """Whether one repair leaves something to the next: what is NULL is filled in when nothing is there twice."""
        return self.cut or self.groups > 0 or self.nulls > len(self.null)


class DuplicateDays(Check[tuple[Repeated, ...]]):
    """Daily sums that are spread over several rows."""

    name = "litellm-duplicate-days"
    title = "Every daily sum of LiteLLM is in one row"
    group = Group.LITELLM

    def gather(self, site: Site) -> tuple[Repeated, ...]:
        with litellm_database(site) as source:
            left, found = MOST_ROWS, []
            for daily in daily_tables(source):
                repeated = _look(source, daily, left)
                left = max(0, left - sum(len(same.rows) for same in repeated.same) - len(repeated.null))
                found.append(repeated)
        return tuple(found)

    def inspect(self, facts: tuple[Repeated, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=repeated.daily.table,
                summary=f"has {many(repeated.surplus, 'row')} too many: {many(repeated.groups, 'sum')} in several rows",
                evidence=tuple(_said(repeated.daily, same) for same in repeated.same[:_SHOWN]),
                consequence="LiteLLM does not find the row of a sum and writes another at every flush: the table grows,"
                " and whoever reads one row reads a part.",
                advice=_again(repeated),
            )
            for repeated in facts
            if repeated.groups
        ] + [self._null(repeated) for repeated in facts if repeated.nulls]

    def _null(self, repeated: Repeated) -> Finding:
        return Finding(
            check=self.name,
            severity=Severity.NOTE,
            subject=f"{repeated.daily.table}: NULL",
            summary=f"is in the key of {many(repeated.nulls, 'row')}",
            evidence=(f"the key is {', '.join(repeated.daily.key)}",),
            consequence="LiteLLM looks for an empty text there, does not find the row, and writes the sum once more.",
            advice="Repair litellm-unique-indexes first." if repeated.narrower else "",
        )

    def remedy(self, facts: tuple[Repeated, ...]) -> Remedy | None:
        actions = [
            Rows(
                schema=repeated.daily.schema,
                changes=tuple(
                    change
                    for same in repeated.same
                    for change in merge(repeated.daily, same, fill=not repeated.narrower)
                ),
                why=f"merge {sum(len(same.rows) for same in repeated.same)} rows of {repeated.daily.table} into"
                f" {len(repeated.same)}, counters added up",
            )
            for repeated in facts
            if repeated.same
        ]
        actions += [
            Rows(
                schema=repeated.daily.schema,
                changes=tuple(filled(repeated.daily, row) for row in repeated.null),
                why=f"put empty texts for NULL into the keys of {many(len(repeated.null), 'row')} of"
                f" {repeated.daily.table}",
            )
            for repeated in facts
            if repeated.null
        ]
        if not actions:
            return None
        return Remedy(
            actions=actions,
            risk="What was counted twice and cannot be proven by the logs stays counted twice. When LiteLLM writes to"
            " one of these rows meanwhile, nothing is changed.",
            goes_on=any(repeated.more for repeated in facts),
        )


def _look(source: Source, daily: Daily, most: int) -> Repeated:
    groups, surplus = count_same(source, daily)
    several, cut = same_rows(source, daily, most) if groups and most else ([], groups > 0)
    held: set[int] = set()
    if several and logged(source, daily):
        too_much: dict[Day, Difference] = {}
        for _ in noted(differences(source, daily, first_log_day(source)), several, daily, too_much):
            pass
        held = {id(same) for same in copies(daily, several, too_much)}
    same = tuple(one for one in several if id(one) not in held)
    older = narrower(source, daily)
    nulls = 0 if groups else count_null(source, daily)
    null = tuple(null_rows(source, daily, most)) if nulls and most and not older else ()
    return Repeated(daily, groups, surplus, same, older, len(held), cut, nulls, null)


def _said(daily: Daily, same: Same) -> str:
    first = same.rows[0]
    requests = " + ".join(row.get("api_requests") or "?" for row in same.rows[: _SHOWN * 2])
    more = " + …" if len(same.rows) > _SHOWN * 2 else ""
    whose = first[daily.key[0]] or "nobody"
    about = f"{whose}, {first['date']}, {shown_key(first['api_key'] or '')}, {first['model'] or 'no model'}"
    return f"{about}: {len(same.rows)} rows with {requests}{more} requests"


def _again(repeated: Repeated) -> str:
    if repeated.copied:
        return f"{many(repeated.copied, 'sum')} would be too much by the logs: repair litellm-daily-drift first."
    return ""
