"""Clients that are known by name: what each is told so that it asks here, and which of them came."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec

from glowplug.config.nearest import did_you_mean
from glowplug.connect.base import PLACEHOLDER, Client, Home, Model, Wanted
from glowplug.connect.registry import CLIENTS, of_agent
from glowplug.connect.showing import texts
from glowplug.domain.model import Capability
from glowplug.domain.snapshot import ModelRoute
from glowplug.errors import NotFound
from glowplug.usecases.catalog import Catalog

_USUAL = "chat-default"
_CHATS = frozenset((Capability.CHAT, Capability.MESSAGES, Capability.RESPONSES))
_OURS = "glowplug/"
"""What our own command says of itself."""
_HOME = Home(Path("~"))
"""Whose it is, is not known here."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A program that came with a key."""

    key: str
    """Its id; empty for a program that was refused because its key is not known, or it sent none."""
    agent: str
    """The `User-Agent` it says."""
    client: str
    """The name of the client that says so; empty for somebody else."""
    first: float
    """Unix seconds of its first request that is known."""
    last: float = 0.0
    """Unix seconds of the last time that a worker met it: of one that was refused, of one of its latest requests."""
    key_used: float | None = None
    """Unix seconds of the last request with the key, whoever made it; a few seconds late."""


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """A text to copy."""

    title: str
    language: str
    text: str


class ClientView(msgspec.Struct, frozen=True, kw_only=True):
    """One client of `GET /admin/clients`."""

    name: str
    title: str
    kind: str
    """`agent`, `editor`, `app` or `library`."""
    wire: str
    command: str
    """What does the same on the machine of the client."""
    writes: bool
    """Whether the command can write its settings."""
    recognised: bool
    """Whether it can be told from others by what it says of itself; else only its key tells."""
    snippets: tuple[Snippet, ...] = ()
    steps: tuple[str, ...] = ()
    """What is done by hand, in order."""
    notes: tuple[str, ...] = ()
    seen: tuple[Sighting, ...] = ()
    """When it came, the newest first."""


class ClientList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `GET /admin/clients`."""

    data: tuple[ClientView, ...]
    url: str
    """How clients reach this server."""
    model: str
    models: tuple[str, ...] = ()
    """What else it can be told to use: whatever chats; empty for who may not see all models."""
    placeholder: str = PLACEHOLDER
    """Stands where the key belongs."""
    others: tuple[Sighting, ...] = ()
    """Programs that came and are none of these."""


def sighting(key: str, agent: str, first: float, last: float = 0.0) -> Sighting:
    """One, with the client it is by what it says."""
    client = of_agent(agent)
    name = "" if client is None else client.name
    return Sighting(key=key, agent=agent, client=name, first=first, last=max(first, last))


def listed(catalog: Catalog, url: str, model: str, seen: tuple[Sighting, ...], *, every: bool = True) -> ClientList:
    """Every client, told to use this model at this address; without `every`, no other model is named.

    Raises NotFound for a model that is not there.
    """
    chosen = _model(catalog, model)
    wanted = Wanted(url, PLACEHOLDER, (chosen,))
    names = {one.name for one in CLIENTS}
    return ClientList(
        data=tuple(_view(one, wanted, seen) for one in CLIENTS),
        url=url,
        model=chosen.name,
        models=_talkers(catalog) if every else (),
        others=tuple(one for one in seen if one.client not in names and not one.agent.startswith(_OURS)),
    )


def _view(one: Client, wanted: Wanted, seen: tuple[Sighting, ...]) -> ClientView:
    recipe = one.recipe(wanted, _HOME)
    words = ["glowplug", "connect", one.name, "--url", wanted.url, "--model", wanted.model.name, "--new-key"]
    return ClientView(
        name=one.name,
        title=one.title,
        kind=str(one.kind),
        wire=one.wire,
        command=shlex.join([*words, "--write"] if recipe.edits else words),
        writes=bool(recipe.edits),
        recognised=bool(one.agents),
        snippets=tuple(Snippet(title=t.title, language=t.language, text=t.text) for t in texts(recipe)),
        steps=recipe.steps,
        notes=recipe.notes,
        seen=tuple(sight for sight in seen if sight.client == one.name),
    )


def _model(catalog: Catalog, name: str) -> Model:
    """A model or alias as clients are told of it; without a name the one that is meant for chats."""
    routes, targets = _names(catalog)
    if not name:
        chats = _talkers(catalog)
        if not chats:
            return Model("MODEL")
        name = _USUAL if _USUAL in chats else chats[0]
    if name not in targets:
        raise NotFound(
            f"there is no model {name[:100]!r}", hint=did_you_mean(name, targets, "models"), code="model_not_found"
        )
    behind = [routes[one] for one in targets[name] if one in routes]
    contexts = [one.context_window for one in behind if one.context_window]
    outputs = [one.max_output for one in behind if one.max_output]
    return Model(name, min(contexts, default=None), min(outputs, default=None))


def _names(catalog: Catalog) -> tuple[dict[str, ModelRoute], dict[str, tuple[str, ...]]]:
    """Models by name, and what each model and alias is answered by."""
    routes = {model.name: model for model in catalog.models}
    return routes, {**{name: (name,) for name in routes}, **{alias.name: alias.targets for alias in catalog.aliases}}


def _talkers(catalog: Catalog) -> tuple[str, ...]:
    """Models and aliases that chat."""
    routes, targets = _names(catalog)
    return tuple(one for one in targets if not one.endswith("*") and _chats(targets[one], routes))


def _chats(names: tuple[str, ...], routes: dict[str, ModelRoute]) -> bool:
    return any(not _CHATS.isdisjoint(routes[one].capabilities) for one in names if one in routes)
