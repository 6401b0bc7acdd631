"""What this machine has and does not serve yet, for somebody who begins: engines, weights, servers that run already.

`discover` makes names and settings of what is found; here it is looked for on the machine of the server, and each find
says how large it is and whether it can be added through the API.  Nothing is changed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec

from glowplug.config.catalogue import EngineCatalogue
from glowplug.config.check_managed import folders_of
from glowplug.config.load import Loaded
from glowplug.errors import GlowplugError
from glowplug.usecases import discover
from glowplug.usecases.discover import OLLAMA_PORT, SERVERS, Found
from glowplug.usecases.fetching import fetch

_PATIENCE = 1.0
"""Seconds that somebody on this machine gets to answer."""

Fetch = Callable[[str], Awaitable[bytes]]


class EngineFound(msgspec.Struct, frozen=True, kw_only=True):
    """One engine, and whether its program is here."""

    name: str
    program: str
    """What is started; empty for one that is given with each model."""
    path: str
    """Where that is; empty: not here."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A model that could be served."""

    name: str
    """As it would be called here."""
    settings: dict[str, object]
    """For `POST /admin/models`, beside the name."""
    size: int | None = None
    """Bytes of its weights; None when unknown."""
    base_url: str = ""
    """Of the provider that its settings name, where that has to be added first."""


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `POST /admin/discover`."""

    data: tuple[Candidate, ...]
    engines: tuple[EngineFound, ...]
    folders: tuple[str, ...]
    """`server.model_folders`, where weights were looked for."""
    lines: tuple[str, ...] = ()
    """Of the configuration file, for what only that can add."""


async def look(loaded: Loaded, engines: EngineCatalogue, home: str, ask: Fetch | None = None) -> Discovered:
    """Look around.  Servers that do not answer, or answer something else, are not there."""
    base = loaded.path.parent if loaded.path is not None else Path(home)
    folders = folders_of(loaded.config, base, home)
    files = await asyncio.to_thread(lambda: list(discover.in_folders(folders)))
    hub = await asyncio.to_thread(lambda: list(discover.in_hub_cache(os.environ, Path(home))))
    running = await _running(ask or _ask)
    known = {
        discover.identity({"provider": one.provider, "engine": one.engine, "id": one.id, "path": one.path})
        for one in loaded.config.models.values()
    }
    taken = set(loaded.config.models)

    def new(found: Iterable[Found]) -> list[Found]:
        fresh = [one for one in found if one.identity not in known and one.name not in taken]
        taken.update(one.name for one in fresh)
        return fresh

    candidates = [_candidate(one, await asyncio.to_thread(_size, one.entry["path"])) for one in new(files)]
    for url, found, sizes in running:
        for one in new(found):
            missing = url if one.entry.get("provider") not in (None, *loaded.config.providers) else ""
            candidates.append(_candidate(one, sizes.get(str(one.entry.get("id"))), missing))
    return Discovered(
        data=tuple(candidates),
        engines=await asyncio.to_thread(_engines, loaded, engines),
        folders=tuple(map(str, folders)),
        lines=tuple(discover.document(new(hub), {})),
    )


def _candidate(found: Found, size: int | None, base_url: str = "") -> Candidate:
    return Candidate(name=found.name, settings=dict(found.entry), size=size, base_url=base_url)


def _engines(loaded: Loaded, engines: EngineCatalogue) -> tuple[EngineFound, ...]:
    rows = []
    for name in engines.names():
        own = loaded.config.engines.get(name)
        said = own.command if own is not None else None
        command = (said,) if isinstance(said, str) else said or engines.command(name)
        program = command[0] if command else ""
        if program and (said or "-m" not in command):  # whether a Python has some module, only that Python knows
            rows.append(EngineFound(name=name, program=program, path=shutil.which(program) or ""))
    return tuple(rows)


def _size(path: str) -> int | None:
    """Bytes of a file of weights with its further parts."""
    first = Path(path)
    begin, mark, rest = first.name.partition("-00001-of-")
    parts = sorted(first.parent.glob(f"{_literal(begin)}-*-of-{_literal(rest)}")) if mark else [first]
    try:
        return sum(part.stat().st_size for part in parts)
    except OSError:
        return None


def _literal(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


class _Tag(msgspec.Struct):
    name: str = ""
    size: int = 0


class _Tags(msgspec.Struct):
    models: list[_Tag] = []


async def _ask(url: str) -> bytes:
    return await fetch(url, within=_PATIENCE)


async def _running(ask: Fetch) -> list[tuple[str, list[Found], dict[str, int]]]:
    """Servers that people run themselves: the URL, their models, and sizes by id where they tell."""

    async def openai(name: str, port: int) -> tuple[str, list[Found], dict[str, int]]:
        base = f"http://127.0.0.1:{port}/v1"
        try:
            return base, discover.of_provider(await ask(f"{base}/models"), name), {}
        except (GlowplugError, ValueError):
            return base, [], {}

    async def ollama() -> tuple[str, list[Found], dict[str, int]]:
        try:
            body = await ask(f"http://127.0.0.1:{OLLAMA_PORT}/api/tags")
            sizes = {tag.name: tag.size for tag in msgspec.json.decode(body, type=_Tags).models}
            return "", discover.of_ollama(body), sizes
        except (GlowplugError, ValueError):
            return "", [], {}

    return list(await asyncio.gather(ollama(), *(openai(name, port) for name, port in SERVERS.items())))
