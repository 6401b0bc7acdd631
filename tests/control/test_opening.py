from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from glowplug.control.opening import open_patiently
from glowplug.errors import StoreError
from glowplug.store import meta
from glowplug.store.database import Database
from tests.support.postgres import postgres
from tests.waiting import until


async def test_a_server_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    with postgres() as server:
        database = Database(server.place(server.create()))
        server.stop()
        opening = asyncio.ensure_future(open_patiently(database, 0.01))
        await until(lambda: bool(caplog.records))
        assert not opening.done()
        server.start()
        await asyncio.wait_for(opening, 20)
        assert await database.run(lambda c: meta.get(c, "none")) is None
        database.close()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said[-1] == "the database can be used again"
    assert len(said) == len(set(said)), "said once, however often it was tried"


async def test_what_waiting_does_not_help_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "glowplug.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    other.close()
    database = Database(file)
    with pytest.raises(StoreError, match="not Glowplug's"):
        await open_patiently(database, 0.01)
    database.close()
