"""Engines that are given more context than their weights were made for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.models import Far, Listed, OwnFile, at_site, far, own_file, some, weights_at
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.model import LocalModel
from glowplug.engines import gguf, ollama_library
from glowplug.engines.llamacpp_settings import settings
from glowplug.engines.weights import WeightsError

_OLLAMA = ("ollama/", "ollama_chat/")
"""What LiteLLM calls its models."""
_STRETCHED = ("rope", "yarn")
"""In a free argument or an option: it is stretched on purpose."""


@dataclass(frozen=True)
class Given:
    """A model with the context it is given."""

    subject: str
    option: str
    """The engine's name of it."""
    tokens: int
    """For one conversation."""
    trained: int
    whole: int
    """What the option would say for no more than that."""
    setting: tuple[str, ...] = ()
    """Where our file says it; empty where it is said elsewhere."""


class _Config(msgspec.Struct):
    max_position_embeddings: int = 0


@dataclass(frozen=True)
class Facts:
    """Models whose context is known, and our file."""

    given: tuple[Given, ...]
    own: OwnFile | None


class Context(Check[Facts]):
    """Beyond what a model was trained for its answers fall apart, and the cache for it takes memory all the same."""

    name = "models-context"
    title = "Engines are given no more context than their weights were made for"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        models = [model for model in site.loaded.local_models if not _stretched(model)]
        foreign = [one for one in theirs(site).models if one.model.startswith(_OLLAMA) and _here(one)]
        some([*models, *foreign], "are no local models")
        own = own_file(site)
        found = []
        for model in models:
            with suppress(WeightsError, OSError, msgspec.DecodeError):
                one = _given(site, model)
                if one is not None:
                    at = ("models", model.name, "options", one.option)
                    mine = own is not None and own.says(*at)
                    found.append(one if not mine else Given(**{**vars(one), "setting": at}))
        for other in foreign:
            with suppress(WeightsError, OSError):
                tokens = other.params.get("num_ctx") or other.info.get("num_ctx")
                model = LocalModel(name="", engine="ollama", id=other.model.partition("/")[2])
                one = _ollama(site, model, f"{other.where} ({other.name})", tokens)
                found += [] if one is None else [one]
        return Facts(tuple(found), own)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=one.subject,
                summary=f"is given a context of {one.tokens} tokens, and its weights were made for {one.trained}",
                evidence=(f"{one.option}: {one.tokens}",),
                consequence="Long conversations become nonsense, and their cache takes memory that others lack.",
                advice=f"Set {one.option} to {one.whole}, or say how the context is stretched (rope, yarn).",
            )
            for one in facts.given
            if one.tokens > one.trained
        ]

    def remedy(self, facts: Facts) -> Remedy | None:
        wrong = [one for one in facts.given if one.tokens > one.trained and one.setting]
        if not wrong or facts.own is None:
            return None
        said = ", ".join(f"{'.'.join(one.setting)} to {one.whole}" for one in wrong)
        action = facts.own.with_fields([(one.setting, one.whole) for one in wrong], f"set {said}")
        risk = "Prompts that are longer are refused from then on."
        return None if action is None else Remedy(actions=[action], risk=risk)


def _stretched(model: LocalModel) -> bool:
    return any(word in said for word in _STRETCHED for said in (*model.args, *model.options))


def _given(site: Site, model: LocalModel) -> Given | None:
    """Raises WeightsError, OSError, DecodeError."""
    match model.engine:
        case "llamacpp" if model.path:
            return _llamacpp(model, _trained(weights_at(site, model.path)))
        case "ollama":
            return _ollama(site, model, f"model {model.name}", model.options.get("num_ctx"))
        case "vllm" if model.path:
            config = weights_at(site, model.path) / "config.json"
            trained = msgspec.json.decode(config.read_bytes(), type=_Config).max_position_embeddings
            tokens = model.options.get("max_model_len")
            if not trained or not isinstance(tokens, int):
                return None
            return Given(f"model {model.name}", "max_model_len", tokens, trained, trained)
    return None


def _here(one: Listed) -> bool:
    return far(one.api_base or "localhost") is Far.HERE


def _ollama(site: Site, model: LocalModel, subject: str, tokens: object) -> Given | None:
    """Raises WeightsError."""
    file = ollama_library.weights_file(at_site(site, model))
    if file is None or not isinstance(tokens, int):
        return None
    trained = _trained(file)
    return Given(subject, "num_ctx", tokens, trained, trained) if trained else None


def _llamacpp(model: LocalModel, trained: int) -> Given | None:
    said = settings(model, model.options)
    if not said.context or not trained:
        return None
    slots = 1 if said.unified else max(said.slots, 1)
    return Given(f"model {model.name}", "ctx_size", said.context // slots, trained, trained * slots)


def _trained(file: Path) -> int:
    """0 where the file does not say.  Raises WeightsError."""
    header = gguf.read(file)
    return header.number(f"{header.architecture}.context_length") or 0
