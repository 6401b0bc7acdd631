"""Names of models: `[type]-[name]-[engine]`, `chat-hermes-3-llama-3.1-8b-llamacpp`.  Pure.

The type is what a model is for, the last part where it runs: an engine, or a provider of the configuration, whose own
name may have hyphens in it.  So who reads a name has to know the places there are, and the longest that fits is meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from glowplug.domain.model import Capability

TYPES: Final = ("chat", "code", "vision", "embed", "rerank", "audio", "image", "guard")
"""What a model is for, as names say it."""
_PART: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_LONGEST: Final = 150
"""Characters of the middle part, so that the whole stays below what a name may have."""
_QUANT: Final = re.compile(
    r"[-.:_](?:i1-)?(?:u?d-)?(?:iq[1-8]|q[1-8]|tq[12])(?:_[a-z0-9]+)*$|[-.:_](?:f16|bf16|f32|fp16|fp8|awq|gptq|mxfp4)$"
)
_FILLER: Final = re.compile(r"[-._](?:gguf|mlx|hf|safetensors)$")
_FORMS: Final = {
    "embed": re.compile(r"embed|(?:^|[/-])(?:bge|e5|gte|arctic-embed|minilm)(?:-|$)"),
    "rerank": re.compile(r"rerank"),
    "vision": re.compile(r"(?:^|[-_.])(?:vl|vlm|vision|llava|pixtral|ocr)(?:[-_.:0-9]|$)"),
    "code": re.compile(r"(?:^|[-_.])(?:coder?|codestral|starcoder\w*|codellama|codex)(?:[-_.:0-9]|$)"),
    "audio": re.compile(r"whisper|(?:^|[-_.])(?:tts|stt|asr)(?:[-_.:0-9]|$)"),
    "image": re.compile(r"(?:^|[-_.])(?:dall-e|flux|sdxl|stable-diffusion|gpt-image)"),
    "guard": re.compile(r"(?:^|[-_.])(?:guard|moderation)"),
}
_ABILITIES: Final = (
    (Capability.EMBEDDINGS, "embed"),
    (Capability.RERANK, "rerank"),
    (Capability.TRANSCRIPTIONS, "audio"),
    (Capability.SPEECH, "audio"),
    (Capability.IMAGES, "image"),
    (Capability.MODERATIONS, "guard"),
)


@dataclass(frozen=True)
class Name:
    """A name that follows the convention, taken apart."""

    type: str
    name: str
    engine: str
    """An engine or a provider."""

    def __str__(self) -> str:
        return f"{self.type}-{self.name}-{self.engine}"


@dataclass(frozen=True)
class Facts:
    """What a name can be made of."""

    source: str
    """Weights or the upstream's id: a file, a repository, a tag."""
    engine: str
    capabilities: tuple[Capability, ...] = ()
    """Empty: not known."""
    sees: bool = False
    """It has a projector for pictures."""


class Naming:
    """The convention over the places there are: engines, and providers by their names in the configuration."""

    def __init__(self, places: Iterable[str]) -> None:
        self._places = sorted({place for place in places if place}, key=lambda place: (-len(place), place))

    def parse(self, text: str) -> Name | str:
        """The parts of a name, or why it does not follow, to go on after the name: `does not begin with …`."""
        kind, dash, rest = text.partition("-")
        if kind not in TYPES or not dash:
            return f"does not begin with a type ({', '.join(TYPES)})"
        place = next((place for place in self._places if rest.endswith(f"-{place}") or rest == place), None)
        if place is None:
            return "does not end with the engine or provider that serves it"
        middle = rest[: -len(place) - 1]
        if not middle:
            return "says nothing between its type and its engine"
        if not _PART.fullmatch(middle):
            return "is not made of small letters, digits, single dots and hyphens"
        return Name(kind, middle, place)

    def objection(self, text: str, engine: str) -> str:
        """Why a model that `engine` serves should not be called so; empty when it may be."""
        found = self.parse(text)
        if isinstance(found, str):
            return found
        return "" if found.engine == engine else f"says {found.engine}, and {engine} serves it"

    def propose(self, facts: Facts, taken: Collection[str] = ()) -> str:
        """A name that follows and is not among `taken`.  Raises ValueError for a place that is not known."""
        if facts.engine not in self._places:
            raise ValueError(f"{facts.engine!r} is no engine or provider")
        kind = type_of(facts)
        full = short(facts.source)
        brief = short(facts.source, quantised=False)
        count = 1
        middles = [brief, full]
        while True:
            # `chat-x-ollama` at `cloud` would be read as `chat-x` at `ollama-cloud`.
            for middle in middles:
                name = Name(kind, middle, facts.engine)
                if str(name) not in taken and self.parse(str(name)) == name:
                    return str(name)
            count += 1
            middles = [f"{brief}-{count}"]


def type_of(facts: Facts) -> str:
    """What a model is for: what it can be asked for says it, then what it is called."""
    source = facts.source.lower()
    asked = set(facts.capabilities)
    talks = bool(asked & {Capability.CHAT, Capability.COMPLETIONS, Capability.MESSAGES, Capability.RESPONSES})
    if asked and not talks:
        return next((kind for ability, kind in _ABILITIES if ability in asked), "chat")
    if facts.sees:
        return "vision"
    stem = _stem(source)
    # A provider's model that nothing is said of can be asked for everything, so its name has to tell.
    kinds = _FORMS if not asked or len(asked) > _FEW else {kind: _FORMS[kind] for kind in ("vision", "code")}
    return next((kind for kind, form in kinds.items() if form.search(stem)), "chat")


_FEW: Final = 4
"""Capabilities; more are those of a provider and not of one model."""


def short(source: str, *, quantised: bool = True) -> str:
    """The middle part of a name from a file, a repository or a tag:
    `hf.co/bartowski/Hermes-3-Llama-3.1-8B-GGUF:Q4_K_M` → `hermes-3-llama-3.1-8b-q4-k-m`."""
    stem = _stem(source.lower())
    if not quantised:
        while (cut := _FILLER.sub("", _QUANT.sub("", stem))) != stem:
            stem = cut
    plain = re.sub(r"[^a-z0-9.]+", "-", stem)
    plain = re.sub(r"\.*-[-.]*|\.\.+", lambda found: "-" if "-" in found[0] else ".", plain).strip("-.")
    return plain[:_LONGEST].strip("-.") or "model"


def _stem(source: str) -> str:
    """Without folders, organisations, file endings and what says nothing."""
    stem = source.rstrip("/").rpartition("/")[2].removesuffix(".gguf").removesuffix(":latest")
    before, colon, tag = stem.partition(":")
    return _FILLER.sub("", before) + colon + tag
