"""A model or alias under another name, everywhere at once; the old name goes on working and is marked deprecated.

First the files, each written whole, then one transaction of the database.  Killed in between, the same command again
does what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from glowplug.clock import Clock
from glowplug.config.edit import Did, put, remove
from glowplug.config.edit import rename as edited
from glowplug.config.load import Loaded
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import read_plain
from glowplug.config.readers.values import as_dict
from glowplug.errors import ConfigError, Conflict, NotFound, StoreError
from glowplug.files import write_private
from glowplug.store.database import Database
from glowplug.store.renames import rename
from glowplug.usecases.managed import Source


class NewName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/rename`."""

    old: str
    new: str


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, or would be."""

    old: str
    new: str
    files: tuple[str, ...] = ()
    """Files that name it."""
    rows: dict[str, int] = {}
    """Rows of the database that named it, by table."""
    deprecated: str = ""
    """The day since which the old name is an alias."""
    dry_run: bool = False


@dataclass(frozen=True)
class Renaming:
    """Renames in one installation.  `settled` is awaited when the database has changed; `learned` takes over what was
    measured of a local model."""

    managed: Path
    source: Source
    database: Database
    clock: Clock
    settled: Callable[[], Awaitable[None]]
    learned: Callable[[str, str], None]

    async def rename(self, wanted: NewName, dry_run: bool = False) -> Renamed:
        """Raises NotFound, Conflict when the new name is taken, ConfigError for a name that cannot be, StoreError."""
        old, new = wanted.old, wanted.new
        loaded = self.source.loaded()
        day = datetime.fromtimestamp(self.clock.unix(), UTC).strftime("%Y-%m-%d")
        texts: dict[Path, str] = {}
        if not _half_done(loaded, old, new):
            _possible(loaded, old, new)
            texts = await asyncio.to_thread(self._texts, loaded, old, new, day)
        if dry_run:
            return Renamed(old=old, new=new, files=tuple(map(str, texts)), deprecated=day, dry_run=True)
        before = {path: path.read_bytes() for path in texts}
        await asyncio.to_thread(self.learned, old, new)
        try:
            for path, text in texts.items():
                await asyncio.to_thread(_write, path, text)
            if texts:
                await self.source.reload()
        except (ConfigError, StoreError):
            for path, data in before.items():
                await asyncio.to_thread(_write, path, data.decode())
            await self.source.reload()
            raise
        rows = await self.database.run(lambda c: rename(c, old, new))
        await self.settled()
        changed = {table: count for table, count in rows.items() if count}
        return Renamed(old=old, new=new, files=tuple(map(str, texts)), rows=changed, deprecated=day)

    def _texts(self, loaded: Loaded, old: str, new: str, day: str) -> dict[Path, str]:
        """Files → what they say afterwards: the one that has it, and the layer where that names it."""
        found: dict[Path, str] = {}
        section = "models" if old in loaded.config.models else "aliases"
        owner = loaded.path if loaded.given(section, old) else self.managed
        for path in dict.fromkeys((loaded.path, self.managed)):
            if path is None or not path.exists():
                continue
            text = path.read_text()
            if path == owner:
                changed = edited(text, old, new)
                if changed.did is not Did.RENAMED:
                    raise Conflict(f"{old} cannot be renamed in {path}: {changed.why}")
                entry: Value = {"targets": [new], "deprecated": day}
                if section == "aliases":
                    entry = {**as_dict(as_dict(read_plain(text, str(path)).values.get("aliases")).get(old))}
                    entry["deprecated"] = day
                found[path] = put(changed.text, "aliases", old, entry, f"renamed to {new}").text
            elif old in text:
                mentioned = _mentions(text, path, section, old, new)
                if mentioned != text:
                    found[path] = mentioned
        return found


def _mentions(text: str, path: Path, section: str, old: str, new: str) -> str:
    """A file that does not have the entry and may name it: with the entry lent to it for the time of the edit."""
    lent: Value = {"targets": [old]} if section == "aliases" else {"provider": "lent", "id": "lent"}
    other = "aliases" if section == "aliases" else "models"
    if old in as_dict(read_plain(text, str(path)).values.get(other)):
        return text  # it is overruled there, and stays so
    return remove(edited(put(text, section, old, lent).text, old, new).text, section, new).text


def _half_done(loaded: Loaded, old: str, new: str) -> bool:
    """Whether the files were changed already and the rest may be missing."""
    alias = loaded.config.aliases.get(old)
    there = new in loaded.config.models or new in loaded.config.aliases
    return there and alias is not None and bool(alias.deprecated)


def _possible(loaded: Loaded, old: str, new: str) -> None:
    models, aliases = loaded.config.models, loaded.config.aliases
    if old not in models and old not in aliases:
        raise NotFound(f"there is no model or alias {old!r}", hint="glowplug models lists them")
    if new in models or new in aliases:
        raise Conflict(f"{new} is taken already", hint="choose another name")
    if old.endswith("*") or new.endswith("*"):
        raise Conflict("a model that stands for many names cannot be renamed", hint="change it in the configuration")


def _write(path: Path, text: str) -> None:
    """Whole, and with the mode that it had."""
    mode = path.stat().st_mode & 0o777
    write_private(path, text.encode())
    path.chmod(mode)
