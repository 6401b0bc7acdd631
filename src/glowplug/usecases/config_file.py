"""The configuration file as text: read, tried and written, for whoever edits it away from its machine.

What is written was loaded first, is what the editor was shown plus what they changed (a digest says so), has a copy of
what was there beside it, is a line of the audit log, and is in force afterwards.  What cannot be noted or put in force
is put back.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import glob
from collections.abc import Awaitable
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import msgspec

from glowplug.clock import Clock
from glowplug.config.lines import MAX_BYTES
from glowplug.config.masked import masked, unmasked
from glowplug.config.rewrite import read_text, rewrite, swap
from glowplug.domain.change import OURSELVES, Actor
from glowplug.errors import ConfigError, Conflict, NotFound, Problem
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.config import ProblemView, Reloaded, problem_views

MOST_BYTES: Final = 2 * MAX_BYTES
"""Of a body with a text: JSON needs more."""


class ConfigText(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `GET /admin/config/file`."""

    path: str
    text: str = ""
    """Secrets that are written out in it are `***`."""
    digest: str = ""
    """SHA-256 of the file, hexadecimal; whoever writes it says what they saw."""
    masked: tuple[str, ...] = ()
    """Settings whose secret is masked."""
    why_not: str = ""
    """Why it cannot be edited here; empty when it can."""


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `PUT /admin/config/file`."""

    digest: str
    """Of the file that was edited."""
    text: str = ""
    """The whole file; `***` keeps the secret that is there."""
    back_to: str = ""
    """Instead of a text: the digest of a copy beside the file, which is put back as it was."""


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, or would be."""

    path: str
    ok: bool
    """Whether it can be in force; with problems nothing is written."""
    digest: str = ""
    diff: str = ""
    """As `diff -u` writes it, secrets masked; empty when nothing differs."""
    copy: str = ""
    """The file that keeps what was there."""
    plan: Reloaded | None = None
    """What is changed by it."""
    problems: tuple[ProblemView, ...] = ()
    dry_run: bool = False


class Source(Protocol):
    """Who has the configuration in force."""

    @property
    def writing(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Held by whoever writes one of its files, until what was written is in force."""
        ...

    def own_file(self) -> Path:
        """The file, where it is one of ours.  Raises ConfigError where there is none, or another program's."""
        ...

    def file_trial(self, text: bytes, before: bytes | None = None) -> Awaitable[Reloaded]:
        """What would change were this the text of the file.  Raises ConfigError, where it is `before` now also for
        what may not be changed from afar."""
        ...

    def read_again(self) -> Awaitable[Reloaded]:
        """Put in force what is on the disk, for whoever holds `writing`.  Raises ConfigError."""
        ...


class ConfigFile:
    """The file of one installation."""

    def __init__(self, source: Source, clock: Clock, log: ChangeLog | None) -> None:
        self._source = source
        self._clock = clock
        self._log = log

    async def read(self) -> ConfigText:
        """What is on the disk, or why it is not shown."""
        path = ""
        try:
            file = self._source.own_file()
            path = str(file)
            text = await asyncio.to_thread(read_text, file, longest=MAX_BYTES)
            shown = await asyncio.to_thread(masked, text)
        except ConfigError as error:
            return ConfigText(path=path, why_not=str(error))
        return ConfigText(path=path, text=shown.text, digest=_digest(text), masked=shown.places)

    async def write(self, wanted: Edit, dry_run: bool = False, *, actor: Actor = OURSELVES) -> Edited:
        """Write the file and put it in force; `dry_run` says what that would do, or what is wrong with the text.

        Raises Conflict when the file is not what was edited, NotFound for a copy that is not there, ConfigError for a
        text that cannot be in force, may not come from afar, or cannot be written, StoreError.
        """
        async with self._source.writing:
            path = self._source.own_file()
            before = await asyncio.to_thread(read_text, path, longest=MAX_BYTES)
            if _digest(before) != wanted.digest:
                raise Conflict(
                    f"{path} was changed in the meantime", hint="look at it again, then make the change anew",
                    code="file_changed",
                )  # fmt: skip
            try:
                if wanted.back_to:  # it was the file once
                    after = await asyncio.to_thread(_copy, path, wanted.back_to)
                    plan = await self._source.file_trial(after.encode())
                else:
                    after = await asyncio.to_thread(unmasked, _line_ends(wanted.text, before), before)
                    plan = await self._source.file_trial(after.encode(), before.encode())
            except ConfigError as error:
                if not dry_run:
                    raise
                problems = error.problems or (Problem("", error.message, hint=error.hint),)
                return Edited(path=str(path), ok=False, problems=problem_views(problems), dry_run=True)
            diff = await asyncio.to_thread(_diff, path, before, after)
            done = Edited(path=str(path), ok=True, digest=_digest(after), diff=diff, plan=plan, dry_run=dry_run)
            if dry_run or after == before:
                return done
            return await self._written(done, path, before, after, actor)

    async def _written(self, done: Edited, path: Path, before: str, after: str, actor: Actor) -> Edited:
        now = self._clock.unix()
        copy = await asyncio.to_thread(rewrite, path, before, after, "edit", now, _was_checked)
        finished = False
        try:
            if self._log is not None:
                changed = [] if done.plan is None else list(done.plan.changed)
                what = {"digest": done.digest, "changed": changed, "copy": str(copy or "")}
                await self._log.note(self._log.line(actor, "update", "config", str(path), what))
            plan = await self._source.read_again()
            finished = True
        finally:
            if not finished:
                with contextlib.suppress(ConfigError, Conflict):
                    await asyncio.to_thread(swap, path, after.encode(), before.encode())
        return msgspec.structs.replace(done, copy=str(copy or ""), plan=plan)


def _was_checked(_text: bytes) -> None:
    """It was loaded a moment ago."""


def _copy(path: Path, digest: str) -> str:
    """The text of a copy that an edit or an import made.  Raises NotFound, ConfigError."""
    real = path.resolve()
    for copy in sorted(real.parent.glob(f"{glob.escape(real.name)}.before-*"), reverse=True):
        text = read_text(copy, longest=MAX_BYTES)
        if _digest(text) == digest:
            return text
    raise NotFound(f"there is no copy of {path} with the digest {digest[:80]!r}", hint=f"look into {real.parent}")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _line_ends(text: str, before: str) -> str:
    """As the file has them: a form sends others than it was given."""
    if "\r\n" in before:
        return text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text.replace("\r\n", "\n")


def _diff(path: Path, before: str, after: str) -> str:
    old, new = masked(before).text.splitlines(), masked(after).text.splitlines()
    return "\n".join(difflib.unified_diff(old, new, str(path), str(path), lineterm="", n=3))
