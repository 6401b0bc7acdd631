"""Limits (see also tests/control/api/test_limits.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.budget import Scope, UseLimit
from glowplug.errors import RequestError
from glowplug.usecases.limits import MOST_AT_ONCE, LimitBook, NewLimit, checked_amounts
from tests.support.sqlite import opened


def test_amounts() -> None:
    checked_amounts(rpm=1, tpm=MOST_AT_ONCE, concurrency=None)
    for amount in (0, -1, MOST_AT_ONCE + 1):
        with pytest.raises(RequestError, match="tpm is"):
            checked_amounts(tpm=amount)


async def test_they_are_there_after_a_restart(tmp_path: Path) -> None:
    database = opened(tmp_path / "glowplug.db")
    book = LimitBook(database, lambda: None)
    await book.put(NewLimit(scope=Scope.TEAM, name="b", rpm=1), {})
    await book.put(NewLimit(scope=Scope.TEAM, name="a", tpm=2), {})
    later = LimitBook(database, lambda: None)
    await later.load()
    assert later.every() == (UseLimit(scope=Scope.TEAM, name="a", tpm=2), UseLimit(scope=Scope.TEAM, name="b", rpm=1))
    database.close()


async def test_only_those_whom_requests_name_are_blocked_by_a_limit(tmp_path: Path) -> None:
    database = opened(tmp_path / "glowplug.db")
    book = LimitBook(database, lambda: None)
    await book.put(NewLimit(scope=Scope.USER, name="end:kim", concurrency=0), {Scope.USER: frozenset()})
    for scope, name in ((Scope.USER, "kim"), (Scope.TEAM, "end:kim"), (Scope.USER, "end:")):
        with pytest.raises(RequestError):
            await book.put(NewLimit(scope=scope, name=name, concurrency=0), {})
    assert [one.name for one in book.every()] == ["end:kim"]
    database.close()
