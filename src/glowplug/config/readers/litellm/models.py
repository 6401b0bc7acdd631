"""A deployment → a model of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from glowplug.config.readers.foreign import LocalOffer, Value
from glowplug.config.readers.litellm.connections import Connection
from glowplug.config.readers.litellm.environment import Environment, variable
from glowplug.config.readers.litellm.keys_model import CAPABILITIES, REQUEST
from glowplug.config.readers.litellm.prices import price
from glowplug.config.readers.local import engine_at, host_of, is_loopback
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, as_words, escaped, member, number, seconds, whole

_OWNED: Final = ("model", "messages", "prompt", "input", "stream")
_MEMBER = re.compile(r"[A-Za-z0-9._:/@-]{1,200}")
_SIZES: Final = (
    ("max_input_tokens", "context_window", "tokens"), ("output_vector_size", "dimensions", "dimensions"),
)  # fmt: skip
"""Of LiteLLM's description of a model → ours, in numbers of what."""
_LIMITS: Final = {
    "rpm": ("rpm", 10_000_000),
    "tpm": ("tpm", 1_000_000_000),
    "max_parallel_requests": ("max_concurrency", 100_000),
}
_ONLY_OLLAMA: Final = ("num_ctx", "keep_alive")


@dataclass(frozen=True)
class Deployment:
    """One entry of `model_list`, ready to be read."""

    where: str
    group: str
    """Its public name."""
    params: Mapping[str, Value]
    """With its credential's and the router's defaults below its own."""
    info: Mapping[str, Value]
    id: str
    """LiteLLM's; empty when another model has it."""


