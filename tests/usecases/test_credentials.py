"""Secrets of providers (see also tests/control/api/test_credentials.py)."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.errors import Conflict, NotFound, RequestError, StoreError
from glowplug.keyring import KeyRing
from glowplug.secret import Secret
from glowplug.store import credentials
from glowplug.usecases.credentials import CredentialBook, NewCredential, read_ring
from tests.still_clock import StillClock
from tests.support.sqlite import opened


class Rig:
    def __init__(self, folder: Path) -> None:
        self.database = opened(folder / "glowplug.db")
        self.file = folder / "keyring.json"
        self.uses: dict[str, tuple[str, ...]] = {}
        self.changes = 0
        self.book = self.again()

    def again(self) -> CredentialBook:
        book = CredentialBook(self.database, self.file, StillClock())
        book.connect(self.changed, lambda: self.uses)
        return book

    async def changed(self) -> None:
        self.changes += 1

    async def put(self, name: str, value: str) -> None:
        await self.book.put(NewCredential(name=name, value=value))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.database.close()


def said(value: Secret | str) -> str:
    return value.reveal() if isinstance(value, Secret) else f"lost: {value}"


async def test_a_secret_is_there_after_a_restart_and_sealed_in_the_file(rig: Rig) -> None:
    await rig.book.load()
    assert not rig.file.exists()
    await rig.put("openai", "sk-very-secret")
    assert rig.changes == 1
    assert said(rig.book.secret("openai")) == "sk-very-secret"
    again = rig.again()
    await again.load()
    assert said(again.secret("openai")) == "sk-very-secret"
    assert stat.S_IMODE(rig.file.stat().st_mode) == 0o600
    rig.database.sync()
    stored = b"".join(file.read_bytes() for file in rig.file.parent.glob("glowplug.db*"))
    assert b"sk-very-secret" not in stored
    assert b"openai" in stored


async def test_nothing_shows_a_value(rig: Rig) -> None:
    await rig.put("openai", "sk-very-secret")
    assert "sk-very" not in repr(rig.book.list())
    assert "sk-very" not in repr(NewCredential(name="a", value="sk-very-secret"))


async def test_what_is_missing_says_how_to_set_it(rig: Rig) -> None:
    await rig.book.load()
    assert "glowplug secrets set x" in said(rig.book.secret("x"))


async def test_a_used_secret_is_not_deleted(rig: Rig) -> None:
    await rig.put("openai", "1")
    rig.uses = {"openai": ("providers.openai.api_key",)}
    assert rig.book.list().data[0].used_by == ("providers.openai.api_key",)
    with pytest.raises(Conflict, match=r"providers\.openai"):
        await rig.book.delete("openai")
    rig.uses = {}
    assert (await rig.book.delete("openai", dry_run=True)).dry_run
    await rig.book.delete("openai")
    with pytest.raises(NotFound):
        await rig.book.delete("openai")


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), ("a b", "x"), ("x" * 201, "x"), ("a", ""), ("a", "x\0"), ("a", "x" * 65_537)]
)
async def test_bad_input(rig: Rig, name: str, value: str) -> None:
    with pytest.raises(RequestError):
        await rig.put(name, value)
    assert rig.changes == 0


async def test_turning_the_key(rig: Rig) -> None:
    with pytest.raises(NotFound):
        await rig.book.rotate()
    await rig.put("a", "1")
    await rig.put("b", "2")
    before = read_ring(rig.file)
    assert before
    assert (await rig.book.rotate(dry_run=True)).resealed == 2
    assert rig.file.read_bytes() == before.encode()
    done = await rig.book.rotate()
    assert (done.resealed, done.problems, done.forgotten) == (2, (), (before.active,))
    after = read_ring(rig.file)
    assert after
    assert after.names == {done.key}
    assert said(rig.book.secret("a")) == "1"
    assert {row.sealed_with for row in rig.book.list().data} == {done.key}


async def test_a_lost_key_blocks_only_its_row(rig: Rig) -> None:
    await rig.put("a", "1")
    await rig.database.run(lambda c: credentials.put(c, "b", Secret("2"), KeyRing.new(), 1.0))
    await rig.book.load()
    assert said(rig.book.secret("a")) == "1"
    assert "credentials[b].value is sealed with the key" in said(rig.book.secret("b"))
    done = await rig.book.rotate()
    assert done.resealed == 1
    assert len(done.problems) == 1
    assert said(rig.book.secret("a")) == "1"
    await rig.put("b", "3")
    assert said(rig.book.secret("b")) == "3"


async def test_without_its_file_every_secret_says_so(rig: Rig) -> None:
    await rig.put("a", "1")
    rig.file.unlink()
    await rig.book.load()
    assert "the key ring" in said(rig.book.secret("a"))
    assert "missing" in said(rig.book.secret("a"))


async def test_a_damaged_file_is_named_and_left(rig: Rig) -> None:
    rig.file.write_text("{")
    with pytest.raises(StoreError, match=r"keyring\.json is damaged"):
        await rig.book.load()
    assert rig.file.read_text() == "{"


async def test_killed_between_the_steps_of_a_turn_everything_can_be_opened(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.put("a", "1")
    real = rig.database.run
    for step in range(2):
        left = [step]

        async def run(fn, left=left):  # type: ignore[no-untyped-def]
            if left[0] == 0:
                raise StoreError("killed here")
            left[0] -= 1
            return await real(fn)

        monkeypatch.setattr(rig.database, "run", run)
        with pytest.raises(StoreError, match="killed"):
            await rig.book.rotate()
        monkeypatch.setattr(rig.database, "run", real)
        again = rig.again()
        await again.load()
        assert said(again.secret("a")) == "1"
