"""Ollama: one daemon that loads many models when it is told to.

What can be decided without talking to the daemon; `glowplug.lifecycle.hosted` talks to it.  Wording of errors and
variables: Ollama's sources and docs/faq.md as of version 0.33 (August 2026).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import Device
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines import base
from glowplug.engines.base import (
    LoadProgress,
    LoadReport,
    Option,
    OptionValue,
    Readiness,
    Sleeping,
    Stopping,
    describe_exit,
)
from glowplug.engines.ollama_library import layers_of
from glowplug.errors import Problem
from glowplug.wire import ollama

LOG_TAIL: Final = 20
_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
MOST_LOADED: Final = 1024
"""`OLLAMA_MAX_LOADED_MODELS`: one scheduler decides what is loaded, and it is not Ollama's."""
_WILDCARDS: Final = ("0.0.0.0", "::", "")  # noqa: S104  what a daemon listens on, connected to on loopback

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "num_ctx": Option(
            ("num_ctx",), int, f"context length in tokens, sent with every call; {ollama.DEFAULT_CONTEXT}", minimum=4
        ),
        "num_gpu": Option(("num_gpu",), int, "layers kept on the GPU; -1: as many as fit", minimum=-1),
        "num_batch": Option(("num_batch",), int, "batch of a prompt, in tokens", minimum=1),
        "num_thread": Option(("num_thread",), int, "CPU threads; 0: automatic", minimum=0),
        "main_gpu": Option(("main_gpu",), int, "index of the main GPU", minimum=0),
        "use_mmap": Option(("use_mmap",), bool, "map the weights instead of reading them"),
        "num_parallel": Option(
            ("OLLAMA_NUM_PARALLEL",), int, "requests served at the same time, by a daemon that is started", minimum=1
        ),
    }
)
_DAEMON_OPTIONS: Final = frozenset({"num_parallel"})


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: FailureKind
    wording: re.Pattern[str]
    message: str
    hint: str


def _pattern(kind: FailureKind, wording: str, message: str, hint: str) -> _Pattern:
    return _Pattern(kind, re.compile(wording, re.IGNORECASE), message, hint)


_PATTERNS = (
    _pattern(
        FailureKind.MISSING_PROGRAM,
        r"the daemon could not be started",
        "Ollama does not run and could not be started",
        "install Ollama, start it yourself, or set engines.ollama.command to its path",
    ),
    _pattern(
        FailureKind.PORT_TAKEN,
        r"address already in use|is answered by something that is not Ollama",
        "the daemon's address is taken",
        "set engines.ollama.env.OLLAMA_HOST or the model's port to another address",
    ),
    _pattern(
        FailureKind.MISSING_FILE,
        r"model ['\"](?P<id>[^'\"]+)['\"] not found",
        "Ollama does not have this model",
        "ollama pull {id}",
    ),
    _pattern(
        FailureKind.OUT_OF_MEMORY,
        r"more (?:system|GPU) memory|out of memory|unable to allocate|failed to allocate|cannot be allocated"
        r"|insufficient memory|cannot allocate memory",
        "there was not enough memory",
        "lower num_ctx or num_gpu, use a smaller quantisation, or stop another model",
    ),
    _pattern(
        FailureKind.BAD_FLAG,
        r"does not support (?:generate|chat|embed)|option \"\w+\" must be|invalid model name",
        "Ollama refused what it was asked for",
        "correct the model's id, options or capabilities in the configuration",
    ),
    _pattern(
        FailureKind.BAD_MODEL,
        r"unable to load model|failed to load model|error loading model|unsupported model"
        r"|incompatible with your version|invalid file magic|unknown model architecture|no longer compatible",
        "Ollama could not load the weights",
        "pull the model again, or update Ollama",
    ),
    _pattern(
        FailureKind.HANG,
        r"timed out waiting for .*runner",
        "Ollama gave up on a load that made no progress",
        "look at the daemon's log",
    ),
    _pattern(
        FailureKind.HANG,
        r"does not answer",
        "the daemon does not answer",
        "look at the daemon's log, or start it again",
    ),
    _pattern(
        FailureKind.CRASH,
        r"Ollama unloaded it unasked",
        "it is not loaded any more",
        "Ollama makes room by its own rules, or somebody told it to unload; the next request loads it again",
    ),
)


