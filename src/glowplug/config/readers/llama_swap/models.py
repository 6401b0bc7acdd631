"""`models.NAME` of llama-swap → a model of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.keys import given, look
from glowplug.config.readers.llama_swap.commands import Command, NoCommand, command, stop, with_port
from glowplug.config.readers.llama_swap.keys import CAPABILITIES, FILTERS, MODEL, TIMEOUTS
from glowplug.config.readers.llama_swap.macros import Filled, Macros, ours
from glowplug.config.readers.local import is_loopback, port_of
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_list, as_words, is_true, member, number, seconds, whole

_OWNED: Final = ("model", "messages", "prompt", "input", "stream")
_MEMBER = re.compile(r"[A-Za-z0-9._:/@-]{1,200}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"/[\x21-\x7e]*")


class Unusable(ValueError):
    """A model that cannot be served; says why."""


class Models:
    """Makes models, with notes."""

    def __init__(self, macros: Value, notes: Notes) -> None:
        self._macros = macros
        self._notes = notes

    def entry(self, id: str, model: Mapping[str, Value]) -> dict[str, Value]:
        """An entry of `models`.  Raises Unusable."""
        at = f"models.{id}"
        look(self._notes, MODEL, at, given(model))
        macros = Macros(self._macros, model.get("macros"), fixed={"MODEL_ID": id})
        found = self._started(at, model, macros)
        self._env(at, model, macros, found)
        self._times(at, model, found)
        limit = whole(model.get("concurrencyLimit"), 1, 100_000)
        if limit is not None:
            found["max_concurrency"] = limit
        found |= requests(at, model, macros, self._notes)
        self._capabilities(at, model, found)
        if is_true(model.get("unlisted")):
            self._notes.changed(
                f"{at}.unlisted", id, "every name that a key may use is listed", "keys name their models"
            )
        return found

    def _started(self, at: str, model: Mapping[str, Value], macros: Macros) -> dict[str, Value]:
        filled = macros.fill(model.get("cmd"))
        if not filled.text.strip():
            raise Unusable("its cmd is missing")
        if filled.unknown:
            raise Unusable(f"nobody says what ${{{filled.unknown}}} is")
        try:
            made = command(filled.text)
        except NoCommand as error:
            raise Unusable(f"its cmd: {error}") from None
        found = dict(made.fields)
        self._port(at, model, macros, made, found)
        self._asked(at, model, macros, made, found)
        return found

    def _port(
        self, at: str, model: Mapping[str, Value], macros: Macros, made: Command, found: dict[str, Value]
    ) -> None:
        """A port of its own, where its command does not take the one it is given."""
        proxy = macros.fill(model.get("proxy") or "http://localhost:${PORT}").text
        if made.port and "${PORT}" in proxy:
            return
        if not is_loopback(proxy.replace("${PORT}", "1")):
            raise Unusable("its server listens at another address than this machine's own")
        if made.engine != "command":
            if model.get("proxy") is not None:
                self._notes.changed(f"{at}.proxy", "an address", f"{made.engine} is told its port at every start")
            return
        port = port_of(proxy) if "${PORT}" not in proxy else 0
        if not port:
            raise Unusable("nothing says at which port it listens")
        placed = with_port(as_words(found["command"]), port)
        if placed is None:
            found["port"] = port
        else:
            found["command"] = list(placed)

    def _asked(
        self, at: str, model: Mapping[str, Value], macros: Macros, made: Command, found: dict[str, Value]
    ) -> None:
        """How it is asked whether it is ready, how it ends, and by which name."""
        check, ending = macros.fill(model.get("checkEndpoint")).text, macros.fill(model.get("cmdStop")).text
        name = macros.fill(model.get("useModelName"))
        if made.engine != "command":
            for key, text in (("checkEndpoint", check), ("cmdStop", ending), ("useModelName", name.text)):
                if text:
                    self._notes.left(f"{at}.{key}", key, f"what is known of {made.engine} is used instead")
            return
        if check == "none":
            found["ready"] = {"tcp": True}
        else:
            path = check if _PATH.fullmatch(check) else "/health"
            if check and path != check:
                self._notes.changed(f"{at}.checkEndpoint", check, "it is no path; /health is asked")
            found["ready"] = {"http": ours(path)}
        if ending.strip():
            try:
                found["stop"] = {"argv": list(stop(ending))}
            except NoCommand as error:
                self._notes.left(f"{at}.cmdStop", "a command", str(error))
        if name.text:
            found["id"] = name.ours()

    def _env(self, at: str, model: Mapping[str, Value], macros: Macros, found: dict[str, Value]) -> None:
        env: dict[str, Value] = {}
        for number_, item in enumerate(as_list(model.get("env"))):
            filled = macros.fill(item)
            name, equals, value = filled.text.partition("=")
            if not equals or not _VARIABLE.fullmatch(name):
                self._notes.left(f"{at}.env[{number_}]", "no variable", "it is written NAME=value")
            else:
                env[name] = ours(value)
        if env:
            found["env"] = env

    def _times(self, at: str, model: Mapping[str, Value], found: dict[str, Value]) -> None:
        ttl = number(model.get("ttl"))
        if ttl is not None and ttl >= 0:
            found["keep_alive"] = seconds(ttl) or -1  # ten years are for ever, and so is 0
        elif model.get("ttl") not in (None, -1):
            self._notes.left(f"{at}.ttl", "no time", "it is no number of seconds")
        ends = seconds(model.get("unloadTimeout"))
        if ends is not None:
            found["stop_timeout"] = ends

    def _capabilities(self, at: str, model: Mapping[str, Value], found: dict[str, Value]) -> None:
        said = as_dict(model.get("capabilities"))
        look(self._notes, CAPABILITIES, f"{at}.capabilities", given(said))
        window = whole(said.get("context"), 1, 1 << 53)
        if window is not None:
            found["context_window"] = window
        out = as_words(said.get("out"))
        if is_true(said.get("reranker")):
            found["capabilities"] = ["rerank"]
        elif out and "text" not in out:
            kinds = [kind for word, kind in (("audio", "speech"), ("image", "images")) if word in out]
            if kinds and found.get("engine") == "command":
                found["capabilities"] = list(kinds)


def requests(at: str, model: Mapping[str, Value], macros: Macros, notes: Notes) -> dict[str, Value]:
    """Timeouts and filters, which models and peers have alike."""
    found: dict[str, Value] = {}
    timeouts = as_dict(model.get("timeouts"))
    look(notes, TIMEOUTS, f"{at}.timeouts", given(timeouts))
    for key, field in (("connect", "connect_timeout"), ("responseHeader", "first_byte_timeout")):
        limit = seconds(timeouts.get(key))
        if limit is not None:
            found[field] = limit
    filters = as_dict(model.get("filters"))
    look(notes, FILTERS, f"{at}.filters", given(filters))
    defaults: dict[str, Value] = {}
    for key, value in as_dict(filters.get("setParams")).items():
        usable = _filled(macros, value)
        if key in _OWNED or not _MEMBER.fullmatch(key):
            notes.left(f"{at}.filters.setParams.{key}", key, "it is what a request itself has to say")
        elif usable is None:
            notes.left(f"{at}.filters.setParams.{key}", key, "only single values can be put into requests")
        else:
            defaults[key] = usable
    if defaults:
        found["request_defaults"] = defaults
        why = "they are put into requests that do not have them; what a request says stands"
        notes.changed(f"{at}.filters.setParams", ", ".join(defaults), why)
    return found


def _filled(macros: Macros, value: Value) -> str | int | float | bool | None:
    if not isinstance(value, str) or "${" not in value:
        return member(value)
    filled: Filled = macros.fill(value)
    plain = number(filled.text)
    return filled.ours() if plain is None else int(plain) if plain == int(plain) else plain
