"""`litellm_settings`, `general_settings` and `router_settings` → `server`, `defaults`, `keeping` and `telemetry`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.keys import given, look
from glowplug.config.readers.litellm.environment import Environment
from glowplug.config.readers.litellm.keys_general import GENERAL, GENERAL_PATTERNS
from glowplug.config.readers.litellm.keys_settings import (
    CACHE,
    CACHE_PATTERNS,
    LITELLM,
    LITELLM_PATTERNS,
    ROUTER,
    ROUTER_PATTERNS,
)
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, as_words, escaped, is_true, number, seconds

_MIB: Final = 1 << 20
_DISK: Final = "1GiB"
"""Of cached answers, where LiteLLM keeps as many as the disk holds."""
_OURS: Final = {"otel": "telemetry", "opentelemetry": "telemetry", "prometheus": "metrics"}
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT")
_LISTS: Final = ("callbacks", "success_callback", "failure_callback")
Document = dict[str, dict[str, Value]]


class Settings:
    """The three sections with their notes; `put` fills in our document."""

    def __init__(self, sections: Mapping[str, Value], env: Environment, notes: Notes) -> None:
        self._env = env
        self._notes = notes
        self._raw = sections
        self.router = self._section(sections, "router_settings")
        self.litellm = self._section(sections, "litellm_settings")
        self.general = self._section(sections, "general_settings")
        self._callback_settings = self._section(sections, "callback_settings")

    def _section(self, sections: Mapping[str, Value], name: str) -> dict[str, Value]:
        value = sections.get(name)
        if value is not None and not isinstance(value, dict):
            self._notes.refused(name, "no mapping", "it must hold settings")
        return as_dict(self._env.resolved(as_dict(value)))

    def put(self, document: Document) -> None:
        """Everything that is about no single model."""
        look(
            self._notes,
            GENERAL,
            "general_settings",
            given(as_dict(self._raw.get("general_settings"))),
            GENERAL_PATTERNS,
        )
        look(
            self._notes,
            LITELLM,
            "litellm_settings",
            given(as_dict(self._raw.get("litellm_settings"))),
            LITELLM_PATTERNS,
        )
        look(self._notes, ROUTER, "router_settings", given(as_dict(self._raw.get("router_settings"))), ROUTER_PATTERNS)
        self._limits(document)
        self._timeouts(document)
        self._cache(document)
        self._callbacks(document)
        if is_true(self.litellm.get("json_logs")):
            _in(document, "server")["log_format"] = "json"
        kept = self.general.get("maximum_spend_logs_retention_period")
        if kept is not None:
            at = "general_settings.maximum_spend_logs_retention_period"
            if (period := seconds(kept)) is not None:
                _in(document, "keeping")["log_retention"] = period
                self._notes.changed(at, as_text(kept), "it is for bodies of requests; figures are kept for ever")
            else:
                self._notes.left(at, "no duration", "it is not written like 30d")

    @property
    def cancels(self) -> bool:
        """Whether a request is cancelled at its provider when the client leaves."""
        return is_true(self.general.get("cancel_on_disconnect"))

    @property
    def by_tags(self) -> bool:
        return is_true(self.router.get("enable_tag_filtering"))

    @property
    def strategy(self) -> str:
        return as_text(self.router.get("routing_strategy") or self.litellm.get("routing_strategy")) or "simple-shuffle"

    def _limits(self, document: Document) -> None:
        for section, settings in (("general_settings", self.general), ("litellm_settings", self.litellm)):
            size = settings.get("max_request_size_mb")
            if size is None:
                continue
            mib = number(size)
            if mib is None or not 0 < mib < 1 << 20:
                self._notes.left(f"{section}.max_request_size_mb", "no size", "it is no number of megabytes")
            else:
                _in(document, "server").setdefault("limits", {"body": max(round(mib * _MIB), 1)})

    def _timeouts(self, document: Document) -> None:
        """The first of them that is there bounds each attempt; LiteLLM's own default of 6000 s is not taken over."""
        places = (
            ("router_settings.stream_timeout", self.router.get("stream_timeout")),
            ("router_settings.timeout", self.router.get("timeout")),
            ("litellm_settings.request_timeout", self.litellm.get("request_timeout")),
        )
        for at, value in places:
            if value is None:
                continue
            limit = seconds(value)
            if limit is None:
                self._notes.left(at, "no duration", "it is no number of seconds")
                continue
            defaults = _in(document, "defaults")
            if "first_byte_timeout" in defaults:
                self._notes.left(at, as_text(value), "another of the timeouts is nearer to what is bounded here")
                continue
            defaults["first_byte_timeout"] = limit
            if limit > 600:
                defaults["timeout"] = limit
            why = "it bounds the wait for the first byte of each attempt; idle_timeout bounds the silences behind it"
            self._notes.changed(at, as_text(value), why)

    def _cache(self, document: Document) -> None:
        params = as_dict(self.litellm.get("cache_params"))
        look(self._notes, CACHE, "litellm_settings.cache_params", given(params), CACHE_PATTERNS)
        if not is_true(self.litellm.get("cache")):
            if params:
                self._notes.left("litellm_settings.cache_params", "a cache", "it is not switched on")
            return
        kind = as_text(params.get("type")) or "local"
        if kind == "disk":
            _in(document, "keeping")["cache_disk"] = _DISK
        if params.get("ttl") is not None:
            if (stays := seconds(params["ttl"], zero=True)) is not None:
                _in(document, "keeping")["cache_ttl"] = stays
            else:
                self._notes.left("litellm_settings.cache_params.ttl", "no duration", "it is no number of seconds")
        where = "in a file" if kind == "disk" else "in the memory of each worker"
        why = f"answers are kept {where}, for the API keys that ask for it, when the same is asked again"
        self._notes.changed(
            "litellm_settings.cache", f"a cache of the type {kind}", why, "glowplug keys create --cached"
        )

    def _callbacks(self, document: Document) -> None:
        for key in _LISTS:
            for name in as_words(self.litellm.get(key)):
                at = f"litellm_settings.{key}"
                match _OURS.get(name):
                    case "metrics":
                        self._notes.taken(at, name, "/metrics is always there; the names are others")
                    case "telemetry":
                        self._telemetry(at, name, document)
                    case _:
                        hint = "most of them take OpenTelemetry, see telemetry.otlp"
                        self._notes.left(at, name, "there are no callbacks of that kind here", hint)
        for name in given(self._callback_settings):
            why = "prompts and answers are never sent" if name in _OURS else "there are no callbacks of that kind here"
            self._notes.left(f"callback_settings.{name}", name, why)

    def _telemetry(self, at: str, name: str, document: Document) -> None:
        variable = next((one for one in _ENDPOINTS if self._env.get(one)), "")
        url = (self._env.get(variable) or "").rstrip("/")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 4317
        except ValueError:
            usable = False
        if not usable:
            why = "no collector that speaks HTTP is named in the environment"
            self._notes.left(at, name, why, "telemetry.otlp says where it is, for example http://127.0.0.1:4318")
            return
        plain = self._env.writable(variable) and url == self._env.get(variable) and not url.endswith("/v1/traces")
        text = f"${{{variable}}}" if plain else escaped(url.removesuffix("/v1/traces"))
        _in(document, "telemetry")["otlp"] = text
        self._notes.changed(at, name, "spans and measurements have other names; prompts and answers are never sent")
        if self._env.get("OTEL_HEADERS") or self._env.get("OTEL_EXPORTER_OTLP_HEADERS"):
            self._notes.left(at, "headers for the collector", "they are written one by one", "see telemetry.headers")


def _in(document: Document, section: str) -> dict[str, Value]:
    return document.setdefault(section, {})
