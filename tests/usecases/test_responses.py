"""Responses that are kept for their clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from glowplug.errors import NotFound
from glowplug.store import responses
from glowplug.store.database import Database
from glowplug.usecases.responses import KEPT_FOR, ResponseBook
from glowplug.wire.link import KeepResponse
from tests.still_clock import StillClock
from tests.support.sqlite import opened


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = opened(tmp_path / "glowplug.db")
    yield database
    database.close()


def kept(clock: StillClock, name: str = "resp_1", size: int = 10) -> KeepResponse:
    return KeepResponse("k1", name, "m", False, clock.unix(), b"x" * size, b"[]")


async def test_what_is_accepted_is_found_at_once_and_later(database: Database) -> None:
    clock = StillClock()
    book = ResponseBook(database, clock)
    one = kept(clock)
    book.accept(one)
    assert await book.find("k1", "resp_1") is one
    await book.store(one)
    assert database.call(lambda c: responses.find(c, "k1", "resp_1")) == one
    assert await book.find("k1", "resp_1") == one
    with pytest.raises(NotFound):
        await book.find("k2", "resp_1")


async def test_what_is_deleted_is_gone_also_before_it_was_written(database: Database) -> None:
    clock = StillClock()
    told: list[str] = []
    book = ResponseBook(database, clock, forgotten=lambda one: told.append(one.id))
    one = kept(clock)
    book.accept(one)
    await book.delete("k1", "resp_1")
    await book.store(one)
    with pytest.raises(NotFound):
        await book.find("k1", "resp_1")
    assert told == ["resp_1"]


async def test_they_are_kept_for_a_month_and_within_the_bound(database: Database) -> None:
    clock = StillClock()
    book = ResponseBook(database, clock, most=64)
    for number in range(5):
        one = msgspec.structs.replace(kept(clock, f"resp_{number}", 18), created=clock.unix() + number)
        book.accept(one)
        await book.store(one)
    assert (await book.find("k1", "resp_4")).id == "resp_4"
    with pytest.raises(NotFound):
        await book.find("k1", "resp_0")
    clock.now += KEPT_FOR + 10
    with pytest.raises(NotFound):
        await book.find("k1", "resp_4")
