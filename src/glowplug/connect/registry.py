"""All clients that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from glowplug.config.nearest import did_you_mean
from glowplug.connect import apps, editors, libraries, terminals
from glowplug.connect.base import Client, Home
from glowplug.errors import NotFound

CLIENTS: tuple[Client, ...] = (
    terminals.CLAUDE_CODE, terminals.CODEX, terminals.OPENCODE, terminals.AIDER,
    editors.COPILOT, editors.CONTINUE, editors.CLINE, editors.ZED, editors.CURSOR,
    apps.OPEN_WEBUI, apps.HOME_ASSISTANT,
    libraries.OPENAI, libraries.ANTHROPIC, libraries.LANGCHAIN, libraries.LLM, libraries.CURL,
)  # fmt: skip


def client(name: str) -> Client:
    """The client of this name.  Raises NotFound."""
    for one in CLIENTS:
        if one.name == name.lower():
            return one
    hint = did_you_mean(name, [one.name for one in CLIENTS], "known clients")
    raise NotFound(f"there is no client {name[:100]!r}", hint=hint or "glowplug connect lists them")


def of_agent(agent: str) -> Client | None:
    """Who says this `User-Agent`; None for somebody else, and for libraries that several use."""
    said = agent.strip().lower()
    return next((one for one in CLIENTS if said and said.startswith(one.agents)), None) if said else None


def found(one: Client, home: Home, program: Callable[[str], str | None]) -> tuple[str, ...]:
    """Where a client was found; `program` says where a program of that name is."""
    paths = [path for name in one.programs if (path := program(name))]
    places: list[Path] = [place for place in one.places(home) if place.exists()]
    return (*paths, *map(str, places))
