"""The journal: what is not folded into the ledger yet, what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.units import format_duration, format_size

LATE_S: Final = 3600.0
"""A segment that was not folded for so long has been forgotten: a server that runs folds every few seconds."""
MOST_BYTES: Final = 64 << 20
"""Of records that wait."""


@dataclass(frozen=True)
class SegmentState:
    """One segment."""

    name: str
    waiting: int
    """Bytes that are committed and not folded."""
    age: float
    """Seconds since it was written to."""
    problem: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True)
class JournalState:
    """What is in its directory."""

    directory: str
    segments: tuple[SegmentState, ...]
    damaged: tuple[str, ...]
    """Copies of segments that had a part that could not be read."""


class Journal(Check[JournalState]):
    """Records that nobody folds are on no bill; a disk that fills with them stops the workers."""

    name = "ourselves-journal"
    title = "What was used is in the ledger, and nothing of it was lost"
    group = Group.OURSELVES

    def gather(self, site: Site) -> JournalState:
        from sqlalchemy import select

        from glowplug.ledger.segments import DAMAGED_SUFFIX, HEADER, SegmentFiles, worker_of
        from glowplug.store.tables import journal_cursor

        files, directory = SegmentFiles(), site.real(site.paths.journal)
        names = files.names(directory)
        if not names:
            raise NothingToLookAt("the journal is empty")
        with site.store() as connection:
            folded = {row.segment: row.position for row in connection.execute(select(journal_cursor))}
        found = []
        for name in sorted(name for name in names if worker_of(name) is not None and not name.endswith(".new")):
            path = directory / name
            age = max(0.0, site.clock.unix() - path.stat().st_mtime)
            try:
                committed = files.header(path).committed
            except ValueError as error:
                found.append(SegmentState(name, 0, age, str(error)))
                continue
            found.append(SegmentState(name, max(0, committed - folded.get(name, HEADER)), age))
        damaged = tuple(sorted(name for name in names if name.endswith(DAMAGED_SUFFIX)))
        return JournalState(str(site.paths.journal), tuple(found), damaged)

    def inspect(self, facts: JournalState) -> Sequence[Finding]:
        found = [
            self._finding(
                Severity.ERROR, f"{facts.directory}/{one.name}", f"cannot be read: {one.problem}",
                "What it holds is on no bill.", "keep it, and start the release that wrote it once",
            )
            for one in facts.segments
            if one.problem
        ]  # fmt: skip
        found += [
            self._finding(
                Severity.WARNING, f"{facts.directory}/{one.name}",
                f"has {format_size(one.waiting)} of records that were not folded for {format_duration(one.age)}",
                "What they say was used is on no bill yet.",
                "start `glowplug up`, which folds them; what it writes to its log says why it does not",
            )
            for one in facts.segments
            if one.waiting and one.age > LATE_S
        ]  # fmt: skip
        waiting = sum(one.waiting for one in facts.segments)
        if waiting > MOST_BYTES and len(found) == 0:
            found.append(
                self._finding(
                    Severity.WARNING, facts.directory, f"has {format_size(waiting)} of records that wait to be folded",
                    "Figures of usage are behind, and budgets of users of several machines with them.",
                    "look whether the disk or the database is slow: metric glowplug_journal_bytes",
                )
            )  # fmt: skip
        found += [
            self._finding(
                Severity.WARNING, f"{facts.directory}/{name}", "is the copy of a segment that was damaged",
                "Some attempts of that time may be missing from the ledger.",
                "look at the disk; move the copy elsewhere when it has been looked at",
            )
            for name in facts.damaged
        ]  # fmt: skip
        return found

    def _finding(self, severity: Severity, subject: str, summary: str, consequence: str, advice: str) -> Finding:
        return Finding(
            check=self.name, severity=severity, subject=subject, summary=summary, consequence=consequence, advice=advice
        )
