"""Backups that the admin API makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.errors import Conflict, StoreError
from glowplug.paths import Paths
from glowplug.store import archive
from glowplug.store.database import Database
from glowplug.usecases.backups import Backups, NewBackup
from glowplug.usecases.changes import ChangeLog
from tests.still_clock import StillClock
from tests.support.sqlite import opened
from tests.usecases.people import ROOT


class Here:
    def __init__(self, database: Database, state: Path) -> None:
        self.paths = Paths(state, state / "run")
        self.paths.prepare()
        self.paths.pepper.write_bytes(b"p" * 32)
        self.clock = StillClock()
        self.log = ChangeLog(database, self.clock, lambda: 1e9)
        self.folds: list[int] = []
        self.backups = Backups(database, self.paths, lambda: self.folds.append(1), self.clock, self.log)

    async def make(self, keep: int | None = None, *, dry_run: bool = False) -> tuple[str, tuple[str, ...]]:
        """Its name, a second later than the last, and those that went."""
        self.clock.now += 1
        made = await self.backups.make(NewBackup(keep=keep), dry_run, actor=ROOT)
        return made.backup.name, made.removed

    async def names(self) -> list[str]:
        return [one.name for one in (await self.backups.every()).data]


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(opened(tmp_path / "glowplug.db"), tmp_path / "state")


async def test_what_is_made_is_whole_and_noted(here: Here) -> None:
    name, _ = await here.make()
    (view,) = (await here.backups.every()).data
    manifest = archive.verify(Path(view.file))
    assert (view.name, view.rows, view.files) == (name, manifest.rows, ("pepper.key",))
    assert (view.made_at, here.folds) == (here.clock.now, [1]), "the newest usage is in it"
    (line,) = (await here.log.newest()).data
    assert (line.action, line.noun, line.subject, (line.after or {})["file"]) == ("create", "backup", name, view.file)


async def test_older_ones_go_and_what_has_a_name_of_its_own_stays(here: Here) -> None:
    first, second = (await here.make())[0], (await here.make())[0]
    own = here.paths.backups / "monday.glowplug"
    own.write_bytes(b"no backup")
    would = await here.make(2, dry_run=True)
    assert (would[1], len(await here.names())) == ((first,), 3)
    third, gone = await here.make(2)
    assert gone == (first,)
    assert await here.names() == ["monday.glowplug", third, second]
    broken = (await here.backups.every(1)).data[0]
    assert (broken.bytes, broken.rows) == (9, 0) and "no backup" in broken.problem
    here.clock.now -= 100
    fourth, gone = await here.make(1)
    assert gone == (second,) and fourth in await here.names(), "not the one that was asked for"


async def test_one_at_a_time(here: Here) -> None:
    here.backups._busy.acquire()
    with pytest.raises(Conflict, match="is being made"):
        await here.make()
    here.backups._busy.release()
    here.paths.backups.write_text("no folder")
    with pytest.raises(StoreError, match="cannot be used"):
        await here.make()
    with pytest.raises(StoreError, match="cannot be used"):
        await here.backups.every()
