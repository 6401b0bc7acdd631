"""A journal that the ledger does not keep up with, or that cannot be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.ledger.journal import Damage, JournalReader
from glowplug.ledger.segments import DAMAGED_SUFFIX, HEADER, SUFFIX, order
from glowplug.store.tables import journal_cursor
from glowplug.units import format_duration, format_size

_MUCH: Final = 16 << 20
"""Bytes that are not folded: a server folds several times a second."""
_OLD_S: Final = 3600.0
"""For a segment that nobody writes to any more."""
_FULL: Final = 64 << 20
_SCARCE: Final = 256 << 20


@dataclass(frozen=True)
class Segment:
    """One file of the journal."""

    path: str
    pending: int = 0
    """Bytes of it that are not in the ledger."""
    records: int = 0
    """In them."""
    age: float = 0.0
    """Seconds since it was begun."""
    sealed: bool = False
    damage: str = ""
    aside: bool = False
    """It was put aside because it could not be read."""


@dataclass(frozen=True)
class Facts:
    """The journal."""

    folder: str
    segments: tuple[Segment, ...]
    free: int
    """Bytes on its disk."""


class Journal(Check[Facts]):
    """What is in the journal and not in the ledger counts against no budget and is on no bill."""

    name = "ourselves-journal"
    title = "The ledger keeps up with the journal, which can be read and written"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Facts:
        folder = site.real(site.paths.journal)
        if not folder.is_dir():
            raise NothingToLookAt("there is no journal yet")
        return Facts(str(site.paths.journal), tuple(_segments(site)), shutil.disk_usage(folder).free)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        return [*self._disk(facts), *self._lag(facts), *self._damage(facts)]

    def _disk(self, facts: Facts) -> Iterator[Finding]:
        if facts.free < _SCARCE:
            yield Finding(
                check=self.name,
                severity=Severity.ERROR if facts.free < _FULL else Severity.WARNING,
                subject=facts.folder,
                summary=f"is on a disk with {format_size(facts.free)} free",
                consequence="When no segment can be made any more, requests are refused.",
                advice="Make room on this disk, or move the state directory with --state-dir.",
            )

    def _lag(self, facts: Facts) -> Iterator[Finding]:
        pending = [one for one in facts.segments if one.pending]
        much = sum(one.pending for one in pending)
        late = [one for one in pending if one.sealed and one.age > _OLD_S]
        if much < _MUCH and not late:
            return
        told = [f"{one.path}: {one.records} records, {format_size(one.pending)}" for one in late or pending]
        yield Finding(
            check=self.name,
            severity=Severity.WARNING,
            subject=facts.folder,
            summary=f"has {sum(one.records for one in pending)} records that are not in the ledger",
            evidence=(
                *([f"the oldest is from {format_duration(max(one.age for one in late))} ago"] if late else []),
                *told[:10],
            ),
            consequence="They count against no budget and are on no bill until they are folded.",
            advice="Start `glowplug up`, which folds them; if it runs, its log says why it does not.",
        )

    def _damage(self, facts: Facts) -> Iterator[Finding]:
        for one in facts.segments:
            if one.damage or one.aside:
                yield Finding(
                    check=self.name,
                    severity=Severity.WARNING,
                    subject=one.path,
                    summary="was put aside, because it could not be read" if one.aside else "cannot be read",
                    evidence=(one.damage,) if one.damage else (),
                    consequence="The records behind the damage are in no ledger.",
                    advice="Look for a failing disk (`journalctl -k`); keep the file until it is known what was lost.",
                )


def _segments(site: Site) -> Iterator[Segment]:
    positions = _positions(site)
    for shown in site.glob(site.paths.journal, f"*{DAMAGED_SUFFIX}"):
        yield Segment(str(shown), aside=True)
    for shown in sorted(site.glob(site.paths.journal, f"*{SUFFIX}"), key=lambda path: order(path.name)):
        try:
            yield _segment(site, str(shown), positions.get(shown.name, HEADER))
        except FileNotFoundError:  # folded to its end and deleted meanwhile
            continue
        except ValueError as error:
            yield Segment(str(shown), damage=str(error))


def _segment(site: Site, shown: str, position: int) -> Segment:
    reader = JournalReader(site.real(shown))
    pending = max(0, reader.committed - position)
    age = site.clock.unix() - order(shown.rpartition("/")[2])[1] / 1000
    records, damage = 0, ""
    for _, record in reader.records(position):
        if isinstance(record, Damage):
            damage = f"at byte {record.offset}: {record.why}"
        else:
            records += 1
    return Segment(shown, pending, records, age, reader.sealed, damage)


def _positions(site: Site) -> dict[str, int]:
    """Segment → bytes of it that are folded."""
    try:
        with site.store() as connection:
            return {row.segment: row.position for row in connection.execute(select(journal_cursor))}
    except FileNotFoundError:
        return {}
