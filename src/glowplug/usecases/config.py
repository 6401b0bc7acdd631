"""The configuration: show, check, reload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from glowplug.config.show import Shown
from glowplug.errors import Problem


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in the file."""

    path: str
    line: int
    message: str
    hint: str
    file: str = ""
    """The file it is in, when that is not the configuration file."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the file on the disk found."""

    ok: bool
    path: str
    problems: tuple[ProblemView, ...] = ()
    warnings: tuple[ProblemView, ...] = ()


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload changed, or would."""

    changed: tuple[str, ...] = ()
    """Names of models, aliases and sections that are not what they were."""
    revision: int = 0
    before: int = 0
    """The revision that was in force until then."""
    dry_run: bool = False
    warnings: tuple[ProblemView, ...] = ()
    restarts: tuple[str, ...] = ()
    """Local models whose running engines are started anew."""
    adds: tuple[str, ...] = ()
    """Models and aliases that were not there."""
    removes: tuple[str, ...] = ()
    """Those that go."""
    needs_new_process: tuple[str, ...] = ()
    """Settings that are in force only after Glowplug itself was started anew."""


class ConfigSource(Protocol):
    """Who holds the configuration in force; the composition root brings one."""

    def shown(self) -> Shown:
        """The values in force with their sources, secrets masked."""
        ...

    async def check(self) -> Checked:
        """Look at the file on the disk and change nothing.  Raises ConfigError when there is none to look at."""
        ...

    async def reload(self, dry_run: bool = False) -> Reloaded:
        """Read the file and put it in force.  Raises ConfigError; the old one goes on serving then."""
        ...


def problem_views(problems: Sequence[Problem]) -> tuple[ProblemView, ...]:
    """Problems as plain values."""
    return tuple(ProblemView(path=p.path, line=p.line, message=p.message, hint=p.hint, file=p.file) for p in problems)
