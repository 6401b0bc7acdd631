"""What is known of a model without asking anybody: from its route, and what its name says.  Pure.

A worker never wakes an engine to describe its model, and a cloud provider is not asked either.  Names are good
witnesses: `vision-qwen3-vl-4b-ollama` says that it sees, how large it is and whose family it is.  Where a name says
nothing, the fact is left out, never invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import ModelRoute

_TOKENS = re.compile(r"[^a-z0-9.]+")
_PARAMETERS = re.compile(r"(?:\A|[^a-z0-9.])(\d+(?:\.\d+)?(?:x\d+)?)([bm])(?:\Z|[^a-z0-9])")
"""`8b`, `0.6b`, `8x7b`, `270m`, as words of their own."""
_QUANTIZATION = re.compile(
    r"(?:\A|[^a-z0-9])(i?q\d(?:_[a-z0-9]+)*|fp?16|bf16|fp8|int[48]|awq|gptq|mxfp4|nvfp4)(?:\Z|[^a-z0-9])"
)
_FAMILIES: Final = (
    "gpt-oss", "qwen", "llama", "mistral", "mixtral", "ministral", "gemma", "gemini", "phi", "deepseek", "granite",
    "claude", "gpt", "glm", "kimi", "command-r", "smollm", "olmo", "nemotron", "arctic", "nomic", "bge", "minilm",
)  # fmt: skip
"""Searched for in this order."""
_ENGINES = re.compile(r"llama\.?cpp|ollama")
"""Engines whose names look like a family's."""
_SEES = frozenset(
    ("vision", "vl", "vlm", "llava", "pixtral", "moondream", "minicpm-v", "internvl", "4o", "claude", "gemini")
)
_THINKS = frozenset(("thinking", "reasoning", "reasoner", "r1", "qwq", "qwen3", "magistral", "o1", "o3", "o4"))
_CHATS: Final = frozenset((Capability.CHAT, Capability.MESSAGES, Capability.RESPONSES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What the routes say of one name that clients can ask; None where nothing is known."""

    capabilities: tuple[Capability, ...] = ()
    """The union over its targets, sorted."""
    context_window: int | None = None
    """Tokens; the smallest of its targets, so that what fits here fits whoever answers."""
    max_output: int | None = None
    dimensions: int | None = None
    """Numbers in each of its vectors, where all of its targets promise the same."""
    unit_vectors: bool = False
    """All of its targets promise vectors of the length 1."""

    @property
    def chats(self) -> bool:
        return not _CHATS.isdisjoint(self.capabilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """And what names say; empty where they say nothing."""

    able: Abilities
    family: str = ""
    parameters: str = ""
    """`8B`, `270M`."""
    quantization: str = ""
    sees: bool = False
    thinks: bool = False


def abilities_of(targets: Sequence[ModelRoute]) -> Abilities:
    """Of a model or an alias with these targets."""
    if len(targets) == 1:
        only = targets[0]
        return Abilities(
            capabilities=tuple(sorted(only.capabilities)), context_window=_window(only), max_output=only.max_output,
            dimensions=only.dimensions, unit_vectors=only.unit_vectors,
        )  # fmt: skip
    windows = [window for target in targets if (window := _window(target)) is not None]
    outputs = [target.max_output for target in targets if target.max_output is not None]
    return Abilities(
        capabilities=tuple(sorted({kind for target in targets for kind in target.capabilities})),
        context_window=min(windows, default=None),
        max_output=min(outputs, default=None),
        dimensions=sizes.pop() if len(sizes := {target.dimensions for target in targets}) == 1 else None,
        unit_vectors=bool(targets) and all(target.unit_vectors for target in targets),
    )


def facts_of(name: str, targets: Sequence[ModelRoute]) -> Facts:
    """Of a model or an alias with these targets."""
    names = [text.lower() for target in targets for text in (target.name, target.upstream_model)] or [name.lower()]
    words = {word for text in names for word in _TOKENS.split(text)}
    able = abilities_of(targets)
    return Facts(
        able=able,
        family=_family(names),
        parameters=_parameters(names),
        quantization=_quantization(names),
        sees=able.chats and not words.isdisjoint(_SEES),
        thinks=able.chats and (not words.isdisjoint(_THINKS) or any("gpt-oss" in text for text in names)),
    )


def _window(route: ModelRoute) -> int | None:
    """A route's context: as it is said, else as its engine is loaded with."""
    loaded = route.engine_options.get("num_ctx")
    return route.context_window or (loaded if isinstance(loaded, int) else None)


def _family(names: Iterable[str]) -> str:
    plain = [_ENGINES.sub("", text) for text in names]
    return next((family for text in plain for family in _FAMILIES if family in text), "")


def _parameters(names: Iterable[str]) -> str:
    found = next((match for text in names if (match := _PARAMETERS.search(text))), None)
    return "" if found is None else found[1] + found[2].upper()


def _quantization(names: Iterable[str]) -> str:
    found = next((match for text in names if (match := _QUANTIZATION.search(text))), None)
    return "" if found is None else found[1].upper()
