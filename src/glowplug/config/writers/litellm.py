"""Our configuration document → a `config.yaml` that LiteLLM accepts, for those who go back or stay with both.

No secret is ever written: each is a variable of the environment there.  What LiteLLM has no word for is a note, and a
comment at the top of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.check_routing import served
from glowplug.config.readers.foreign import Note, Outcome, Value
from glowplug.config.readers.litellm.fallbacks import KINDS
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, as_words, number, seconds
from glowplug.config.writers.litellm_models import Deployments, Unwritable
from glowplug.config.writers.yaml_text import yaml_text

_STRATEGIES: Final = {
    "weight": "simple-shuffle", "least-busy": "least-busy", "latency": "latency-based-routing",
    "price": "cost-based-routing",
}  # fmt: skip
_ALIAS: Final = ("targets", "policy", "weights", *KINDS.values())
_LEFT: Final = {
    "engines": "LiteLLM starts no engine",
    "memory": "LiteLLM loads no model",
    "scheduling": "LiteLLM loads no model",
    "groups": "LiteLLM loads no model",
    "keeping": "LiteLLM keeps answers and bodies by rules of its own",
}
_MIB: Final = 1 << 20


@dataclass(frozen=True)
class Exported:
    """A configuration for LiteLLM."""

    text: str
    """The file, with the notes as comments."""
    notes: tuple[Note, ...]


def export(document: Mapping[str, Value], *, providers: ProviderCatalogue) -> Exported:
    """LiteLLM's `config.yaml` of our document, as a file of ours says it (`${NAME}`, not the values); pure."""
    notes = Notes()
    writer = _Writer(document, providers, notes)
    tree = writer.tree()
    return Exported(_comments(notes) + yaml_text(tree), notes.all())


def _comments(notes: Notes) -> str:
    lines = ["# LiteLLM's configuration, written by Glowplug.  Secrets are in the environment."]
    lines += [
        f"# {note.outcome.value}: " + "".join(c if c.isprintable() else "?" for c in str(note))
        for note in notes.all()
        if note.outcome is not Outcome.TAKEN
    ]
    return "\n".join(lines) + "\n"


