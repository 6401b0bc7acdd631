"""A model or alias under another name, everywhere at once; the old name goes on working and is marked deprecated.

First the files, each written whole, then one transaction of the database.  What fails until that is done puts back what
was written; killed in between, the same command again does what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.config.edit import Did, put, remove
from glowplug.config.edit import rename as edited
from glowplug.config.lines import MAX_BYTES, dotted
from glowplug.config.load import Loaded
from glowplug.config.managed import ManagedFile
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import read_plain
from glowplug.config.readers.values import as_dict
from glowplug.config.rewrite import read_text, swap
from glowplug.domain.change import OURSELVES, Actor
from glowplug.errors import ConfigError, Conflict, NotFound, StoreError
from glowplug.store import changes
from glowplug.store.database import Database
from glowplug.store.renames import rename
from glowplug.usecases.changes import done as line
from glowplug.usecases.layer import Source
from glowplug.usecases.managed import NOUNS

_log = logging.getLogger(__name__)


class NewName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/rename`."""

    old: str
    new: str


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, or would be."""

    old: str
    new: str
    noun: str = "model"
    """What has the name: `model` or `alias`."""
    files: tuple[str, ...] = ()
    """Files that name it."""
    rows: dict[str, int] = {}
    """Rows of the database that named it, by table."""
    deprecated: str = ""
    """The day since which the old name is an alias."""
    dry_run: bool = False


class Writing(NamedTuple):
    """A file as it is and as it is to be; None where there is none."""

    before: bytes | None
    after: bytes


@dataclass(frozen=True)
class Renaming:
    """Renames in one installation.  `settled` is awaited when the database has changed; `learned` takes over what was
    measured of a local model and returns what takes that back."""

    managed: Path
    source: Source
    database: Database
    clock: Clock
    settled: Callable[[], Awaitable[None]]
    learned: Callable[[str, str], Callable[[], None]]

    async def rename(self, wanted: NewName, dry_run: bool = False, *, actor: Actor = OURSELVES) -> Renamed:
        """All of it or nothing.  Raises NotFound, Conflict when the new name is taken or a file was saved meanwhile,
        ConfigError for a name that cannot be, StoreError."""
        async with self.source.writing:
            return await self._rename(wanted.old, wanted.new, dry_run, actor)

    async def _rename(self, old: str, new: str, dry_run: bool, actor: Actor) -> Renamed:
        loaded = self.source.loaded()
        day = datetime.fromtimestamp(self.clock.unix(), UTC).strftime("%Y-%m-%d")
        half = _half_done(loaded, old, new)
        if not half:
            _possible(loaded, old, new)
        entry = new if half else old
        section = "models" if entry in loaded.config.models else "aliases"
        files = await asyncio.to_thread(self._texts, loaded, section, old, new, None if half else day)
        done = Renamed(
            old=old,
            new=new,
            noun=NOUNS[section],
            files=tuple(map(str, files)),
            deprecated=day,
            dry_run=dry_run,
        )
        if dry_run:
            return done

        def work(connection: Connection) -> Renamed:
            rows = {table: count for table, count in rename(connection, old, new).items() if count}
            what = {"new": new, "files": list(done.files), "rows": rows}
            changes.add(connection, line(actor, self.clock.unix(), "rename", done.noun, old, what))
            return msgspec.structs.replace(done, rows=rows)

        async with self._in_force(loaded, files, old, new):
            done = await self.database.run(work)
        try:
            await self.settled()
        except StoreError as error:
            hint = "give the same command again"
            raise StoreError(f"{old} is {new} now, but not everybody was told: {error.message}", hint=hint) from error
        return done

    @contextlib.asynccontextmanager
    async def _in_force(self, loaded: Loaded, files: Mapping[Path, Writing], old: str, new: str) -> AsyncIterator[None]:
        """With the files written; whatever fails until the end puts them back."""
        good, finished = ManagedFile(self.managed).good, False
        written: list[tuple[Path, Writing]] = []
        forget = await asyncio.to_thread(self.learned, old, new) if files else None
        try:
            for path, file in files.items():
                written.append((path, file))
                await asyncio.to_thread(swap, path, file.before, file.after)
            if files:
                await self._reload(loaded, old, new)
            if layer := files.get(self.managed):
                kept = Writing(await asyncio.to_thread(_bytes, good), layer.after)
                written.append((good, kept))
                await asyncio.to_thread(swap, good, kept.before, kept.after)
            yield
            finished = True
        finally:
            if not finished:
                await self._put_back(written, forget)

    async def _reload(self, before: Loaded, old: str, new: str) -> None:
        """Raises ConfigError when an entry would be lost by it."""
        await self.source.read_again()
        after = self.source.loaded()
        if lost := before.managed - after.managed - {("models", old), ("aliases", old)}:
            raise ConfigError(f"{old} cannot be {new}: {', '.join(sorted(map(dotted, lost)))} would be lost")
        if not _half_done(after, old, new):
            raise ConfigError(f"{old} cannot be {new}: it would not be served then", after.warnings)

    async def _put_back(self, written: Sequence[tuple[Path, Writing]], forget: Callable[[], None] | None) -> None:
        """Everything as it was, as far as the disk lets us; what is left is in the log."""
        for path, file in reversed(written):
            try:
                if await asyncio.to_thread(_bytes, path) != file.before:
                    await asyncio.to_thread(swap, path, file.after, file.before)
            except (ConfigError, Conflict) as error:
                _log.error("%s could not be put back after a rename that failed: %s", path, error)
        if forget is not None:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(forget)
        if written:
            with contextlib.suppress(ConfigError, StoreError):
                await self.source.read_again()

    def _texts(self, loaded: Loaded, section: str, old: str, new: str, day: str | None) -> dict[Path, Writing]:
        """What is to be written: the file that has it, and the other one where that names it.

        The one that has it comes first, so that a server that is killed in between finds both names there; without a
        `day` that was done already.
        """
        found: dict[Path, Writing] = {}
        owner = loaded.path if loaded.given(section, old if day else new) else self.managed
        for path in dict.fromkeys((owner, loaded.path, self.managed)):
            if path is None or not path.exists():
                continue
            text = read_text(path, longest=MAX_BYTES)
            after = text
            if path == owner and day is None:
                continue
            if path == owner:
                changed = edited(text, old, new)
                if changed.did is not Did.RENAMED:
                    raise Conflict(f"{old} cannot be renamed in {path}: {changed.why}")
                entry: Value = {"targets": [new], "deprecated": day}
                if section == "aliases":
                    entry = {**as_dict(as_dict(read_plain(text, str(path)).values.get("aliases")).get(old))}
                    entry["deprecated"] = day
                after = put(changed.text, "aliases", old, entry, f"renamed to {new}").text
            elif old in text:
                after = _mentions(text, path, section, old, new)
            if after != text:
                found[path] = Writing(text.encode(), after.encode())
        return found


def _mentions(text: str, path: Path, section: str, old: str, new: str) -> str:
    """A file that does not have the entry and may name it: with the entry lent to it for the time of the edit."""
    lent: Value = {"targets": [old]} if section == "aliases" else {"provider": "lent", "id": "lent"}
    other = "aliases" if section == "aliases" else "models"
    if old in as_dict(read_plain(text, str(path)).values.get(other)):
        return text  # it is overruled there, and stays so
    return remove(edited(put(text, section, old, lent).text, old, new).text, section, new).text


def _half_done(loaded: Loaded, old: str, new: str) -> bool:
    """Whether the files were changed already and the rest may be missing: the old name stands for the new one."""
    alias, other = loaded.config.aliases.get(old), loaded.config.aliases.get(new)
    if alias is None or not alias.deprecated:
        return False
    if new in loaded.config.models:
        return [*alias.targets] == [new]
    return other is not None and other.targets == alias.targets


def _possible(loaded: Loaded, old: str, new: str) -> None:
    models, aliases = loaded.config.models, loaded.config.aliases
    if old not in models and old not in aliases:
        raise NotFound(f"there is no model or alias {old!r}", hint="glowplug models lists them")
    if new in models or new in aliases:
        raise Conflict(f"{new} is taken already", hint="choose another name")
    if old.endswith("*") or new.endswith("*"):
        raise Conflict("a model that stands for many names cannot be renamed", hint="change it in the configuration")


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
