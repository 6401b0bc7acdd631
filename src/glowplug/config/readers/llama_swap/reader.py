"""The entry: llama-swap's configuration → our document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from glowplug.config.nearest import did_you_mean
from glowplug.config.readers.foreign import Foreign, Value
from glowplug.config.readers.keys import given, look
from glowplug.config.readers.llama_swap.keys import GROUP, HOOKS, PEER, SELECTOR, TOP
from glowplug.config.readers.llama_swap.macros import Macros, ours, variables
from glowplug.config.readers.llama_swap.models import Models, Unusable, requests
from glowplug.config.readers.local import usable
from glowplug.config.readers.names import Names, fits
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.plain import read_plain
from glowplug.config.readers.values import as_dict, as_text, as_words, is_true, number, seconds
from glowplug.secret import Secret

_KEY = re.compile(r"[\x21-\x7e]+")
_LEVELS: Final = {"debug": "debug", "info": "info", "warn": "warning", "warning": "warning", "error": "error"}
_OWN_PORT: Final = 4000
_SHORTEST: Final = 15.0
"""Seconds llama-swap waits at least for a model to be ready."""


@dataclass(frozen=True)
class LlamaSwap(Foreign):
    """llama-swap's configuration, read."""

    api_keys: tuple[Secret, ...] = ()
    """`apiKeys` that are written down: what clients have been given."""


def read(text: str | bytes, *, name: str = "llama-swap config.yaml") -> LlamaSwap:
    """Our document of llama-swap's `config.yaml`; pure.

    `${env.NAME}` is `${NAME}` in the document.  Raises ConfigError with the line when it is no YAML; everything else
    that is wrong is a note.
    """
    notes = Notes()
    plain = read_plain(text, name)
    for problem in plain.repeated:
        notes.changed(problem.path, f"the same name twice, the second in line {problem.line}", "the first one stands")
    reader = _Reader(plain.values, notes)
    reader.run()
    return LlamaSwap(name, reader.document(), reader.secrets, notes.all(), api_keys=reader.api_keys())


