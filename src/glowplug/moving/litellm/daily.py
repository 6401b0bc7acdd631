"""LiteLLM's daily sums, made whole: summed over rows that are the same, and compared with the logs.

Pure.  The sums drift from the logs for known reasons: columns of their unique key may be NULL, and NULLs differ, so
that a row is written again and again; releases around 1.82 wrote a hundred rows of each flush and dropped the rest; and
logs are deleted after a while, sums are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import add
from typing import NamedTuple


class Day(NamedTuple):
    """What one sum is of.  Whatever was NULL is empty."""

    entity: str
    """User, team, tag … by id, depending on the table."""
    day: str
    """UTC, `YYYY-MM-DD`."""
    key: str
    """Hash of the key."""
    model: str
    provider: str


class Usage(NamedTuple):
    """What was used."""

    requests: int = 0
    """Failed ones included."""
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_written: int = 0
    cost: int = 0
    """Nano-dollars."""

    def plus(self, other: Usage) -> Usage:
        return Usage._make(map(add, self, other))

    def beyond(self, other: Usage) -> Usage:
        """What this has and the other has not; never below zero."""
        return Usage._make([a - b if a > b else 0 for a, b in zip(self, other, strict=True)])

    def most(self, other: Usage) -> Usage:
        """The greater of each."""
        return Usage._make(map(max, self, other))


class DailyRow(NamedTuple):
    """One row as it is stored, NULLs as empty strings."""

    day: Day
    tool: str
    endpoint: str
    usage: Usage


@dataclass(frozen=True)
class Summed:
    """The rows of one day and model."""

    usage: Usage
    copies: int
    """How many rows had the same key in all its columns, NULL being equal to NULL; 1 is right."""


class Reason(StrEnum):
    """Why a sum differs from its logs."""

    DOUBLED = "rows whose key has a NULL were counted more than once"
    DROPPED = "rows were dropped when many were written at once"
    DELETED = "logs of that time were deleted, so the sum is all there is"
    UNLOGGED = "there are fewer logs than the sum has requests, so what is beyond them is kept"


_KEEPS = (Reason.DELETED, Reason.UNLOGGED)
"""Reasons to take the greater of each."""


class Difference(NamedTuple):
    """A sum that its logs do not confirm."""

    of: Day
    reason: Reason
    daily: Usage
    logs: Usage
    corrected: Usage


@dataclass(frozen=True)
class Comparison:
    """What was really used."""

    corrected: Mapping[Day, Usage]
    beyond: Mapping[Day, Usage]
    """The part that no log explains: what is kept as usage of the past beside the logs."""
    differences: tuple[Difference, ...]
    duplicates: int
    """Rows that were there more than once, whether or not their sum is right."""


def sum_rows(rows: Iterable[DailyRow]) -> dict[Day, Summed]:
    """Rows of one entity, day, key, model and provider become one."""
    sums: dict[Day, Usage] = {}
    copies: dict[tuple[Day, str, str], int] = {}
    for day, tool, endpoint, usage in rows:
        before = sums.get(day)  # nearly always the first: a year of many keys has millions of them
        sums[day] = usage if before is None else before.plus(usage)
        same = day, tool, endpoint
        copies[same] = copies.get(same, 0) + 1
    most: dict[Day, int] = {}
    for (day, _, _), count in copies.items():
        most[day] = max(most.get(day, 1), count)
    return {day: Summed(usage, most[day]) for day, usage in sums.items()}


def compare(daily: Mapping[Day, Summed], logs: Mapping[Day, Usage], first: str) -> Comparison:
    """What was used: by the logs where they are complete, by the sums where logs are gone.

    `first` is the day of the oldest log: that day and those before it may have lost logs; empty when there are no logs.
    """
    corrected: dict[Day, Usage] = {}
    beyond: dict[Day, Usage] = {}
    differences = []
    nothing, unused = Summed(Usage(), 0), Usage()
    for day in sorted({*daily, *logs}):
        summed = daily.get(day, nothing)
        logged = logs.get(day, unused)
        if summed.usage == logged:
            corrected[day] = logged
            continue
        reason = _reason(summed, logged, gone=not first or day.day <= first)
        right = summed.usage.most(logged) if reason in _KEEPS else logged
        corrected[day] = right
        if right is not logged and (rest := right.beyond(logged)) != unused:
            beyond[day] = rest
        if reason is not None:
            differences.append(Difference(day, reason, summed.usage, logged, right))
    duplicates = sum(summed.copies - 1 for summed in daily.values())
    return Comparison(corrected, beyond, tuple(differences), duplicates)


def join(comparisons: Iterable[Comparison]) -> Comparison:
    """Those of several days as one."""
    corrected: dict[Day, Usage] = {}
    beyond: dict[Day, Usage] = {}
    differences: list[Difference] = []
    duplicates = 0
    for one in comparisons:
        corrected |= one.corrected
        beyond |= one.beyond
        differences += one.differences
        duplicates += one.duplicates
    return Comparison(corrected, beyond, tuple(differences), duplicates)


def _reason(summed: Summed, logged: Usage, *, gone: bool) -> Reason | None:
    """Why they differ; None when they do not."""
    more, less = _exceeds(summed.usage, logged), _exceeds(logged, summed.usage)
    if not more:
        return Reason.DROPPED if less else None
    if gone:
        return Reason.DELETED
    if summed.copies > 1 and logged.requests:
        return Reason.DOUBLED
    return Reason.UNLOGGED


def _exceeds(one: Usage, other: Usage) -> bool:
    """Whether one is more than the other, beyond what adding up floats and rounding each request can make.

    Tokens of caches do not count: releases differ in where they look for them.
    """
    if (
        one.requests > other.requests
        or one.failed > other.failed
        or one.prompt_tokens > other.prompt_tokens
        or one.completion_tokens > other.completion_tokens
    ):
        return True
    slack = max(one.requests, other.requests, 1) + max(one.cost, other.cost) // 1_000_000_000
    return one.cost - other.cost > slack
