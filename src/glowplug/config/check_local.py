"""What an engine's model must and must not have: what its engine needs, and settings that belong together.  Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from glowplug.config.catalogue import EngineCatalogue
from glowplug.config.kinds import Launcher, OptionValue
from glowplug.config.lines import Path
from glowplug.config.nearest import did_you_mean
from glowplug.config.schema_models import Engine, Model, Ready, Stop

_EXAMPLES = {
    "path": "path: ~/models/hermes.gguf",
    "id": "id: mistral:7b",
    "command": "command: [whisper-server, --port, '{port}']",
    "unit": "unit: whisper.service",
    "ready": "ready: {http: /health}",
}
_OWNED_MEMBERS = ("model", "messages", "prompt", "input", "stream")
_DEVICE = re.compile(r"gpu(0|[1-9][0-9]{0,2})|host")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,240}")
_NOT_AN_END = ("SIGKILL", "SIGSTOP", "SIGCONT")


class Found(NamedTuple):
    """One thing that is wrong: at what path, what, and what to do."""

    path: Path
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Given:
    """What the file gives below one model, and what of that could not be had (an unset variable)."""

    at: Path
    paths: Set[Path]
    lost: Set[Path]

    def has(self, *steps: str) -> bool:
        return (*self.at, *steps) in self.paths

    def usable(self, *steps: str) -> bool:
        """It is given, and its value is known."""
        return self.has(*steps) and (*self.at, *steps) not in self.lost


def check_local(model: Model, section: Engine, given: Given, engines: EngineCatalogue) -> Iterator[Found]:
    """Everything that is wrong with a model whose engine is known.  `section`: what the file says of that engine."""
    engine = model.engine or ""
    needed = {name for need in engines.needs(engine) for name in need.split("|")}
    yield from _needs(engine, given, engines)
    yield from _strangers(engine, needed, given)
    yield from _unit(model, section, given)
    yield from _launcher(model, section, given)
    for number, device in enumerate(model.devices or ()):
        if not _DEVICE.fullmatch(device) and given.usable("devices"):
            hint = "write gpu0, gpu1 … or host; glowplug memory lists them"
            yield Found((*given.at, "devices", number), "is no name of a device", hint)
    if model.ready is not None:
        yield from _ready(model.ready, given)
    if model.stop is not None:
        yield from _stop(model.stop, given)


def _needs(engine: str, given: Given, engines: EngineCatalogue) -> Iterator[Found]:
    for need in engines.needs(engine):
        names = need.split("|")
        there = [name for name in names if given.has(name)]
        if not there:
            hint = "for example " + " or ".join(_EXAMPLES.get(name, name) for name in names)
            yield Found((*given.at, names[0]), f"{' or '.join(names)} is missing", hint)
        elif len(there) > 1:
            yield Found(
                (*given.at, there[1]), f"{' and '.join(there)} are both given; {engine} takes one", "remove one of them"
            )


def _strangers(engine: str, needed: Set[str], given: Given) -> Iterator[Found]:
    """Fields that this engine would not look at: they would be believed to do something."""
    places = sorted({"path", "id"} & needed)
    if places:
        for name in sorted({"path", "id"} - needed):
            if given.has(name):
                yield Found((*given.at, name), f"is not used by {engine}, which takes {places[0]}", "remove it")
    if needed & {"command", "unit"}:
        return
    for name, why in (
        ("unit", "starts its own processes"),
        ("ready", "knows itself how it is asked"),
        ("stop", "knows itself how it is ended"),
    ):
        if given.has(name) and name not in needed:
            yield Found((*given.at, name), f"is not used by {engine}, which {why}", "remove it")


def _unit(model: Model, section: Engine, given: Given) -> Iterator[Found]:
    if not given.has("unit"):
        return
    if model.unit is not None and given.usable("unit") and not _UNIT.fullmatch(model.unit):
        yield Found((*given.at, "unit"), "is no name of a unit", "for example whisper.service")
    if not given.has("port"):
        yield Found((*given.at, "port"), "port is missing", "say where the unit listens, for example port: 8188")
    launcher = model.launcher or section.launcher
    if launcher not in (Launcher.AUTO, Launcher.SYSTEMD):
        yield Found(
            (*given.at, "unit"), f"is run by systemd, and the launcher is {launcher.value}", "use launcher: systemd"
        )
    for name in ("args", "env"):
        if given.has(name):
            yield Found((*given.at, name), "does not apply to a unit, which has its own", "set it in the unit")


def _launcher(model: Model, section: Engine, given: Given) -> Iterator[Found]:
    launcher = model.launcher or section.launcher
    if launcher is Launcher.CONTAINER:
        if not given.has("image") and not section.image:
            at = (*given.at, "launcher") if given.has("launcher") else given.at
            yield Found(at, "a container needs an image", "add image: NAME, here or under engines:")
    elif given.has("image"):
        yield Found(
            (*given.at, "image"), f"is for a container, and the launcher is {launcher.value}", "add launcher: container"
        )


def _ready(ready: Ready, given: Given) -> Iterator[Found]:
    at = (*given.at, "ready")
    ways = [name for name in ("http", "log") if given.has("ready", name)] + (["tcp"] if ready.tcp else [])
    if len(ways) != 1:
        hint = "give one of http: /health, log: EXPRESSION and tcp: true"
        yield Found(at, _one_of("needs", ways), hint)
    if ready.http is not None and given.usable("ready", "http") and not _is_path(ready.http):
        yield Found((*at, "http"), "is no path on the engine's port", "for example /health")
    if given.has("ready", "status") and not given.has("ready", "http"):
        yield Found((*at, "status"), "goes with http", "remove it, or add http: /health")
    if ready.log is not None and given.usable("ready", "log"):
        yield from _expression((*at, "log"), ready.log)


def _expression(at: Path, text: str) -> Iterator[Found]:
    if not text:
        yield Found(at, "must not be empty", "an empty expression matches every line")
        return
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        yield Found(at, f"is no regular expression: {error}", "put a \\ before signs that stand for themselves")


def _stop(stop: Stop, given: Given) -> Iterator[Found]:
    at = (*given.at, "stop")
    ways = [name for name in ("http", "argv", "signal") if given.has("stop", name)]
    if len(ways) != 1:
        yield Found(at, _one_of("needs", ways), "give one of http: /shutdown, argv: [PROGRAM] and signal: SIGINT")
    if stop.http is not None and given.usable("stop", "http") and not _is_path(stop.http):
        yield Found((*at, "http"), "is no path on the engine's port", "for example /shutdown")
    if stop.argv is not None and given.usable("stop", "argv") and not stop.argv[0]:
        yield Found((*at, "argv"), "must begin with a program", "for example [docker, stop, whisper]")
    if stop.signal is not None and given.usable("stop", "signal"):
        yield from _signal((*at, "signal"), stop.signal)


def _signal(at: Path, name: str) -> Iterator[Found]:
    known = [number.name for number in signal.Signals if number.name not in _NOT_AN_END]
    if name in _NOT_AN_END:
        yield Found(at, f"{name} does not ask a program to end", "leave it out; SIGKILL follows after stop_timeout")
    elif name not in known:
        yield Found(at, f"there is no signal {name}", did_you_mean(name, known, "signals"))


def _one_of(verb: str, ways: list[str]) -> str:
    return f"{verb} one way, not {' and '.join(ways)}" if ways else f"{verb} one way, and has none"


def _is_path(text: str) -> bool:
    return re.fullmatch(r"/[\x21-\x7e]*", text) is not None


def check_request_defaults(at: Path, members: Mapping[str, OptionValue]) -> Iterator[Found]:
    """Members that only the client can say."""
    for name in members:
        if name in _OWNED_MEMBERS:
            yield Found((*at, "request_defaults", name), "is what a request itself has to say", "remove it")