class _Reader:
    def __init__(self, tree: Mapping[str, Value], notes: Notes) -> None:
        self._tree = tree
        self._notes = notes
        self._settings: dict[str, dict[str, Value]] = {}
        self._models: dict[str, dict[str, Value]] = {}
        self._providers: dict[str, Value] = {}
        self._aliases: dict[str, Value] = {}
        self._groups: dict[str, Value] = {}
        self._names = Names()
        self._known: dict[str, str] = {}
        """Every name of llama-swap's that a request may use → our model."""
        self.secrets: dict[str, Secret] = {}

    def run(self) -> None:
        look(self._notes, TOP, "", given(self._tree))
        self._general()
        self._read_models()
        peers = self._peers()
        self._read_aliases()
        self._bare(peers)
        self._selectors()
        self._routing()
        hooks = as_dict(as_dict(self._tree.get("hooks")).get("on_startup"))
        look(self._notes, HOOKS, "hooks.on_startup", given(hooks))
        for profile in as_dict(self._tree.get("profiles")):
            self._notes.left(f"profiles.{profile}", profile, "names are switched by changing an alias")

    def document(self) -> dict[str, dict[str, Value]]:
        sections: dict[str, dict[str, Value]] = {
            **self._settings, "providers": self._providers, "models": dict(self._models), "aliases": self._aliases,
            "groups": self._groups,
        }  # fmt: skip
        return {section: values for section, values in sections.items() if values}

    def api_keys(self) -> tuple[Secret, ...]:
        keys = [Macros(self._tree.get("macros")).fill(key).text for key in as_words(self._tree.get("apiKeys"))]
        for number_, key in enumerate(keys):
            why = "a client's key is a key of the role user here once it is imported"
            if variables(key):
                why = "it is in the environment, so it cannot be made known here"
            self._notes.changed(f"apiKeys[{number_}]", "a key", why, "glowplug keys create makes one")
        return tuple(Secret(key) for key in keys if key and not variables(key))

    # ---- settings

    def _general(self) -> None:
        level = _LEVELS.get(as_text(self._tree.get("logLevel")).lower())
        if level:
            self._settings["server"] = {"log_level": level}
        defaults: dict[str, Value] = {}
        ttl = number(self._tree.get("globalTTL")) or 0.0
        defaults["keep_alive"] = (seconds(ttl) if ttl > 0 else None) or -1  # ten years are for ever
        if ttl <= 0:
            why = "idle models are kept, as there; they are unloaded when another needs the memory"
            self._notes.taken("globalTTL", "never", why)
        loads = seconds(self._tree.get("healthCheckTimeout"))
        if loads is not None:
            defaults["load_ceiling"] = max(loads, _SHORTEST)
        ends = seconds(self._tree.get("unloadTimeout"))
        if ends is not None:
            defaults["stop_timeout"] = ends
        if as_dict(self._tree.get("models")):
            self._settings["defaults"] = defaults

    # ---- models

    def _read_models(self) -> None:
        models = as_dict(self._tree.get("models"))
        for id in models:
            if fits(id):
                self._names.reserve(id)
        maker = Models(self._tree.get("macros"), self._notes)
        ports = {_OWN_PORT: "Glowplug itself"}
        for id, model in models.items():
            try:
                entry = maker.entry(id, as_dict(model))
                port = entry.get("port")
                if isinstance(port, int) and ports.setdefault(port, id) != id:
                    raise Unusable(f"its port {port} is that of {ports[port]} too")
            except Unusable as error:
                hint = "write ${PORT} in its cmd" if "port" in str(error) else ""
                self._notes.refused(f"models.{id}", id, str(error), hint)
                continue
            name = id if fits(id) else self._names.take(id)
            if name != id:
                why = "names are made of letters, digits and . _ : / @ -"
                self._notes.changed(f"models.{id}", f"the name {name}", why)
            self._models[name] = entry
            self._known[id] = name
            self._notes.taken(f"models.{id}", f"{id} runs on {entry['engine']}")

    def _read_aliases(self) -> None:
        for id, model in as_dict(self._tree.get("models")).items():
            for alias in as_words(as_dict(model).get("aliases")) if id in self._known else ():
                self._alias(f"models.{id}.aliases", alias, {"targets": [self._known[id]]}, self._known[id])

    def _alias(self, at: str, public: str, entry: dict[str, Value], model: str = "") -> None:
        if public in self._known:
            self._notes.refused(at, public, "the name is another model's too")
            return
        name = self._names.take(public)
        if name != public:
            self._notes.changed(at, f"the name {name}", "the other cannot be used, or is taken")
        self._aliases[name] = entry
        if model:
            self._known[public] = model

    def _selectors(self) -> None:
        for public, value in as_dict(self._tree.get("selectors")).items():
            at, selector = f"selectors.{public}", as_dict(value)
            look(self._notes, SELECTOR, at, given(selector))
            targets = list(dict.fromkeys(self._resolved(f"{at}.targets", as_words(selector.get("targets")))))
            if not targets:
                self._notes.refused(at, public, "none of its targets is there")
                continue
            entry: dict[str, Value] = {"targets": list(targets)}
            match as_text(selector.get("strategy")):
                case "pin":
                    entry["targets"] = [targets[0]]
                case "spillover":
                    entry["policy"] = "least-busy"
                    self._notes.changed(at, "spillover", "the nearest is least-busy: who has the fewest requests")
                case strategy:
                    entry["cold"] = "reject"
                    why = "the first that is loaded answers; when none is, the request is refused"
                    self._notes.changed(at, strategy or "warm", why, "cold: wait loads the first")
            self._alias(at, public, entry)

    def _resolved(self, at: str, names: list[str]) -> list[str]:
        found = []
        for name in names:
            if name in self._known:
                found.append(self._known[name])
            else:
                self._notes.refused(at, name, "there is no such model", did_you_mean(name, self._known, "models"))
        return found

    # ---- peers

    def _peers(self) -> dict[str, list[str]]:
        """The ids of their models → the names with the peer in front."""
        places: dict[str, list[str]] = {}
        for peer, value in as_dict(self._tree.get("peers")).items():
            for name in self._peer(peer, as_dict(value)):
                places.setdefault(name, []).append(f"{peer}/{name}")
        return places

    def _bare(self, peers: Mapping[str, list[str]]) -> None:
        """The id alone names a peer's model where just one peer has it, and nothing here is called so."""
        for name, places in peers.items():
            if len(places) == 1 and name not in self._known:
                self._alias(f"peers.{places[0]}", name, {"targets": [self._known[places[0]]]}, self._known[places[0]])

    def _peer(self, peer: str, value: Mapping[str, Value]) -> list[str]:
        """The ids of its models."""
        at = f"peers.{peer}"
        look(self._notes, PEER, at, given(value))
        macros = Macros(self._tree.get("macros"))
        proxy = macros.fill(value.get("proxy"))
        url = proxy.text.rstrip("/")
        if not variables(url) and not usable(url):
            self._notes.refused(at, peer, "its address is no http:// or https:// URL")
            return []
        entry: dict[str, Value] = {"base_url": ours(url if url.endswith("/v1") else f"{url}/v1")}
        key = macros.fill(value.get("apiKey"))
        if key.text and not variables(key.text) and not _KEY.fullmatch(key.text):
            self._notes.refused(f"{at}.apiKey", peer, "its key has characters in it that cannot be sent")
            return []
        if key.text:
            entry["api_key"] = key.ours() if variables(key.text) else self._secret(peer, key.text)
        provider = Names(self._providers).take(peer)
        self._providers[provider] = entry
        more = requests(at, value, macros, self._notes)
        ids = list(dict.fromkeys(as_words(value.get("models"))))
        for id in ids:
            public = f"{peer}/{id}"
            name = self._names.take(public)
            if name != public:
                self._notes.changed(f"{at}.models", f"the name {name}", f"{public} cannot be used, or is taken")
            self._models[name] = {"provider": provider, "id": ours(macros.fill(id).text), **more}
            self._known[public] = name
        return ids

    def _secret(self, peer: str, value: str) -> str:
        name = Names(self.secrets).take(f"llama-swap-{peer}-1".replace("/", "-").replace(":", "-"))
        self.secrets[name] = Secret(value)
        return f"secret:{name}"

    # ---- who may be loaded together

    def _routing(self) -> None:
        routing = as_dict(self._tree.get("routing"))
        settings = as_dict(as_dict(routing.get("router")).get("settings"))
        fifo = as_dict(as_dict(as_dict(routing.get("scheduler")).get("settings")).get("fifo"))
        for id, value in as_dict(fifo.get("priority")).items():
            rank, name = number(value), self._known.get(id, "")
            if rank is not None and "engine" in self._models.get(name, {}):
                self._models[name]["priority"] = int(max(-100.0, min(100.0, rank)))
        if as_dict(settings.get("matrix")) or as_dict(self._tree.get("matrix")):
            why = "models are loaded beside each other where the memory allows it"
            self._notes.left("matrix", "sets of models", why, "groups say what may not be loaded together")
        groups = {**as_dict(self._tree.get("groups")), **as_dict(settings.get("groups"))}
        kept = any(is_true(as_dict(group).get("persistent")) for group in groups.values())
        for group, value in groups.items():
            self._group(group, as_dict(value), kept)
        if self._models and not groups:
            why = "there, one model at a time; here, as many as the memory holds"
            self._notes.changed("groups", "no groups", why, "a group of all models with most: 1 is as it was")

    def _group(self, group: str, value: Mapping[str, Value], kept: bool) -> None:
        at = f"groups.{group}"
        look(self._notes, GROUP, at, given(value))
        names = self._resolved(f"{at}.members", as_words(value.get("members")))
        members = [name for name in dict.fromkeys(names) if "engine" in self._models[name]]
        swap, exclusive = value.get("swap") is not False, value.get("exclusive") is not False
        if is_true(value.get("persistent")):
            for name in members:
                self._models[name]["pinned"] = True
        if exclusive and kept:
            why = "a group that no other is loaded beside would shut out those that are never unloaded"
            self._notes.changed(f"{at}.exclusive", group, why, "the memory decides what is loaded beside it")
            exclusive = False
        if not members or (not exclusive and (not swap or len(members) == 1)):
            self._notes.taken(at, f"{group}: its models may be loaded together")
            return
        entry: dict[str, Value] = {"members": list(members), "most": 1 if swap else len(members)}
        if exclusive:
            entry["exclusive"] = True
        self._groups[Names(self._groups).take(group)] = entry
        self._notes.taken(at, group)