class _Writer:
    def __init__(self, document: Mapping[str, Value], providers: ProviderCatalogue, notes: Notes) -> None:
        self._document = document
        self._notes = notes
        self._models = as_dict(document.get("models"))
        self._aliases = as_dict(document.get("aliases"))
        server = as_dict(document.get("server"))
        gateway = f"http://127.0.0.1:{number(server.get('port')) or 4000:.0f}"
        self._deployments = Deployments(document, providers, notes, gateway)
        self._ids: set[str] = set()
        self._written: set[str] = set()
        """Public names with at least one deployment."""

    def tree(self) -> dict[str, Value]:
        """All of the file."""
        deployments = [*self._of_aliases(), *self._of_models()]
        router = self._router()
        if any("tags" in as_dict(as_dict(entry).get("litellm_params")) for entry in deployments):
            router["enable_tag_filtering"] = True
        tree: dict[str, Value] = {
            "model_list": deployments,
            "router_settings": router,
            "litellm_settings": self._settings(),
            "general_settings": self._general(),
            **self._telemetry(),
        }
        for section, why in _LEFT.items():
            if as_dict(self._document.get(section)):
                self._notes.left(section, section, why)
        return {section: value for section, value in tree.items() if value}

    # ---- deployments

    def _of_aliases(self) -> Iterator[Value]:
        for name, value in self._aliases.items():
            alias = as_dict(value)
            targets = as_words(alias.get("targets"))
            for target, picked in zip(targets, _picked(alias, targets), strict=True):
                yield from self._deployment(name, target, picked)
            for key in alias:
                if key not in _ALIAS:
                    self._notes.left(f"aliases.{name}.{key}", key, "LiteLLM has no such setting of a name")

    def _of_models(self) -> Iterator[Value]:
        """Models under their own names: those that clients may know, and those that are named as a fallback."""
        inside = {target for alias in self._aliases.values() for target in as_words(as_dict(alias).get("targets"))}
        named = {
            name
            for alias in self._aliases.values()
            for key in KINDS.values()
            for name in as_words(as_dict(alias).get(key))
        }
        named |= set(as_words(as_dict(self._document.get("defaults")).get("fallback")))
        for name, value in self._models.items():
            if name not in inside or name in named or not as_dict(value).get("former_ids"):
                yield from self._deployment(name, name, {})

    def _deployment(self, public: str, target: str, picked: Mapping[str, Value]) -> Iterator[Value]:
        name, model = self._model(target)
        try:
            params = self._deployments.params(name, model)
        except Unwritable as error:
            self._notes.refused(f"models.{target}", target, str(error))
            return
        info = self._deployments.info(model)
        former = as_words(model.get("former_ids"))
        id = former[0] if former else target
        if id not in self._ids:
            self._ids.add(id)
            info = {"id": id.replace("$${", "${"), **info}
        entry: dict[str, Value] = {"model_name": public, "litellm_params": {**params, **picked}}
        if info:
            entry["model_info"] = info
        self._written.add(public)
        yield entry

    def _model(self, target: str) -> tuple[str, dict[str, Value]]:
        """The model of a target; of one that a name with a `*` stands for, with its id filled in."""
        if target in self._models:
            return target, as_dict(self._models[target])
        many = sorted((name for name in self._models if served(target, [name])), key=len, reverse=True)
        if not many:
            return target, {}
        model = as_dict(self._models[many[0]])
        return target, {
            **model,
            "id": as_text(model.get("id")).replace("*", target[len(many[0]) - 1 :]),
            "former_ids": None,
        }

    # ---- settings

    def _router(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        if strategy := self._strategy():
            found["routing_strategy"] = strategy
        for kind, key in KINDS.items():
            entries: list[Value] = []
            for name, alias in self._aliases.items():
                others = as_dict(alias).get(key)
                if name in self._written and others is not None and (as_words(others) or key == "fallback"):
                    entries.append({name: self._others(f"aliases.{name}.{key}", as_words(others))})
            if entries:
                found[kind] = entries
        defaults = as_dict(self._document.get("defaults"))
        everybody = self._others("defaults.fallback", as_words(defaults.get("fallback")))
        if everybody:
            found["default_fallbacks"] = everybody
        limit = seconds(defaults.get("first_byte_timeout"))
        if limit is not None:
            found["stream_timeout"] = limit
        for key in defaults:
            if key not in ("fallback", "first_byte_timeout"):
                self._notes.left(f"defaults.{key}", key, "LiteLLM has no such setting")
        return found

    def _others(self, at: str, names: list[str]) -> list[Value]:
        found: list[Value] = []
        for name in names:
            if name in self._written or served(name, [one for one in self._written if one.endswith("*")]):
                found.append(name)
            else:
                self._notes.refused(at, name, "it could not be written")
        return found

    def _strategy(self) -> str:
        """LiteLLM has one for all: that of the most aliases whose targets are not simply asked in their order."""
        policies = [
            as_text(alias.get("policy"))
            for alias in map(as_dict, self._aliases.values())
            if len(as_words(alias.get("targets"))) > 1 and as_text(alias.get("policy")) in _STRATEGIES
        ]
        if not policies:
            return ""
        chosen = max(dict.fromkeys(policies), key=policies.count)
        for name, alias in self._aliases.items():
            policy = as_text(as_dict(alias).get("policy"))
            if policy in _STRATEGIES and policy != chosen and len(as_words(as_dict(alias).get("targets"))) > 1:
                why = f"LiteLLM has one strategy for all names, and {_STRATEGIES[chosen]} is that of the most"
                self._notes.changed(f"aliases.{name}.policy", policy, why)
        return _STRATEGIES[chosen]

    def _settings(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        if as_dict(self._document.get("server")).get("log_format") == "json":
            found["json_logs"] = True
        if as_dict(self._document.get("telemetry")).get("otlp"):
            found["callbacks"] = ["otel"]
            why = "LiteLLM starts only with opentelemetry-sdk and opentelemetry-exporter-otlp installed beside it"
            self._notes.changed("telemetry.otlp", "callbacks: otel", why)
        return found

    def _general(self) -> dict[str, Value]:
        found: dict[str, Value] = {"master_key": "os.environ/LITELLM_MASTER_KEY"}
        server = as_dict(self._document.get("server"))
        body = number(as_dict(server.get("limits")).get("body"))
        if body is not None:
            found["max_request_size_mb"] = max(round(body / _MIB), 1)
        for key in server:
            if key not in ("log_format", "limits"):
                self._notes.left(f"server.{key}", key, "it is said on LiteLLM's command line, or not at all")
        return found

    def _telemetry(self) -> dict[str, Value]:
        telemetry = as_dict(self._document.get("telemetry"))
        url = as_text(telemetry.get("otlp"))
        if telemetry.get("headers"):
            self._notes.left("telemetry.headers", "headers", "they are secrets", "set OTEL_HEADERS")
        if not url or "${" in url:
            if url:
                self._notes.changed("telemetry.otlp", url, "set OTEL_ENDPOINT and OTEL_EXPORTER in the environment")
            return {}
        return {"environment_variables": {"OTEL_EXPORTER": "otlp_http", "OTEL_ENDPOINT": url}}


def _picked(alias: Mapping[str, Value], targets: list[str]) -> list[dict[str, Value]]:
    """`order` and `weight` of each target."""
    policy, weights = as_text(alias.get("policy")) or "order", as_dict(alias.get("weights"))
    if len(targets) == 1:
        return [{}]
    if policy == "order":
        return [{"order": number_} for number_ in range(1, len(targets) + 1)]
    if policy != "weight":
        return [{} for _ in targets]
    shares = [number(weights.get(target, 1)) or 0.0 for target in targets]
    picked: list[dict[str, Value]] = [{"weight": int(share)} for share in shares]
    if any(not share for share in shares):
        picked = [{"weight": int(share), "order": 1} if share else {"order": 2} for share in shares]
    return picked
