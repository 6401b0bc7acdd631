"""Renaming over real files and a real database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from glowplug.config.managed import ManagedFile
from glowplug.control.configuration import Configuration
from glowplug.domain.budget import Scope
from glowplug.domain.change import Actor
from glowplug.errors import ConfigError, Conflict, GlowplugError, NotFound, StoreError
from glowplug.store import renames
from glowplug.store.database import Database
from glowplug.store.tables import budgets, changes, metadata
from glowplug.store.usage import UsageSum, joined
from glowplug.usecases import rename as rename_module
from glowplug.usecases.rename import NewName, Renaming
from tests.still_clock import StillClock
from tests.usecases.test_managed import Rig


class Desk(Rig):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settled = 0
        self.away = False
        self.learned: list[tuple[str, str]] = []
        self.renaming = Renaming(
            self.path, self.configuration, self.database, StillClock(), self.settle, self.take_over
        )  # fmt: skip

    async def settle(self) -> None:
        self.settled += 1
        if self.away:
            raise StoreError("the database is away")

    def take_over(self, old: str, new: str) -> Callable[[], None]:
        self.learned.append((old, new))
        return lambda: self.learned.remove((old, new))

    def everything(self) -> tuple[dict[str, tuple[bytes, int]], dict[str, list[Any]]]:
        """Bytes and modes of all files, rows of all tables."""
        paths = [path for path in self.config.parent.iterdir() if not path.name.startswith("glowplug.db")]
        files = {path.name: (path.read_bytes(), path.stat().st_mode) for path in paths}

        def rows(c: Connection) -> dict[str, list[Any]]:
            return {table.name: [tuple(row) for row in c.execute(select(table))] for table in metadata.sorted_tables}

        return files, self.database.call(rows)

    def in_force(self) -> tuple[list[str], dict[str, tuple[str, ...]]]:
        catalog = self.configuration.catalog()
        return [model.name for model in catalog.models], {one.name: one.targets for one in catalog.aliases}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.database.close()


async def test_a_model_of_the_file_that_the_layer_names(desk: Desk) -> None:
    await desk.book.add("aliases", "y", {"targets": ["a"]})
    done = await desk.renaming.rename(NewName(old="a", new="chat-a-lab"))
    assert done.files == (str(desk.config), str(desk.path))
    catalog = desk.configuration.catalog()
    targets = {alias.name: alias.targets for alias in catalog.aliases}
    assert targets == {"x": ("chat-a-lab",), "a": ("chat-a-lab",), "y": ("chat-a-lab",)}
    assert [model.name for model in catalog.models] == ["chat-a-lab"]
    assert catalog.former() == {"a": "chat-a-lab"}
    assert next(alias for alias in catalog.aliases if alias.name == "a").deprecated > 0
    assert (desk.settled, desk.learned) == (1, [("a", "chat-a-lab")])
    again = await desk.renaming.rename(NewName(old="a", new="chat-a-lab"))
    assert (again.files, desk.settled) == ((), 2)


async def test_a_model_of_the_layer(desk: Desk) -> None:
    await desk.model("b")
    before = desk.config.read_text()
    done = await desk.renaming.rename(NewName(old="b", new="c"))
    assert (done.files, desk.config.read_text()) == ((str(desk.path),), before)
    assert set(desk.names()) == {"a", "x", "c", "b"}


async def test_an_alias(desk: Desk) -> None:
    await desk.renaming.rename(NewName(old="x", new="z"))
    aliases = {alias.name: alias for alias in desk.configuration.catalog().aliases}
    assert (aliases["x"].targets, aliases["z"].targets, aliases["z"].deprecated) == (("a",), ("a",), 0)
    assert aliases["x"].deprecated


async def test_a_dry_run_and_refusals_change_nothing(desk: Desk) -> None:
    before = desk.config.read_text()
    assert (await desk.renaming.rename(NewName(old="a", new="n"), dry_run=True)).files == (str(desk.config),)
    with pytest.raises(NotFound):
        await desk.renaming.rename(NewName(old="nobody", new="n"))
    with pytest.raises(Conflict):
        await desk.renaming.rename(NewName(old="a", new="x"))
    assert (desk.config.read_text(), desk.settled) == (before, 0)


def test_usage_shows_one_model() -> None:
    rows = (UsageSum(model="a", attempts=1, cost=5), UsageSum(model="b", attempts=2, cost=7, energy_mj=3))
    assert joined(rows, {"a": "b"}) == (UsageSum(model="b", attempts=3, cost=12, energy_mj=3),)


# ---- all of it or nothing


async def furnished(desk: Desk) -> None:
    """A model of the layer that both files name, with a row of the database."""
    await desk.book.add("aliases", "y", {"targets": ["a"]})
    desk.config.chmod(0o640)
    await desk.database.run(lambda c: budget(c, "a"))


def budget(connection: Connection, model: str) -> None:
    connection.execute(
        budgets.insert().values(
            id="budget_1", scope=Scope.MODEL.value, name=model, amount=5, period="day", seconds=86400.0, created_at=0.0
        )
    )


class Failing:
    """Fails at the call of that number, and at no other."""

    def __init__(self, real: Callable[..., Any], number: int, error: BaseException) -> None:
        self.real, self.number, self.error, self.calls = real, number, error, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == self.number:
            raise self.error
        return self.real(*args, **kwargs)


STEPS: dict[str, tuple[Any, str, int]] = {
    "what was measured": (Desk, "take_over", 1),
    "the file": (rename_module, "swap", 1),
    "the layer": (rename_module, "swap", 2),
    "reading them": (Configuration, "read_again", 1),
    "the good copy": (rename_module, "swap", 3),
    "the rows": (renames, "_allowed", 2),
    "the end of the transaction": (Database, "_transact", 1),
}


@pytest.mark.parametrize("error", [OSError(28, "No space"), StoreError("full"), asyncio.CancelledError()])
@pytest.mark.parametrize("step", STEPS)
async def test_whatever_fails_everything_is_as_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    await furnished(desk)
    before, served = desk.everything(), desk.in_force()
    place, name, number = STEPS[step]
    failing = Failing(getattr(place, name), number, error)
    monkeypatch.setattr(place, name, lambda *args, **kwargs: failing(*args, **kwargs))
    if step == "what was measured":
        desk.renaming = Renaming(
            desk.path, desk.configuration, desk.database, StillClock(), desk.settle, desk.take_over
        )
    with pytest.raises((GlowplugError, OSError, asyncio.CancelledError)):
        await desk.renaming.rename(NewName(old="a", new="b"))
    monkeypatch.undo()
    assert failing.calls >= number
    assert desk.everything() == before
    assert desk.in_force() == served
    assert (desk.settled, desk.learned, desk.configuration.stale) == (0, [], "")
    await desk.renaming.rename(NewName(old="a", new="b"))
    assert desk.in_force() == (["b"], {"x": ("b",), "y": ("b",), "a": ("b",)})


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_disk_that_is_full_leaves_nothing_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    await furnished(desk)
    before = desk.everything()
    failing = Failing(Path.replace, number, OSError(28, "No space left on device"))
    monkeypatch.setattr(Path, "replace", lambda *args: failing(*args))
    with pytest.raises(ConfigError, match="cannot be written: No space left"):
        await desk.renaming.rename(NewName(old="a", new="b"))
    assert (desk.everything(), desk.in_force()[0]) == (before, ["a"])


async def test_what_would_lose_an_entry_of_the_layer_is_put_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await furnished(desk)
    before = desk.everything()
    monkeypatch.setattr(rename_module, "_mentions", lambda *_: "aliases: {y: {targets: [nobody]}}")
    with pytest.raises(ConfigError, match="aliases\\.y would be lost"):
        await desk.renaming.rename(NewName(old="a", new="b"))
    assert desk.everything() == before


async def test_a_file_that_was_saved_meanwhile_is_not_written_over(desk: Desk) -> None:
    real = desk.take_over

    def save(old: str, new: str) -> Callable[[], None]:
        desk.config.write_text(desk.config.read_text() + "# mine\n")
        return real(old, new)

    renaming = Renaming(desk.path, desk.configuration, desk.database, StillClock(), desk.settle, save)
    with pytest.raises(Conflict, match="was changed in the meantime"):
        await renaming.rename(NewName(old="a", new="b"))
    assert desk.config.read_text().endswith("x: {targets: [a]}\n# mine\n")
    assert desk.learned == []


async def test_after_the_transaction_nothing_is_put_back(desk: Desk) -> None:
    await furnished(desk)
    desk.away = True
    with pytest.raises(StoreError, match="a is b now, but not everybody was told: the database is away") as raised:
        await desk.renaming.rename(NewName(old="a", new="b"))
    assert raised.value.hint == "give the same command again"
    assert desk.in_force()[0] == ["b"]
    desk.away = False
    done = await desk.renaming.rename(NewName(old="a", new="b"))
    assert (done.files, done.rows) == ((), {})


async def test_killed_between_the_files_the_same_command_does_the_rest(desk: Desk) -> None:
    await furnished(desk)
    layer = desk.path.read_bytes()
    await desk.renaming.rename(NewName(old="a", new="b"))
    desk.path.write_bytes(layer)  # as if it had not been written yet
    await desk.configuration.reload()
    assert "y" not in desk.in_force()[1]
    done = await desk.renaming.rename(NewName(old="a", new="b"))
    assert (done.files, done.noun) == ((str(desk.path),), "model")
    assert desk.in_force()[1] == {"x": ("b",), "y": ("b",), "a": ("b",)}


async def test_the_copy_of_the_layer_that_serves_in_need_has_the_new_name(desk: Desk) -> None:
    await furnished(desk)
    await desk.renaming.rename(NewName(old="a", new="b"))
    assert ManagedFile(desk.path).good.read_bytes() == desk.path.read_bytes()


async def test_a_name_that_was_renamed_is_not_taken_for_another(desk: Desk) -> None:
    """It would give everybody who may use the one the other."""
    await desk.model("other")
    await desk.renaming.rename(NewName(old="a", new="b"))
    with pytest.raises(Conflict, match="other is taken already"):
        await desk.renaming.rename(NewName(old="a", new="other"))


@pytest.mark.parametrize(("old", "noun"), [("a", "model"), ("x", "alias")])
async def test_the_line_says_what_was_renamed(desk: Desk, old: str, noun: str) -> None:
    for _ in range(2):
        done = await desk.renaming.rename(NewName(old=old, new="z"), actor=Actor(by="ann", request="r1"))
        assert done.noun == noun
    rows = await desk.database.run(lambda c: c.execute(select(changes)).all())
    assert [(row.by, row.action, row.noun, row.subject, row.after["new"]) for row in rows] == [
        ("ann", "rename", noun, old, "z")
    ] * 2


# ---- one at a time


class Gate:
    """Holds a thread in the middle of a step."""

    def __init__(self) -> None:
        self.there, self.go = threading.Event(), threading.Event()

    def take_over(self, old: str, new: str) -> Callable[[], None]:
        self.there.set()
        self.go.wait(30)
        return lambda: None


async def test_nothing_is_added_in_the_middle_of_a_rename(desk: Desk) -> None:
    gate = Gate()
    renaming = Renaming(desk.path, desk.configuration, desk.database, StillClock(), desk.settle, gate.take_over)
    first = asyncio.create_task(renaming.rename(NewName(old="a", new="b")))
    await asyncio.to_thread(gate.there.wait, 30)
    others = [
        asyncio.create_task(desk.book.add("aliases", "y", {"targets": ["b"]})),
        asyncio.create_task(desk.configuration.reload()),
        asyncio.create_task(desk.configuration.secrets_changed()),
        asyncio.create_task(renaming.rename(NewName(old="x", new="z"))),
    ]
    await asyncio.sleep(0)
    assert desk.configuration.writing.locked()
    assert not desk.path.exists()
    assert not any(task.done() for task in others)
    gate.go.set()
    await asyncio.gather(first, *others)
    assert desk.in_force() == (["b"], {"a": ("b",), "x": ("b",), "z": ("b",), "y": ("b",)})
