"""What an import found and did, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappush, heappushpop
from itertools import count

import msgspec

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.money import NANO

MOST_SHOWN = 40
"""Lines of one kind that the text shows; the JSON has all of them."""


MOST_DAYS = 1000
"""Days that are kept one by one: a year of ten thousand keys has a million of them."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was taken over, changed, left or refused."""

    outcome: Outcome
    where: str
    """Where in the source."""
    what: str
    why: str = ""
    hint: str = ""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing, in numbers."""

    noun: str
    """`keys`, `users`, `requests` …"""
    found: int
    """In the source, those that can be used."""
    new: int = 0
    """Written by this import, or in a dry run: what it would write."""
    here: int = 0
    """Here already."""
    updated: int = 0
    """Of those, changed as the source was since the last import."""
    ended: int = 0
    """From an earlier import and taken away here, because the source has them no more."""

    @property
    def changed(self) -> bool:
        """Whether anything was written, or in a dry run: would be."""
        return bool(self.new or self.updated or self.ended)


class DayDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A daily sum of the source that its own logs do not confirm.  Requests and nano-dollars."""

    day: str
    key: str
    """Hash of the key, as the source has it."""
    model: str
    reason: str
    sum_requests: int
    log_requests: int
    taken_requests: int
    sum_cost: int
    log_cost: int
    taken_cost: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is to be said about one import."""

    source: str
    """What was read, for people; without a password."""
    era: str = ""
    """About which version the schema of its database is of; empty without a database."""
    dry_run: bool = False
    seconds: float = 0.0
    counts: tuple[Count, ...] = ()
    lines: tuple[Line, ...] = ()
    days: tuple[DayDifference, ...] = ()
    """At most `MOST_DAYS`: those that differ by most money, by day."""
    days_by_reason: dict[str, int] = {}
    """How many there are of each."""
    duplicates: int = 0
    """Daily rows that the source has more than once."""
    file: str = ""
    """Where this report is kept; empty in a dry run."""

    @property
    def changed(self) -> bool:
        """Whether anything was written, or in a dry run: would be."""
        return any(one.changed for one in self.counts)

    def of(self, outcome: Outcome) -> tuple[Line, ...]:
        """The lines with this outcome, in their order."""
        return tuple(line for line in self.lines if line.outcome is outcome)

    def to_json(self) -> bytes:
        """The whole report, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class Days:
    """Differences as they are found, one by one: how many, and those that matter most."""

    def __init__(self) -> None:
        self.by_reason: dict[str, int] = {}
        self._most: list[tuple[int, int, DayDifference]] = []
        self._numbers = count(1)

    def add(self, reason: str, cost: int, make: Callable[[], DayDifference]) -> None:
        """`cost`: nano-dollars between the sum and the logs.  What is not kept is not made."""
        self.by_reason[reason] = self.by_reason.get(reason, 0) + 1
        size = abs(cost)
        if len(self._most) < MOST_DAYS:
            heappush(self._most, (size, -next(self._numbers), make()))
        elif size > self._most[0][0]:
            # Of equal ones the first stays.
            heappushpop(self._most, (size, -next(self._numbers), make()))

    def most(self) -> tuple[DayDifference, ...]:
        """At most `MOST_DAYS`, in the order they came in."""
        return tuple(one for _, _, one in sorted(self._most, key=lambda entry: -entry[1]))


def line(note: Note) -> Line:
    """A note of a reader as a line of the report."""
    return Line(outcome=note.outcome, where=note.where, what=note.what, why=note.why, hint=note.hint)


def text(report: Report) -> Iterable[str]:
    """The report as lines for people: numbers first, then what needs somebody's attention, most urgent first."""
    yield f"{'Would import' if report.dry_run else 'Imported'} from {report.source}" + (
        f" (schema of about {report.era})" if report.era else ""
    )
    for one in report.counts:
        more = (f", {one.updated:,} updated" if one.updated else "") + (f", {one.ended:,} ended" if one.ended else "")
        yield f"  {one.noun:<22}{one.found:>10,} found {one.new:>10,} new {one.here:>10,} here already{more}"
    for outcome, title in (
        (Outcome.REFUSED, "Refused"),
        (Outcome.UPDATED, "Changed since the last import"),
        (Outcome.CHANGED, "Different here"),
        (Outcome.LEFT, "Left behind"),
    ):
        lines = report.of(outcome)
        if lines:
            yield f"{title} ({len(lines)}):"
            yield from (f"  {_said(one)}" for one in lines[:MOST_SHOWN])
        if len(lines) > MOST_SHOWN:
            yield f"  … and {len(lines) - MOST_SHOWN} more, which the JSON report has"
    if report.days:
        yield f"Daily sums that differ from the logs ({sum(report.days_by_reason.values()):,}):"
        yield from (f"  {number:,}: {reason}" for reason, number in report.days_by_reason.items())
        yield from (f"  {_day(one)}" for one in report.days[:MOST_SHOWN])
    if report.file:
        yield f"The whole report is in {report.file}"


def _said(one: Line) -> str:
    why = f" ({one.why})" if one.why else ""
    return f"{one.where}: {one.what}{why}" + (f" → {one.hint}" if one.hint else "")


def _day(one: DayDifference) -> str:
    figures = (
        ("in the sums", one.sum_requests, one.sum_cost),
        ("in the logs", one.log_requests, one.log_cost),
        ("taken", one.taken_requests, one.taken_cost),
    )
    said = ", ".join(f"{what} {requests:,} requests for ${cost / NANO:,.4f}" for what, requests, cost in figures)
    return f"{one.day} {one.model or '(no model)'}: {said}: {one.reason}"
