"""Writing the layer: all of it with its line in the audit log, or none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from glowplug.control.configuration import Configuration
from glowplug.domain.change import Actor, Change
from glowplug.errors import GlowplugError, StoreError
from glowplug.store.tables import changes
from glowplug.usecases import layer
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.managed import Edit
from tests.usecases.test_managed import Rig

ANN = Actor(by="ann", through="key_1", request="req_1")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.database.close()


def lines(rig: Rig) -> list[tuple[str, str, str, str, Any]]:
    def work(c: Connection) -> list[tuple[str, str, str, str, Any]]:
        rows = c.execute(select(changes).where(changes.c.noun != "credential").order_by(changes.c.id))
        return [(row.by, row.action, row.noun, row.subject, row.after) for row in rows]

    return rig.database.call(work)


async def test_every_change_has_a_line(rig: Rig) -> None:
    await rig.book.add("models", "b", {"provider": "lab", "id": "b"}, actor=ANN)
    await rig.book.change("models", "b", {"rpm": 5}, actor=ANN)
    await rig.book.add("providers", "p", {"base_url": "http://127.0.0.1:9", "api_key": "sk-never"}, actor=ANN)
    await rig.book.remove("models", "b", actor=ANN)
    await rig.book.add("models", "c", {"provider": "lab", "id": "c"}, True, actor=ANN)
    assert lines(rig) == [
        ("ann", "create", "model", "b", {"settings": ["id", "provider"]}),
        ("ann", "update", "model", "b", {"settings": ["rpm"]}),
        ("ann", "create", "provider", "p", {"settings": ["api_key", "base_url"]}),
        ("ann", "delete", "model", "b", None),
    ]


async def test_what_is_written_together_has_a_line_each(rig: Rig) -> None:
    await rig.model("old")
    edits = [
        Edit("models", "new", {"provider": "lab", "id": "n"}),
        Edit("aliases", "y", {"targets": ["new"]}),
        Edit("models", "old", None),
    ]
    await rig.book.together(lambda _loaded, _document: edits, actor=ANN)
    assert [line[:4] for line in lines(rig)[1:]] == [
        ("ann", "create", "model", "new"), ("ann", "create", "alias", "y"), ("ann", "delete", "model", "old"),
    ]  # fmt: skip


async def test_the_line_is_there_before_the_change_is_in_force(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool, list[str]]] = []
    real = rig.configuration.read_again

    async def look() -> Any:
        seen.append((len(lines(rig)), b"rpm" in rig.path.read_bytes(), rig.names()))
        return await real()

    monkeypatch.setattr(rig.configuration, "read_again", look)
    await rig.model(rpm=5)
    assert seen == [(1, True, ["a", "x"])]
    assert rig.names() == ["a", "b", "x"]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("error", [OSError(28, "No space"), StoreError("away"), asyncio.CancelledError()])
@pytest.mark.parametrize("step", ["write", "note", "read"])
async def test_whatever_fails_the_file_is_as_before(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, there: bool
) -> None:
    if there:
        await rig.model("first")
    before = {path.name: path.read_bytes() for path in rig.path.parent.glob("managed*")}
    served, told = rig.names(), lines(rig)
    calls = 0

    def once(real: Any) -> Any:
        def call(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise error
            return real(*args)

        return call

    place, name = {
        "write": (layer, "write_private"), "note": (ChangeLog, "note"), "read": (Configuration, "read_again"),
    }[step]  # fmt: skip
    monkeypatch.setattr(place, name, once(getattr(place, name)))
    with pytest.raises((GlowplugError, OSError, asyncio.CancelledError)):
        await rig.model("second")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in rig.path.parent.glob("managed*")} == before
    assert (rig.names(), rig.configuration.stale) == (served, "")
    assert (lines(rig) == told) is (step != "read"), "what was said to begin stays said"
    await rig.model("second")
    assert "second" in rig.names()


async def test_several_lines_are_stored_or_none(rig: Rig) -> None:
    line = rig.log.line(ANN, "create", "model", "m")
    twice: tuple[Change, Change] = (line, line)
    with pytest.raises(StoreError):
        await rig.log.note(*twice)
    assert lines(rig) == []
