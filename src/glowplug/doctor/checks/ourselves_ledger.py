"""A ledger that does not say what happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.usage import AttemptClosed
from glowplug.ledger.journal import Damage, JournalReader
from glowplug.store import check
from glowplug.store.tables import journal_cursor

_MOST: Final = 20
"""Findings that are told of each kind; all are counted."""
_REBUILD: Final = "`glowplug ledger rebuild` makes the sums anew from the lines."
_REPORT: Final = "Keep the state directory as it is and report this; `glowplug ledger check` has all of it."


@dataclass(frozen=True)
class Wrong:
    """Something that does not fit."""

    subject: str
    what: str
    advice: str


@dataclass(frozen=True)
class Facts:
    """What was looked at, and what does not fit."""

    wrong: tuple[Wrong, ...]
    more: int
    """So many besides."""


class Ledger(Check[Facts]):
    """What `glowplug ledger check` does, beside a server and without folding anything: all of it in one moment."""

    name = "ourselves-ledger"
    title = "The ledger says what happened"
    group = Group.OURSELVES
    slow = True

    def gather(self, site: Site) -> Facts:
        wrong: list[Wrong] = []
        counted = 0
        try:
            with site.store() as connection:
                hour: int | None = 0
                while hour is not None:
                    one = check.stretch(connection, hour=hour, most=_MOST)
                    hour = one.then
                    wrong += _line(one.costs)
                    wrong += [_sum(place, right, is_) for place, right, is_ in one.differing]
                    counted += sum(one.problems)
                lost = list(_lost(site, connection))
        except FileNotFoundError:
            raise NothingToLookAt("there is no database yet") from None
        counted += len(lost)
        told = [*wrong, *lost][: 3 * _MOST]
        return Facts(tuple(told), counted - len(told))

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=one.subject,
                summary=one.what,
                evidence=(f"and {facts.more} more",) if facts.more and not number else (),
                consequence="Budgets and bills that count it are wrong.",
                advice=one.advice,
            )
            for number, one in enumerate(facts.wrong)
        ]


def _line(wrong: Sequence[check.Wrong]) -> list[Wrong]:
    return [Wrong(f"attempt {one.attempt} of request {one.request}", one.what, _REPORT) for one in wrong]


def _sum(place: tuple[str, str, int], right: Sequence[int], is_: Sequence[int]) -> Wrong:
    scope, name, hour = place
    what = f"is {tuple(is_)}, and its lines make {tuple(right)}"
    return Wrong(f"the sum of {f'{scope} {name}'.strip()} in hour {hour}", what, _REBUILD)


def _lost(site: Site, connection: Connection) -> Iterator[Wrong]:
    """What is folded by now must be in the ledger."""
    for row in connection.execute(select(journal_cursor)).all():
        path = site.real(site.paths.journal / row.segment)
        closed: list[AttemptClosed] = []
        try:
            for behind, record in JournalReader(path).records():
                if isinstance(record, Damage) or behind > row.position:
                    break
                if isinstance(record, AttemptClosed):
                    closed.append(record)
        except (FileNotFoundError, ValueError):  # folded to its end and deleted, or told by the check of the journal
            continue
        yield from _line(list(check.records(connection, closed)))
