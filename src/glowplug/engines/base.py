"""What an engine adapter has to know.  One file and one row in `registry` add an engine.

An adapter is a value without state: it says how the program is started, what its health answer means and what its log
says.  It starts nothing and connects to nothing; the lifecycle manager does.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from glowplug.config.nearest import did_you_mean
from glowplug.domain.footprint import Footprint, Place
from glowplug.domain.hardware import Device
from glowplug.domain.instance import Endpoint, Failure
from glowplug.domain.model import Capability, LocalModel, Ready
from glowplug.errors import Problem

OptionValue = str | int | float | bool


class Readiness(StrEnum):
    """What one probe of an engine found."""

    READY = "ready"
    LOADING = "loading"
    REFUSED = "refused"
    """Nothing listens there yet."""
    SILENT = "silent"
    """It accepted the connection and did not answer in time."""
    WRONG = "wrong"
    """Something answers, but it is not this instance."""


@dataclass(frozen=True, slots=True)
class Option:
    """One typed option of an engine.  `flags`: spellings over the versions, newest first."""

    flags: tuple[str, ...]
    kind: type[str] | type[int] | type[float] | type[bool]
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None

    @property
    def takes(self) -> str:
        """What it takes, to go on after "must be"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        least = f" of at least {self.minimum:g}" if self.minimum is not None else ""
        return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[self.kind] + least

    def problem(self, value: OptionValue) -> str:
        """Why this value cannot be used, or an empty string.  The value is not repeated: it may come from a secret."""
        accepted = (int, float) if self.kind is float else (self.kind,)
        good = isinstance(value, accepted) and (self.kind is bool or not isinstance(value, bool))
        if good and self.choices:
            good = value in self.choices
        if good and self.minimum is not None and isinstance(value, (int, float)):
            good = value >= self.minimum  # and no NaN
        return "" if good else f"must be {self.takes}"


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is, read from the log: a stage for people and 0..1 (None when unknown)."""

    stage: str = ""
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request an engine asks its manager to send it, with the launch key."""

    method: str
    path: str
    body: bytes = b""
    """JSON, or empty."""
    timeout: float = 10.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """How an instance is asked to end: by a signal to its whole group, else by `request` or `argv` (the signal follows
    when that fails).  SIGKILL comes after the model's `stop_timeout` in any case."""

    signal: int = signal.SIGTERM
    request: Request | None = None
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sleeping:
    """How an instance gives its memory back without ending.  The requests of each are sent one after the other."""

    sleep: tuple[Request, ...]
    wake: tuple[Request, ...]
    residual: float = 0.25
    """The share of its measured memory that it may still hold asleep; if it holds more it is stopped instead."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What an engine says of itself once it is ready."""

    warnings: tuple[str, ...] = ()
    """Odd but usable, each a sentence: `the context was shrunk from 32768 to 8192 tokens`."""
    failure: Failure | None = None
    """It runs, and may not be used like this (it was given a device and loaded without)."""
    device: int | None = None
    """Bytes it says it allocated on accelerators, where it says so."""


class Engine(Protocol):
    """One kind of local server."""

    @property
    def name(self) -> str: ...

    @property
    def default_command(self) -> tuple[str, ...]:
        """How its program is started when the configuration does not say."""
        ...

    @property
    def options(self) -> Mapping[str, Option]:
        """The options a model of this engine may set."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    @property
    def default_capabilities(self) -> tuple[Capability, ...]:
        """What a model of this engine can be asked for when the configuration does not say."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The fields of a model that this engine cannot do without; a tuple of alternatives is written `path|id`."""
        ...

    @property
    def hosted(self) -> bool:
        """Its models are loaded by a daemon that serves many of them, instead of by a process each."""
        ...

    @property
    def help_argument(self) -> str:
        """The argument that makes the program list its flags; empty when there is none."""
        ...

    @property
    def health_path(self) -> str:
        """Asked until `read_health` calls it ready; empty where each model says how it is found ready (`ready_by`)."""
        ...

    @property
    def identity_path(self) -> str:
        """Asked with the launch key once the health is good, so that a stranger on the port is not mistaken for it;
        empty for engines that cannot be told from one."""
        ...

    def argv(
        self, model: LocalModel, endpoint: Endpoint, known: frozenset[str] | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        """The whole command line.  `known`: flags the program lists; None when that could not be found out.
        `place`: what it was given; None where the identity of the command matters and not this launch."""
        ...

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        """Variables added to the clean environment, the model's own included."""
        ...

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        """What it will need, by the best rung of the ladder this engine has below `learned`, or None when the engine
        cannot tell.  Reads files and may take a second: call it in a thread."""
        ...

    def secrets(self, endpoint: Endpoint) -> dict[str, str]:
        """Variables that carry the key of one launch: other users can read a command line, not an environment."""
        ...

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        """What can be seen to be wrong before anything is started (reads the file system, starts nothing)."""
        ...

    def read_health(self, status: int, body: bytes, model: LocalModel) -> Readiness: ...

    def read_identity(self, status: int, body: bytes, model: LocalModel) -> str:
        """Empty when the answer comes from this instance, else what is odd about it."""
        ...

    @property
    def report_path(self) -> str:
        """Asked once after readiness, for `report`; empty for engines that say nothing of themselves."""
        ...

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        """What its log and the answer of `report_path` (empty when there was none) say about the load."""
        ...

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping: ...

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        """How it sleeps, or None when this model does not or this version cannot."""
        ...

    def classify(self, exit_code: int | None, log_lines: Sequence[str]) -> Failure:
        """Why it ended.  `exit_code`: negative for a signal, None when unknown (it was not our child)."""
        ...

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]: ...

    def progress(self, log_lines: Sequence[str]) -> LoadProgress: ...


def ready_by(engine: Engine, model: LocalModel) -> Ready:
    """How an instance is found to be ready: by the engine's own path, else as the model says, else by its port."""
    if engine.health_path:
        return Ready(http=engine.health_path)
    ready = model.ready or Ready()
    return ready if ready.http or ready.log else Ready(tcp=True)


def visible_devices(place: Place | None, own: Mapping[str, str]) -> dict[str, str]:
    """The variables that show an engine the accelerators of its place and no others.  What the model's own environment
    sets stands.  (CUDA_DEVICE_ORDER because drivers count by bus and CUDA by speed otherwise.)"""
    if place is None or not place.accelerators:
        return {}
    numbers = ",".join(str(place.indexes[id]) for id in place.accelerators)
    names = {
        "nvidia": {"CUDA_VISIBLE_DEVICES": numbers, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        "amd": {"HIP_VISIBLE_DEVICES": numbers, "ROCR_VISIBLE_DEVICES": numbers},
    }
    if any(name.endswith("VISIBLE_DEVICES") for name in own):
        return {}
    return names.get(place.kind, {})


def check_options(engine: str, schema: Mapping[str, Option], options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
    """Every problem in `options`; the path of a problem is the option's name, an unknown one names the nearest."""
    problems = []
    for name, value in options.items():
        option = schema.get(name)
        if option is None:
            problems.append(Problem(name, f"is not an option of {engine}", hint=did_you_mean(name, schema, "options")))
        elif why := option.problem(value):
            problems.append(Problem(name, why, hint=option.help))
    return tuple(problems)


def describe_exit(exit_code: int | None) -> str:
    """`exit code 1`, `signal 9 (SIGKILL)`, or that it is not known."""
    if exit_code is None:
        return "exit code unknown"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    return f"signal {-exit_code}{_signal_name(-exit_code)}"


def _signal_name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""
