"""Writing `managed.yaml`: tried by the loader that reads it afterwards, written whole with mode 0600, noted in the
audit log, put in force, and kept in a second copy, which is what serves when somebody's editor breaks the first.

The lines of the audit log are stored when the file is written and before it is in force: what cannot be noted does not
happen, and the file is put back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Final, Protocol

from glowplug.config.lines import dotted
from glowplug.config.load import Loaded
from glowplug.config.managed import SECTIONS, Entry, ManagedFile
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import read_plain
from glowplug.config.writers.yaml_text import yaml_text
from glowplug.domain.change import Change
from glowplug.errors import ConfigError, StoreError
from glowplug.files import write_private
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.config import Reloaded

_HEAD: Final = """\
# Written by Glowplug: what was added through its API.  The configuration file wins where both have a name.
# Comments are not kept; what is wrong here costs only the entry it is in.
"""


class Source(Protocol):
    """Who has the configuration in force."""

    @property
    def writing(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Held by whoever writes one of its files, until what was written is in force."""
        ...

    def loaded(self) -> Loaded: ...

    def trial(self, managed: bytes) -> Awaitable[Loaded]:
        """The configuration as it would be with this text.  Raises ConfigError."""
        ...

    def read_again(self) -> Awaitable[Reloaded]:
        """Put in force what is on the disk, for whoever holds `writing`.  Raises ConfigError."""
        ...


class LayerFile:
    """The file of one installation, and its copy."""

    def __init__(self, path: Path, source: Source, log: ChangeLog | None) -> None:
        self._file = ManagedFile(path)
        self._source = source
        self._log = log

    def document(self) -> dict[str, dict[str, Value]]:
        """What is in the file.  Raises ConfigError when it cannot be read: it is not written over then."""
        data = self._bytes()
        if data is None:
            return {}
        values = read_plain(data, str(self._file.path)).values
        return {section: dict(node) for section, node in values.items() if isinstance(node, dict)}

    async def settle(
        self,
        document: Mapping[str, Mapping[str, Value]],
        put: Set[Entry],
        gone: Set[Entry],
        dry_run: bool,
        store: Callable[[], Awaitable[None]] | None,
        lines: Sequence[Change],
    ) -> tuple[Loaded, tuple[str, ...]]:
        """Try the document, and put it in force: the configuration with it, and the names that are not what they
        were.  `store` is awaited before it is written.  Raises ConfigError, StoreError."""
        before = self._source.loaded()
        whole: dict[str, Value] = {section: dict(document[section]) for section in SECTIONS if document.get(section)}
        data = (_HEAD + (yaml_text(whole) if whole else "")).encode()
        after = await self._source.trial(data)
        if lost := ((before.managed - gone) | put) - after.managed:
            raise _refused(after, lost, self._file.path)
        if dry_run:
            return after, ()
        if store is not None:
            await store()
        async with self._written(data):
            if self._log is not None and lines:
                await self._log.note(*lines)
            reloaded = await self._source.read_again()
        await asyncio.to_thread(write_private, self._file.good, data)
        return after, reloaded.changed

    @contextlib.asynccontextmanager
    async def _written(self, data: bytes) -> AsyncIterator[None]:
        """With the file written; whatever fails until the end puts it back."""
        before, finished = self._bytes(), False
        try:
            await asyncio.to_thread(write_private, self._file.path, data)
            yield
            finished = True
        finally:
            if not finished:
                with contextlib.suppress(OSError, StoreError, ConfigError):
                    if before is None:
                        self._file.path.unlink(missing_ok=True)
                    else:
                        await asyncio.to_thread(write_private, self._file.path, before)
                    await self._source.read_again()

    def _bytes(self) -> bytes | None:
        try:
            return self._file.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._file.path} cannot be read: {error.strerror}") from None


def _refused(after: Loaded, lost: frozenset[Entry], path: Path) -> ConfigError:
    """What is wrong with the entries that would be lost."""
    prefixes = tuple(dotted(entry) for entry in lost)
    found = [one for one in after.warnings if one.file and (not one.path or one.path.startswith(prefixes))]
    problems = tuple(found) or tuple(one for one in after.warnings if one.file == str(path))
    first = problems[0] if problems else ", ".join(prefixes)
    return ConfigError(f"this cannot be used: {_said(first)}", problems)


def _said(problem: object) -> str:
    """Without the line of a file that was not written."""
    return f"{getattr(problem, 'path', '')}: {getattr(problem, 'message', problem)}".removeprefix(": ")
