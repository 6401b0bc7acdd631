"""Secrets of providers that come from elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

from glowplug.clock import SystemClock
from glowplug.config.readers.foreign import Foreign, Note, Value
from glowplug.moving.provider_secrets import count_secrets, store_secrets, uses
from glowplug.moving.run import Store
from glowplug.offline import offline
from glowplug.secret import Secret
from glowplug.usecases.credentials import CredentialBook, NewCredential


def document(provider: str = "openai", id: str = "gpt-4o") -> dict[str, Value]:
    models: Value = {"chat": {"provider": provider, "id": id, "former_ids": [id]}, "other": {"provider": "another"}}
    return {"providers": {provider: {"api_key": "secret:openai"}, "another": {"type": "x"}}, "models": models}


def bring(
    store: Store, value: str, origin: str = "s", named: dict[str, Value] | None = None
) -> tuple[int, int, list[str]]:
    """New, updated, what is said; looking says the same, but for what it cannot open."""
    secrets = Foreign("x", named or document(), {"openai": Secret(value)})
    seen: list[Note] = []
    looked = store.database.call(lambda c: count_secrets(secrets, origin, c, store.pepper, seen))
    notes: list[Note] = []
    count = store_secrets(secrets, origin, store.database, store.paths, store.pepper, notes)
    assert count == looked
    assert seen == [note for note in notes if note.outcome == "updated"]
    assert "two" not in str(notes)
    return count.new, count.updated, [str(note.outcome) for note in notes]


def set_here(store: Store, value: str) -> None:
    async def put() -> None:
        book = CredentialBook(store.database, store.paths.keyring, SystemClock())
        await book.load()
        await book.put(NewCredential(name="openai", value=value))

    asyncio.run(put())


def is_here(store: Store, value: str) -> bool:
    async def read() -> bool:
        book = CredentialBook(store.database, store.paths.keyring, SystemClock())
        await book.load()
        return book.secret("openai") == Secret(value)

    return asyncio.run(read())


def test_one_that_is_another_there_becomes_so(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        assert bring(store, "one") == (1, 0, [])
        assert bring(store, "one") == (0, 0, [])
        assert bring(store, "two") == (0, 1, ["updated"])
        assert is_here(store, "two")
        assert bring(store, "two") == (0, 0, [])


def test_one_that_is_for_something_else_there_stays(tmp_path: Path) -> None:
    """Another file may have other numbers: a key would go to where another belongs."""
    with offline(tmp_path / "state") as store:
        bring(store, "one")
        assert bring(store, "two", named=document(provider="azure")) == (0, 0, ["left"])
        assert is_here(store, "one")


def test_what_a_secret_is_for() -> None:
    was = uses(document())
    assert was.keys() == {"openai"}
    assert uses(document(id="gpt-5")) != was
    assert uses(document(provider="azure")) != was
    more = document()
    more["models"]["chat"]["former_ids"] = ["changes with the key"]  # type: ignore[index, call-overload]
    more["models"]["other"]["id"] = "another's"  # type: ignore[index, call-overload]
    assert uses(more) == was
    deep: dict[str, Value] = {"server": {"otel": {"headers": [{"x": "secret:otel"}, 5, None]}}, "defaults": None}
    assert uses(deep).keys() == {"otel"}


def test_one_that_was_set_here_stays(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        bring(store, "one")
        set_here(store, "mine")
        assert bring(store, "two") == (0, 0, ["left"])
        assert bring(store, "three") == (0, 0, ["left"])
        assert is_here(store, "mine")


def test_one_that_was_here_before_stays_and_of_a_file_nothing_is_remembered(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        set_here(store, "mine")
        assert bring(store, "two") == (0, 0, ["left"])
        assert bring(store, "two", origin="") == (0, 0, ["left"])
        assert bring(store, "one", origin="another") == (0, 0, ["left"])
        assert is_here(store, "mine")
