"""Which models are asked what: from the list of models that the server gives every client.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from glowplug.errors import NotFound
from glowplug.smoke.probes import (
    CHAT,
    EMBEDDINGS,
    NO_PROMISE,
    RERANK,
    STREAM,
    TOOLS,
    TRANSCRIPTION,
    VISION,
    Probe,
    Promise,
)

_SEES: Final = re.compile(r"(?:\A|[^a-z0-9])(?:vision|vl|vlm|llava|pixtral|moondream|internvl)(?:\Z|[^a-z0-9])")
_GUESSES: Final = (
    (re.compile(r"embed|(?:\A|[^a-z])(?:bge|e5|gte|minilm)(?:\Z|[^a-z])"), "embeddings"),
    (re.compile(r"rerank"), "rerank"),
    (re.compile(r"whisper|transcri"), "transcriptions"),
    (re.compile(r"dall-e|flux|stable-diffusion|image|tts|speech|moderation|realtime"), ""),
)  # fmt: skip
"""What the name of a model says it does, where its server does not; the others chat."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A name that can be asked."""

    name: str
    capabilities: frozenset[str]
    targets: tuple[str, ...] = ()
    """Of an alias, in their order."""
    local: bool = False
    """Its engine runs on that machine."""
    promise: Promise = NO_PROMISE
    looks: bool | None = None
    """Whether it can be shown pictures, where the server says so."""

    @property
    def sees(self) -> bool:
        return _SEES.search(self.name.lower()) is not None if self.looks is None else self.looks


@dataclass(frozen=True, kw_only=True)
class Task:
    """One request of the run."""

    model: str
    probe: Probe
    skip: str = ""
    """The first target of an alias, which is to be left out for this request."""
    expected: tuple[str, ...] = ()
    """Who may answer then."""
    failing: str = ""
    """What is to happen to the model for this request, and the member of the body that asks a LiteLLM for it."""
    member: str = ""
    promise: Promise = NO_PROMISE

    @property
    def title(self) -> str:
        if self.failing:
            return f"{self.probe.name} when {self.failing}"
        return f"{self.probe.name} without {self.skip}" if self.skip else self.probe.name


def known(document: Mapping[str, Any]) -> list[Known]:
    """What `GET /v1/models` says, of our own server or of another."""
    found = []
    for row in document.get("data") or ():
        name = str(row.get("id") or "")
        said = row.get("capabilities")
        able = frozenset(map(str, said)) if isinstance(said, list) else _guessed(name)
        targets = tuple(map(str, row.get("targets") or ()))
        if name and "*" not in name:
            size, unit = row.get("dimensions"), row.get("unit_vectors") is True
            promise = Promise(dimensions=size if isinstance(size, int) else None, unit=unit)
            found.append(Known(name=name, capabilities=able, targets=targets, local="state" in row, promise=promise))
    return found


def _guessed(name: str) -> frozenset[str]:
    low = name.lower()
    what = next((what for pattern, what in _GUESSES if pattern.search(low)), "chat")
    return frozenset((what,) if what else ())


def probes_for(model: Known) -> list[Probe]:
    """What it promises, where there is a probe for it."""
    found = []
    if model.capabilities & {"chat", "messages", "responses"}:
        found += [CHAT, STREAM, TOOLS, *([VISION] if model.sees else [])]
    for what, probe in (("embeddings", EMBEDDINGS), ("rerank", RERANK), ("transcriptions", TRANSCRIPTION)):
        if what in model.capabilities:
            found.append(probe)
    return found


def chosen(models: Sequence[Known], names: Iterable[str], *, everything: bool) -> list[Known]:
    """Those that were named; else those of that machine, or with `everything` all, also those that cost money.

    Raises NotFound for a name that the server does not have.
    """
    by_name = {model.name: model for model in models}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in by_name:
            raise NotFound(f"the server has no model {name!r}", hint=f"it has {', '.join(by_name) or 'none'}")
    if wanted:
        return [by_name[name] for name in wanted]
    return [
        model
        for model in models
        if everything or model.local or any(by_name[target].local for target in model.targets if target in by_name)
    ]


def tasks(models: Sequence[Known], *, fallbacks: bool) -> list[Task]:
    """Everything they promise; an alias is asked once, and once more without its first target."""
    found: list[Task] = []
    for model in models:
        probes = probes_for(model)
        if not model.targets:
            found += [Task(model=model.name, probe=probe, promise=model.promise) for probe in probes]
            continue
        found += [Task(model=model.name, probe=probe, promise=model.promise) for probe in probes[:1]]
        if fallbacks and len(model.targets) > 1:
            first, *rest = model.targets
            found += [
                Task(model=model.name, probe=p, skip=first, expected=tuple(rest), promise=model.promise)
                for p in probes[:1]
            ]
    return found
