from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from glowplug.domain.access import Role
from glowplug.domain.people import UserRole
from glowplug.errors import Forbidden, StoreError
from glowplug.paths import Paths, state_paths
from glowplug.store import keys
from glowplug.store.database import Database
from glowplug.store.tables import api_keys, invitations
from glowplug.usecases.first import first_start
from glowplug.usecases.invitations import Claim
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.passwords import Cost, Passwords
from tests.still_clock import StillClock


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = state_paths(tmp_path)
    paths.prepare()
    return paths


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_first_start_makes_two_admin_keys_and_shows_one(database: Database, paths: Paths) -> None:
    start = await first_start(database, paths, StillClock())
    assert start.admin_key is not None
    assert (mode(paths.pepper), mode(paths.cli_key)) == (0o600, 0o600)
    book = KeyBook(database, start.pepper, StillClock(), lambda: None)
    await book.load()
    for token in (start.admin_key.reveal(), paths.cli_key.read_text().strip()):
        key = book.find(token)
        assert key is not None
        assert key.role is Role.ADMIN
        assert token not in repr(key)
    stored = await database.run(lambda c: repr(c.execute(select(api_keys)).all()))
    assert "command line" in stored and start.admin_key.reveal() not in stored
    if paths.database.exists():
        assert start.admin_key.reveal().encode() not in paths.database.read_bytes()


async def test_later_starts_change_nothing_and_show_nothing(database: Database, paths: Paths) -> None:
    first = await first_start(database, paths, StillClock())
    before = (paths.cli_key.read_bytes(), await database.run(keys.every))
    paths.pepper.chmod(0o644)
    again = await first_start(database, paths, StillClock())
    assert (again.pepper, again.admin_key, again.welcome) == (first.pepper, None, None)
    assert (paths.cli_key.read_bytes(), await database.run(keys.every)) == before
    assert mode(paths.pepper) == 0o600


@pytest.mark.parametrize("how", ["gone", "unknown", "revoked"])
async def test_a_command_line_key_that_does_not_work_is_replaced(database: Database, paths: Paths, how: str) -> None:
    start = await first_start(database, paths, StillClock())
    book = KeyBook(database, start.pepper, StillClock(), lambda: None)
    await book.load()
    old = paths.cli_key.read_text()
    if how == "gone":
        paths.cli_key.unlink()
    elif how == "unknown":
        paths.cli_key.write_text("sk-gp-nonsense\n")
    else:
        key = book.find(old.strip())
        assert key is not None
        await book.revoke(key.id)
    await first_start(database, paths, StillClock())
    await book.load()
    assert book.find(paths.cli_key.read_text().strip()) in book.usable()
    assert await database.run(keys.count) == 3


async def test_a_lost_pepper_is_an_error_that_says_what_to_do(database: Database, paths: Paths) -> None:
    await first_start(database, paths, StillClock())
    paths.pepper.unlink()
    with pytest.raises(StoreError, match=r"none of the 2 API keys.*restore that file"):
        await first_start(database, paths, StillClock())
    assert not paths.pepper.exists()


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 33])
async def test_a_pepper_of_another_size_is_refused(database: Database, paths: Paths, data: bytes) -> None:
    paths.pepper.write_bytes(data)
    with pytest.raises(StoreError, match="32"):
        await first_start(database, paths, StillClock())


async def test_the_first_link_makes_an_admin_once(database: Database, paths: Paths) -> None:
    clock = StillClock()
    start = await first_start(database, paths, clock)
    assert start.welcome is not None
    book = LoginBook(database, start.pepper, clock, Passwords(Cost(memory=64, passes=1, lanes=1)))
    claim = Claim(token=start.welcome.reveal(), email="me@x", password="a few good words")
    assert (await book.invitations.claim(claim, "")).user.role is UserRole.ADMIN
    with pytest.raises(Forbidden):
        await book.invitations.claim(claim, "")
    stored = await database.run(lambda c: repr(c.execute(select(invitations)).all()))
    assert start.welcome.reveal() not in stored
