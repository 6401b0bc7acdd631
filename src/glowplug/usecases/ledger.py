"""The ledger looks at itself: is everything that happened in it, once, with the right figures and the right cost?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from glowplug.domain.usage import AttemptClosed
from glowplug.ledger.journal import Damage, JournalReader
from glowplug.ledger.segments import SUFFIX
from glowplug.store import check, rollups, usage_days
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database

MOST = 100
"""Findings that are told; all are counted."""
_HINTS = {
    "journal": "the fold has lost a record: keep the state directory as it is and report this",
    "damage": "a copy of the segment is kept; look for a failing disk",
    "sums": "glowplug ledger rebuild makes the sums anew from the lines",
    "open": "the next fold settles them; if they stay, report this",
    "cost": "the line was changed behind our back, or this is a bug: report it",
}


class LedgerFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not fit."""

    kind: str
    """`journal`, `damage`, `sums`, `open` or `cost`."""
    what: str
    hint: str


class LedgerChecked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found."""

    ok: bool
    lines: int
    """Settled attempts whose cost was computed again."""
    records: int
    """Ends of attempts in the journal that were looked for."""
    sums: int
    """Sums by scope and hour that were made again."""
    problems: int
    findings: tuple[LedgerFinding, ...] = ()
    """The first of the problems."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """How many sums were wrong."""

    wrong: int
    dry_run: bool


class LedgerCheck:
    """`fold` brings the journal into the ledger, `prices` writes down those in force; `told` hears how many problems
    a check found."""

    def __init__(
        self,
        database: Database,
        journal: Path,
        fold: Callable[[], object],
        gone: Callable[[str], bool],
        prices: Callable[[], Awaitable[None]],
        told: Callable[[int], None],
    ) -> None:
        self._database = database
        self._store = AttemptStore(database)
        self._journal = journal
        self._fold = fold
        self._gone = gone
        self._prices = prices
        self._told = told

    async def check(self) -> LedgerChecked:
        """Fold, then look at everything.  Raises StoreError, OSError."""
        await self._prices()
        await asyncio.to_thread(self._fold)
        found = _Found()
        await asyncio.to_thread(self._look_at_journal, found)
        lines, sums = await self._look_at_lines(found)
        for day in await self._database.run(usage_days.differences):
            found.add("sums", f"the usage of {day} is not that of its lines")
        # Asked last: a worker that was alive before may have ended while we looked, and then its attempts are open.
        opened = await asyncio.to_thread(self._store.open_workers)
        for worker in sorted(worker for worker in opened if self._gone(worker)):
            found.add("open", f"worker {worker} is gone and has attempts that are open")
        self._told(found.count)
        return LedgerChecked(
            ok=not found.count,
            lines=lines,
            records=found.records,
            sums=sums,
            problems=found.count,
            findings=tuple(found.findings),
        )

    async def rebuild(self, dry_run: bool = False) -> Rebuilt:
        """Make the sums anew from the lines."""

        def work(connection: Connection) -> int:
            if dry_run:
                return len(tuple(rollups.differences(rollups.computed(connection), rollups.stored(connection))))
            usage_days.unmake_all(connection)
            return rollups.rebuild(connection)

        return Rebuilt(wrong=await self._database.run(work), dry_run=dry_run)

    async def _look_at_lines(self, found: _Found) -> tuple[int, int]:
        """How many lines and how many sums were computed again.  Some hours at a time, so that the database is free for
        others in between; what is settled meanwhile is in both or in neither."""
        lines = sums = 0
        hour: int | None = 0
        while hour is not None:
            one = await self._database.run(partial(check.stretch, hour=hour, most=MOST))
            lines, sums, hour = lines + one.lines, sums + one.sums, one.then
            found.lines("cost", one.costs)
            for (scope, name, at), right, is_ in one.differing:
                where = f"{scope} {name}".strip()
                found.add("sums", f"the sum of {where} in hour {at} is {tuple(is_)} and its lines make {tuple(right)}")
            found.more("cost", one.problems[0] - len(one.costs))
            found.more("sums", one.problems[1] - len(one.differing))
        return lines, sums

    def _look_at_journal(self, found: _Found) -> None:
        """What is folded by now must be in the ledger; a worker may write on behind that."""
        for name, position in sorted(self._store.positions().items()):
            path = self._journal / name
            if not name.endswith(SUFFIX) or not path.exists():
                continue
            closed: list[AttemptClosed] = []
            try:
                for behind, record in JournalReader(path).records():
                    if isinstance(record, Damage):
                        found.add("damage", f"{name} cannot be read at byte {record.offset}: {record.why}")
                    elif behind > position:
                        break
                    elif isinstance(record, AttemptClosed):
                        closed.append(record)
            except FileNotFoundError:  # folded to its end and deleted meanwhile
                continue
            found.records += len(closed)
            wrong = self._database.call(lambda c, closed=closed: tuple(check.records(c, closed)))  # type: ignore[misc]
            found.lines("journal", wrong)


class _Found:
    """Findings while they are collected."""

    def __init__(self) -> None:
        self.findings: list[LedgerFinding] = []
        self.kinds: Counter[str] = Counter()
        self.records = 0

    @property
    def count(self) -> int:
        return self.kinds.total()

    def add(self, kind: str, what: str) -> None:
        self.kinds[kind] += 1
        if len(self.findings) < MOST:
            self.findings.append(LedgerFinding(kind=kind, what=what, hint=_HINTS[kind]))

    def more(self, kind: str, count: int) -> None:
        """So many besides, of which enough were told."""
        self.kinds[kind] += count

    def lines(self, kind: str, wrong: Iterable[check.Wrong]) -> None:
        for one in wrong:
            self.add(kind, f"attempt {one.attempt} of request {one.request}: {one.what}")
