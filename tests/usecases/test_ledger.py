"""The ledger looks at itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, update

from glowplug.domain.price import Price, Rates
from glowplug.ledger.fold import Folder
from glowplug.ledger.journal import JournalWriter
from glowplug.store import prices
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.tables import attempts, spend
from glowplug.usecases.ledger import MOST, LedgerCheck
from tests.ledger.builders import closed, opened
from tests.still_clock import StillClock

WORKER = "w0-1-1"


class World:
    """A worker that lives, a journal, a ledger."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database = database
        self.alive = True
        self.told: list[int] = []
        self.notes = 0
        self.journal = directory / "journal"
        self.journal.mkdir()
        self.writer = JournalWriter(self.journal, WORKER, StillClock(), 8192)
        folder = Folder(self.journal, AttemptStore(database), lambda _worker: False)
        self.ledger = LedgerCheck(
            database, self.journal, folder.fold, lambda _worker: not self.alive, self.note, self.told.append
        )

    async def note(self) -> None:
        self.notes += 1
        price = Price(version="t", rates=Rates(prompt=3_000_000), request=1)
        await self.database.run(lambda c: prices.note(c, {"m": price}, 1.0))

    async def kinds(self) -> list[str]:
        return [finding.kind for finding in (await self.ledger.check()).findings]


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    world = World(database, tmp_path)
    for record in (opened("a"), opened("b"), opened("c", 1)):
        world.writer.opened(record)
    for record in (closed("a"), closed("b", prompt=3)):
        world.writer.closed(record)
    return world


async def test_what_is_right_is_said_to_be(world: World) -> None:
    found = await world.ledger.check()
    assert found.ok
    assert (found.lines, found.records, found.problems, found.findings) == (2, 2, 0, ())
    assert found.sums == len(("all", "key", "model", "user", "tag a", "tag b"))
    assert (world.told, world.notes) == ([0], 1)


async def test_what_the_journal_has_and_the_ledger_has_not(world: World) -> None:
    await world.ledger.check()
    await world.database.run(lambda c: c.execute(delete(attempts).where(attempts.c.request == "a")))
    found = await world.ledger.check()
    assert not found.ok
    assert {finding.kind for finding in found.findings} == {"journal", "sums"}
    assert "attempt 0 of request a" in found.findings[0].what
    assert world.told == [0, found.problems]


async def test_a_cost_that_was_changed_and_a_worker_that_is_gone(world: World) -> None:
    await world.ledger.check()
    world.alive = False
    await world.database.run(lambda c: c.execute(update(attempts).where(attempts.c.request == "b").values(cost=1)))
    kinds = await world.kinds()
    assert kinds[:2] == ["journal", "cost"]
    assert kinds[-1] == "open"


async def test_sums_are_made_anew(world: World) -> None:
    await world.ledger.check()
    await world.database.run(lambda c: c.execute(update(spend).where(spend.c.scope == "tag").values(attempts=7)))
    assert await world.kinds() == ["sums", "sums"]
    assert (await world.ledger.rebuild(dry_run=True)).wrong == 2
    assert await world.kinds() == ["sums", "sums"], "nothing was done"
    assert (await world.ledger.rebuild()).wrong == 2
    assert (await world.ledger.rebuild()).wrong == 0
    assert await world.kinds() == []


async def test_what_is_written_behind_the_fold_is_no_finding(world: World) -> None:
    world.ledger._fold = lambda: None
    assert await world.kinds() == []


async def test_a_damaged_segment_is_told(world: World) -> None:
    await world.ledger.check()
    [path] = world.journal.iterdir()
    data = bytearray(path.read_bytes())
    data[64 + 20] ^= 1
    path.write_bytes(data)
    assert await world.kinds() == ["damage"]


async def test_the_first_hundred_are_told_and_all_are_counted(world: World) -> None:
    store = AttemptStore(world.database)
    store.absorb("w", "s", 1, [], [closed(f"r{n}", model="other") for n in range(MOST + 5)])
    found = await world.ledger.check()
    assert (found.problems, len(found.findings)) == (MOST + 5, MOST)
    assert {finding.kind for finding in found.findings} == {"cost"}