class Models:
    """Makes models, and notes on what changes on the way."""

    def __init__(self, env: Environment, notes: Notes, *, tags: bool, most: int | None) -> None:
        """`tags`: whether LiteLLM goes by tags; `most`: requests at the same time where a deployment does not say."""
        self._env = env
        self._notes = notes
        self._tags = tags
        self._most = most

    def entry(self, deployment: Deployment, connection: Connection, provider: str) -> dict[str, Value]:
        """An entry of `models` for a model of the provider's entry `provider`."""
        return {"provider": provider, "id": escaped(connection.id), **self._common(deployment, connection)}

    def _common(self, deployment: Deployment, connection: Connection) -> dict[str, Value]:
        """What it says whoever serves it."""
        where, params, info = deployment.where, deployment.params, deployment.info
        found: dict[str, Value] = {}
        if capabilities := self._capabilities(where, info, connection):
            found["capabilities"] = list(capabilities)
        if defaults := self._request_defaults(where, params):
            found["request_defaults"] = defaults
        for key in ("stream_timeout", "timeout"):
            value = self._checked(where, params, key, seconds, "no duration")
            if value is not None and "first_byte_timeout" not in found:
                found["first_byte_timeout"] = value
                why = "it bounds the wait for the first byte; idle_timeout bounds the silences behind it"
                self._notes.changed(f"{where}.litellm_params.{key}", as_text(params.get(key)), why)
        for key, (field, top) in _LIMITS.items():
            value = self._checked(where, params, key, partial(whole, least=1, most=top), f"no number from 1 to {top}")
            if value is not None:
                found[field] = value
        if self._most is not None:
            found.setdefault("max_concurrency", self._most)
        found.update(self._tagged(where, params))
        for said, field, what in _SIZES:
            size = info.get(said)
            if size is None:
                continue
            if (number := whole(self._env.resolved(size), 1, 1 << 53)) is not None:
                found[field] = number
            else:
                self._notes.left(f"{where}.model_info.{said}", f"no number of {what}", "it is not a whole number")
        sources = {
            "litellm_params": as_dict(self._env.resolved(dict(params))),
            "model_info": as_dict(self._env.resolved(dict(info))),
        }
        if rates := price(where, sources, self._notes):
            found["price"] = rates
        if deployment.id:
            found["former_ids"] = [escaped(deployment.id)]
        return found

    def _checked(
        self, where: str, params: Mapping[str, Value], key: str, read: Callable[[Value], Value], rule: str
    ) -> Value:
        """A number, or the variable it comes from, where that is a number now."""
        raw = params.get(key)
        if raw is None:
            return None
        at, name = f"{where}.litellm_params.{key}", variable(raw)
        resolved = self._env.resolved(raw)
        if name and resolved is None:
            self._notes.left(at, f"the variable {name} is not set", "LiteLLM takes that for nothing")
            return None
        value = read(resolved)
        if value is None:
            self._notes.left(at, rule, "it cannot be that here")
            return None
        plain = name and self._env.writable(name) and re.fullmatch(r"[0-9]{1,12}", as_text(resolved))
        return f"${{{name}}}" if plain else value

    def _capabilities(self, where: str, info: Mapping[str, Value], connection: Connection) -> tuple[str, ...]:
        mode = as_text(info.get("mode"))
        if not mode:
            return connection.prefix.only
        if mode not in CAPABILITIES:
            self._notes.left(f"{where}.model_info.mode", mode, "there is no such endpoint here")
            return connection.prefix.only
        return CAPABILITIES[mode] or connection.prefix.only

    def _request_defaults(self, where: str, params: Mapping[str, Value]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        body = as_dict(params.get("extra_body"))
        at = f"{where}.litellm_params"
        for place, source in ((f"{at}.extra_body", body), (at, {key: params.get(key) for key in REQUEST})):
            for key, raw in source.items():
                if raw is None:
                    continue
                value = member(self._env.resolved(raw))
                if key in _OWNED or not _MEMBER.fullmatch(key):
                    self._notes.left(f"{place}.{key}", key, "it is what a request itself has to say")
                elif value is None:
                    self._notes.left(f"{place}.{key}", key, "only single values can be put into requests")
                else:
                    found[key] = value
        return found

    def _tagged(self, where: str, params: Mapping[str, Value]) -> dict[str, Value]:
        words = list(dict.fromkeys(escaped(word) for word in as_words(params.get("tags"))))
        if not words:
            return {}
        if not self._tags:
            why = "LiteLLM does not go by them without enable_tag_filtering"
            self._notes.left(f"{where}.litellm_params.tags", ", ".join(words), why, "give the model tags")
            return {}
        if "default" in words:
            why = "who asks for no tag is served by every target"
            self._notes.changed(f"{where}.litellm_params.tags", "the tag default", why)
        return {"tags": list(words)}

    # ---- engines nearby

    def offer(self, deployment: Deployment, connection: Connection, name: str) -> LocalOffer | None:
        """What it could be as a model of an engine here; None when it is not nearby, or is another gateway."""
        self._ollama(deployment, connection)
        if not connection.near or "*" in connection.id or connection.prefix.name == "litellm_proxy":
            return None
        engine, why = engine_at(connection.url, connection.id)
        if connection.prefix.engine:
            engine, why = connection.prefix.engine, f"{connection.prefix.name}/ is {connection.prefix.engine}"
        if not is_loopback(connection.url):
            why += f", on another machine perhaps ({host_of(connection.url)})"
        managed: dict[str, Value] = {"engine": engine}
        if engine in ("ollama", "vllm", "sglang"):
            managed["id"] = escaped(connection.id)
        if engine == "ollama":
            managed.update(self._ollama_settings(deployment.params))
        managed.update(self._silent(deployment, connection))
        return LocalOffer(name, engine, connection.url, managed, why)

    def _silent(self, deployment: Deployment, connection: Connection) -> dict[str, Value]:
        """What it says whoever serves it, without notes: they are made already."""
        return Models(self._env, Notes(), tags=self._tags, most=self._most)._common(deployment, connection)

    def _ollama_settings(self, params: Mapping[str, Value]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        context = whole(self._env.resolved(params.get("num_ctx")), 4, 1 << 31)
        if context is not None:
            found["options"] = {"num_ctx": context}
        given = self._env.resolved(params.get("keep_alive"))
        stays = seconds(given, zero=True)
        if stays is not None:
            found["keep_alive"] = stays
        elif as_text(given).strip().startswith("-") and (number(given) or as_text(given)[1:2].isdigit()):
            found["keep_alive"] = -1
        return found

    def _ollama(self, deployment: Deployment, connection: Connection) -> None:
        for key in _ONLY_OLLAMA:
            if deployment.params.get(key) is not None:
                why = "OpenAI's wire cannot say it"
                at = f"{deployment.where}.litellm_params.{key}"
                near = connection.near and connection.prefix.engine == "ollama"
                self._notes.left(at, key, why, "a managed model of the engine ollama has it" if near else "")
