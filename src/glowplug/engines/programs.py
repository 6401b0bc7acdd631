"""Which flags a program knows: asked once per build of it with its own help text.

The help is worth asking for because flags move between builds of the same engine, and a flag too many keeps an engine
from starting at all.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

HELP_TIMEOUT = 60.0
"""vLLM imports torch before it answers: ten seconds on a small machine, more from a cold disk."""

_FLAG = re.compile(r"-{1,2}[A-Za-z][\w-]*")
_BETWEEN = re.compile(r"(?:[ =]?[^\s,]+)?,\s*")


def flags_in_help(text: str) -> frozenset[str]:
    """The flags a help text lists: those that begin a line, with their other spellings (`-c,    --ctx-size N`)."""
    found = set()
    for line in text.splitlines():
        rest = line.strip()
        while match := _FLAG.match(rest):
            found.add(match.group())
            rest = rest[match.end() :]
            between = _BETWEEN.match(rest)
            if between is None:
                break
            rest = rest[between.end() :]
    return frozenset(found)


Build = tuple[tuple[str, ...], int, int]


class FlagCatalogue:
    """Remembers the flags of each program by (command, modification time, size)."""

    def __init__(self) -> None:
        self._known: dict[Build, frozenset[str] | None] = {}
        self._asking: dict[Build, asyncio.Task[frozenset[str] | None]] = {}

    def asked(self, command: tuple[str, ...]) -> bool:
        """Whether the answer is already there, so that a launch need not wait for it."""
        build = _build(command)
        return build is None or build in self._known

    def flags(self, command: tuple[str, ...]) -> frozenset[str] | None:
        """The flags, or None when they are not known (never asked, no such program, no useful help)."""
        build = _build(command)
        return None if build is None else self._known.get(build)

    async def learn(self, command: tuple[str, ...], argument: str, env: Mapping[str, str]) -> frozenset[str] | None:
        """Ask the program unless it was asked before; simultaneous callers share one question."""
        build = _build(command)
        if build is None or not argument:
            return None
        if build in self._known:
            return self._known[build]
        task = self._asking.get(build)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(_ask, (*command, argument), dict(env)))
            self._asking[build] = task
        try:
            flags = await asyncio.shield(task)
        finally:
            if task.done():
                self._asking.pop(build, None)
        self._known[build] = flags
        return flags


def _build(command: tuple[str, ...]) -> Build | None:
    path = shutil.which(command[0]) if command else None
    if path is None:
        return None
    try:
        info = Path(path).stat()
    except OSError:
        return None
    return (path, *command[1:]), info.st_mtime_ns, info.st_size


def _ask(command: tuple[str, ...], env: dict[str, str]) -> frozenset[str] | None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=HELP_TIMEOUT,
            check=False,
            env=env,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return flags_in_help(done.stdout.decode(errors="replace")) or None


def build_of(command: tuple[str, ...]) -> str:
    """Identity of the build of a program: changes when the program is replaced.  Empty when there is none."""
    build = _build(command)
    return "" if build is None else f"{build[0][0]}:{build[1]}:{build[2]}"
