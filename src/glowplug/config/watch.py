"""Notices that the configuration file (or a secret file it names) was saved, and reads it again.

Polled, twice a second: one stat per file costs microseconds, works on every file system, and survives editors that
write a new file and rename it over the old one, which loses inotify's watch.  A change is acted on when two polls in a
row see the same, so that a file is not read while it is being written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from glowplug.config.load import Loaded
from glowplug.errors import ConfigError

INTERVAL = 0.5

Signature = dict[Path, tuple[int, int, int] | None]
"""File → (mtime in ns, inode, size), or None when it is not there."""


class Watcher:
    """Looks at `files` until cancelled.

    `read` reads the configuration anew (in a thread: it blocks) and raises ConfigError; `report` is told the outcome,
    on the loop.  A bad or vanished file is reported as a ConfigError, once; keeping the old configuration is the part
    of whoever is told.  `sleep` is the loop's timer, which tests turn by hand.  Polls wait for `writing`, which is held
    by whoever writes files that belong together.
    """

    def __init__(
        self,
        current: Loaded,
        read: Callable[[], Loaded],
        report: Callable[[Loaded | ConfigError], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        interval: float = INTERVAL,
        writing: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        self._files = current.files
        self._path = current.path
        self._read = read
        self._report = report
        self._sleep = sleep
        self._interval = interval
        self._writing: AbstractAsyncContextManager[None] = asyncio.Lock() if writing is None else writing
        self._reading = asyncio.Lock()
        """One reading at a time: the outcome that is reported last is the one that was read last."""
        self._acted_on = signature(self._files)
        self._seen = self._acted_on

    async def run(self, reported: Callable[[], Awaitable[None]] | None = None) -> None:
        """Poll for ever; returns at once when there is no file to watch.  `reported` is awaited after each report of a
        file that changed on the disk, and of no other."""
        while self._files:
            await self._sleep(self._interval)
            if await self.poll() and reported is not None:
                await reported()

    async def poll(self) -> bool:
        """Look once; True when something was reported."""
        async with self._writing:
            return await self._poll()

    async def _poll(self) -> bool:
        now = signature(self._files)
        settled = now == self._seen
        self._seen = now
        if now == self._acted_on or not settled:
            return False
        self._acted_on = now
        if self._path is not None and not self._path.exists():
            hint = "put it back, or restart without it"
            self._report(ConfigError(f"{self._path} is gone; what it said stays in force", hint=hint))
            return True
        await self.reload()
        return True

    async def reload(self) -> Loaded | ConfigError:
        """Read now and report, whether anything changed or not."""
        async with self._reading:
            return await self._reload()

    async def _reload(self) -> Loaded | ConfigError:
        before = signature(self._files)
        try:
            outcome: Loaded | ConfigError = await asyncio.to_thread(self._read)
        except ConfigError as error:
            outcome = error
        if isinstance(outcome, Loaded) and outcome.files != self._files:
            self._files = outcome.files
            before = {**signature(self._files), **{file: before[file] for file in self._files if file in before}}
        self._acted_on = self._seen = before
        self._report(outcome)
        return outcome


def signature(files: tuple[Path, ...]) -> Signature:
    """What stat says of each file, as far as it changes when the file is saved or replaced."""
    return {file: _stat(file) for file in files}


def _stat(file: Path) -> tuple[int, int, int] | None:
    try:
        info = file.stat()
    except (OSError, ValueError):
        return None
    return info.st_mtime_ns, info.st_ino, info.st_size