class Ollama:
    """The adapter; a row in `engines.registry`."""

    name = "ollama"
    default_command = ("ollama", "serve")
    options = OPTIONS
    capabilities = frozenset({Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS})
    default_capabilities = (Capability.CHAT, Capability.COMPLETIONS)
    """Messages and responses are translated to its own API: `keep_alive` and `num_ctx` can be said only there, and a
    request without them would load the model anew."""
    needs = ("id",)
    hosted = True
    help_argument = ""
    health_path = ollama.RUNNING
    identity_path = ollama.VERSION
    report_path = ollama.RUNNING

    def argv(
        self, model: LocalModel, endpoint: Endpoint, known: frozenset[str] | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        """The daemon's; where it listens is in its environment."""
        return (*model.command, *model.args)

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        """The daemon's.  It serves models in many places, so no device is hidden from it."""
        ours = {
            "OLLAMA_KEEP_ALIVE": str(ollama.FOREVER),
            "OLLAMA_MAX_LOADED_MODELS": str(MOST_LOADED),
            "OLLAMA_NO_CLOUD": "1",
        }
        if "num_parallel" in model.options:
            ours["OLLAMA_NUM_PARALLEL"] = str(model.options["num_parallel"])
        host, port = _listens(model)
        return {**ours, **model.env, "OLLAMA_HOST": f"[{host}]:{port}" if ":" in host else f"{host}:{port}"}

    def secrets(self, endpoint: Endpoint) -> dict[str, str]:
        """None: Ollama knows no keys; it listens on loopback."""
        return {}

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        """The program is not looked for: a daemon that runs is used, however it was started."""
        if not model.id:
            return Failure(
                kind=FailureKind.MISSING_FILE,
                message="the model has no id",
                hint="give the name Ollama knows it by, for example id: mistral:7b",
            )
        if ollama.is_cloud(model.id):
            return Failure(
                kind=FailureKind.BAD_FLAG,
                message=f"{model.id} runs at Ollama Cloud, not on this machine",
                hint="Ollama Cloud is a provider: base_url https://ollama.com/v1, api_key ${OLLAMA_API_KEY}, and the "
                "model's id there, without the cloud suffix",
            )
        if problems := self.check_options(model.options):
            return Failure(
                kind=FailureKind.BAD_FLAG,
                message="; ".join(str(problem) for problem in problems),
                hint="correct the model's options in the configuration",
            )
        if why := _unusable_address(model):
            return Failure(kind=FailureKind.BAD_FLAG, message=why, hint="for example OLLAMA_HOST: 127.0.0.1:11434")
        return None

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        """What is declared; else by the size of the weights in Ollama's library, where that can be read."""
        if model.memory is not None or model.host_memory is not None:
            return Footprint(
                device=model.memory or 0,
                host=model.host_memory or 0,
                source=Source.DECLARED,
            )
        layers = layers_of(model)
        if not layers:
            return None
        size = sum(layer.size for layer in layers if layer.weights)
        need = round(size * 1.2 + 0.6 * _GIB)
        return Footprint(device=need, error=0.3, source=Source.SIZE, parts={"weights": size}, detail="Ollama's library")

    def read_health(self, status: int, body: bytes, model: LocalModel) -> Readiness:
        """READY when it is listed with the context that is sent with every call, or with less: a model that was made
        for less is loaded with that.  It is listed from the beginning of its load, so this alone does not say that it
        is loaded (`lifecycle.hosted.HostProber` knows)."""
        if status == 503:
            return Readiness.LOADING
        listed = ollama.read_process(body) if status == 200 else None
        if listed is None:
            return Readiness.WRONG
        entry = listed.find(model.id)
        asked = runner_options(model)["num_ctx"]
        if entry is None or (entry.context_length and entry.context_length > int(asked)):
            return Readiness.LOADING
        return Readiness.READY

    def read_identity(self, status: int, body: bytes, model: LocalModel) -> str:
        if status == 200 and ollama.read_version(body):
            return ""
        return f"{self.identity_path} answered {status} and no version, so it is not Ollama"

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        """From `/api/ps`: what went to the device, and whether the context is what was asked for."""
        listed = ollama.read_process(answer)
        entry = listed.find(model.id) if listed is not None else None
        if entry is None:
            return LoadReport()
        failure, warnings = None, []
        outside = max(entry.size - entry.size_vram, 0)
        if place.accelerators and not entry.size_vram and model.options.get("num_gpu") != 0:
            failure = Failure(
                kind=FailureKind.CPU_FALLBACK,
                message="Ollama loaded it without the device it was given",
                hint="look for errors of the driver in the daemon's log, or set num_gpu: 0 if that is meant",
            )
        elif place.accelerators and outside:
            warnings.append(f"{outside // _MIB} of {entry.size // _MIB} MiB are not on the device")
        asked = int(runner_options(model)["num_ctx"])
        if 0 < entry.context_length < asked:
            warnings.append(f"the context is {entry.context_length} tokens instead of {asked}")
        return LoadReport(warnings=tuple(warnings), failure=failure, device=entry.size_vram)

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping:
        return Stopping()

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        return None

    def classify(self, exit_code: int | None, log_lines: Sequence[str]) -> Failure:
        tail = tuple(log_lines[-LOG_TAIL:])
        ended = describe_exit(exit_code)
        for pattern in _PATTERNS:
            for line in reversed(log_lines):
                if found := pattern.wording.search(line):
                    said = line.strip().removeprefix(LOG_PREFIX)
                    hint = pattern.hint.format(**found.groupdict())
                    return Failure(kind=pattern.kind, message=f"{pattern.message}: {said}", hint=hint, log_tail=tail)
        said = next((line for line in reversed(log_lines) if line.startswith(LOG_PREFIX)), "")
        why = f": {said.strip().removeprefix(LOG_PREFIX)}" if said else ""
        hint = "see the log for the reason"
        if exit_code == -9:
            hint = "something killed it; if that was the kernel for lack of memory, dmesg says so"
        return Failure(
            kind=FailureKind.CRASH,
            message=f"the daemon or its runner ended ({ended}){why}",
            hint=hint,
            log_tail=tail,
        )

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
        return base.check_options(self.name, OPTIONS, options)

    def progress(self, log_lines: Sequence[str]) -> LoadProgress:
        for line in reversed(log_lines):
            if LOADING_LINE in line:
                return LoadProgress("loading weights")
            if STARTING_LINE in line:
                return LoadProgress("starting the daemon")
        return LoadProgress()


LOG_PREFIX: Final = "glowplug: "
"""In front of what Glowplug itself writes into the log of a hosted model."""
STARTING_LINE: Final = f"{LOG_PREFIX}starting "
LOADING_LINE: Final = f"{LOG_PREFIX}loading "


def runner_options(model: LocalModel) -> dict[str, OptionValue]:
    """The `options` that go with every call to this model: all that a runner is loaded with, `num_ctx` always."""
    return request_options(model.options)


def request_options(options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """The same from the options of a configuration."""
    given = {name: value for name, value in options.items() if name not in _DAEMON_OPTIONS}
    return {"num_ctx": ollama.DEFAULT_CONTEXT, **given}


def address(model: LocalModel) -> tuple[str, int]:
    """Where the daemon of this model is reached: its `port`, else `OLLAMA_HOST` of its environment, else the usual."""
    host, port = _listens(model)
    return ("127.0.0.1" if host in _WILDCARDS else host), port


def _listens(model: LocalModel) -> tuple[str, int]:
    if model.port is not None:
        return "127.0.0.1", model.port
    given = model.env.get("OLLAMA_HOST", "").strip()
    try:
        parts = urlsplit(given if "://" in given else f"//{given}")
        port = parts.port
    except ValueError:
        return "127.0.0.1", ollama.DEFAULT_PORT
    return parts.hostname or "127.0.0.1", port or ollama.DEFAULT_PORT


def _unusable_address(model: LocalModel) -> str:
    given = model.env.get("OLLAMA_HOST", "")
    try:
        parts = urlsplit(given if "://" in given else f"//{given}")
        _ = parts.port
    except ValueError:
        return "OLLAMA_HOST is not an address"
    if parts.scheme not in ("", "http") or parts.path.strip("/"):
        return "OLLAMA_HOST must be host:port, spoken to in plain HTTP"
    return ""
