"""Renaming over real files and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.errors import Conflict, NotFound
from glowplug.store.usage import UsageSum, joined
from glowplug.usecases.rename import NewName, Renaming
from tests.still_clock import StillClock
from tests.usecases.test_managed import Rig


class Desk(Rig):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settled = 0
        self.learned: list[tuple[str, str]] = []
        self.renaming = Renaming(
            self.path, self.configuration, self.database, StillClock(), self.settle,
            lambda old, new: self.learned.append((old, new)),
        )  # fmt: skip

    async def settle(self) -> None:
        self.settled += 1


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
