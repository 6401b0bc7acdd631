"""llama.cpp's `llama-server`, and whatever takes its flags and answers like it.

Flags, endpoints and log wording: llama.cpp tools/server (README.md, common/arg.cpp) as of build 11549.  Flags come and
go between builds, so what the program at hand lists with `--help` decides which spelling is used (`engines.programs`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from glowplug.domain.footprint import Footprint, Place
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
from glowplug.engines.llamacpp_options import OPTIONS
from glowplug.errors import Problem

LOG_TAIL = 20
"""Lines of the log that go into a failure."""

_NEGATED = {"--jinja": "--no-jinja"}
_EXTRAS = (("--metrics",), ("--no-ui", "--no-webui"), ("--offline",))
"""Wanted always, in the first spelling the program knows, and left out when it knows none."""


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
        FailureKind.BAD_FLAG,
        r"invalid argument:|unrecognized arguments?:|unknown argument|handling argument|expected value for arg",
        "the engine refused its command line",
        "correct the model's options or args in the configuration",
    ),
    _pattern(
        FailureKind.PORT_TAKEN,
        r"couldn't bind|could not bind|failed to bind|address already in use",
        "the port is taken",
        "choose another port for the model, or none",
    ),
    _pattern(
        FailureKind.OUT_OF_MEMORY,
        r"out of memory|unable to allocate|failed to allocate|OutOfDeviceMemory|std::bad_alloc|cannot allocate memory",
        "there was not enough memory",
        "lower ctx_size, parallel or gpu_layers, use a smaller quantisation, or stop another model",
    ),
    _pattern(
        FailureKind.BAD_MODEL,
        r"failed to load model|error loading model|invalid magic|unknown model architecture|failed to init server",
        "the engine could not load the weights",
        "check that the file is a complete GGUF that this build of llama.cpp supports",
    ),
)

_STAGES = (
    (re.compile(r"server is listening|all slots are idle|model loaded", re.IGNORECASE), "starting the server"),
    (re.compile(r"warming up", re.IGNORECASE), "warming up"),
    (re.compile(r"llama_context|kv[_ ]cache|sched_reserve|graph_reserve", re.IGNORECASE), "allocating the context"),
    (re.compile(r"load_tensors|offload|model_loader|llama_model_load|print_info", re.IGNORECASE), "loading weights"),
)
_DOTS = re.compile(r"\.{1,100}")


class LlamaCpp:
    """The adapter; a row in `engines.registry`."""

    name = "llamacpp"
    default_command = ("llama-server",)
    options = OPTIONS
    capabilities = frozenset(Capability) - {Capability.TRANSCRIPTIONS, Capability.SPEECH}
    default_capabilities = (Capability.CHAT, Capability.COMPLETIONS)
    needs = ("path",)
    hosted = False
    help_argument = "--help"
    health_path = "/health"
    identity_path = "/v1/models"
    report_path = "/props"

    def argv(
        self, model: LocalModel, endpoint: Endpoint, known: frozenset[str] | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        out = [*model.command, "-m", model.path, "--host", endpoint.host, "--port", str(endpoint.port)]
        out += ["--alias", model.name]
        for spellings in _EXTRAS:
            flag = _known_spelling(spellings, known) if known is not None else None
            if flag:
                out.append(flag)
        for name, value in self._options(model).items():
            out += _render(OPTIONS[name], value, known)
        return (*out, *model.args)

    def _options(self, model: LocalModel) -> dict[str, OptionValue]:
        options: dict[str, OptionValue] = {name: value for name, value in model.options.items() if name in OPTIONS}
        if Capability.EMBEDDINGS in model.capabilities:
            options.setdefault("embeddings", True)
        return options

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        return {**base.visible_devices(place, model.env), **model.env}

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        return None

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        return LoadReport()

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping:
        return Stopping()

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        return None

    def secrets(self, endpoint: Endpoint) -> dict[str, str]:
        return {"LLAMA_API_KEY": endpoint.key}

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        program = model.command[0] if model.command else "llama-server"
        if shutil.which(program) is None:
            return Failure(
                kind=FailureKind.MISSING_PROGRAM,
                message=f"there is no program {program}",
                hint="install llama.cpp, or set engines.llamacpp.command to the path of llama-server",
            )
        options = self._options(model)
        files = [("weights", model.path)] + [
            (name, str(options[name])) for name in ("mmproj", "lora", "chat_template_file") if name in options
        ]
        for what, path in files:
            if not os.access(path, os.R_OK):
                why = "cannot be read" if os.path.lexists(path) else "does not exist"
                return Failure(
                    kind=FailureKind.MISSING_FILE,
                    message=f"the {what} file {path} {why}",
                    hint="correct the path in the configuration or put the file there",
                )
        if problems := self.check_options(model.options):
            return Failure(
                kind=FailureKind.BAD_FLAG,
                message=f"{'; '.join(str(problem) for problem in problems)}",
                hint="correct the model's options in the configuration",
            )
        for name in options:
            if known and _known_spelling(OPTIONS[name].flags, known) is None:
                return Failure(
                    kind=FailureKind.BAD_FLAG,
                    message=f"{program} does not know {OPTIONS[name].flags[0]} (option {name})",
                    hint="remove the option or use a build of llama.cpp that has it",
                )
        return None

    def read_health(self, status: int, body: bytes, model: LocalModel) -> Readiness:
        if status == 200:
            return Readiness.READY
        return Readiness.LOADING if status == 503 else Readiness.WRONG

    def read_identity(self, status: int, body: bytes, model: LocalModel) -> str:
        if status in (401, 403):
            return "it refused the key of this launch, so it is another server"
        if status != 200:
            return f"{self.identity_path} answered {status}"
        try:
            listed = msgspec.json.decode(body, type=_ModelList)
        except msgspec.DecodeError:
            return f"{self.identity_path} is not a model list"
        names = {entry.id for entry in listed.data}
        return "" if model.name in names else f"it serves {', '.join(sorted(names)) or 'nothing'}, not {model.name}"

    def classify(self, exit_code: int | None, log_lines: Sequence[str]) -> Failure:
        tail = tuple(log_lines[-LOG_TAIL:])
        ended = describe_exit(exit_code)
        for pattern in _PATTERNS:
            for line in reversed(log_lines):
                if pattern.wording.search(line):
                    return Failure(
                        kind=pattern.kind,
                        message=f"{pattern.message}: {line.strip()} ({ended})",
                        hint=pattern.hint,
                        log_tail=tail,
                    )
        hint = "see the log for the reason"
        if exit_code == -9:
            hint = "something killed it; if that was the kernel for lack of memory, dmesg says so"
        return Failure(kind=FailureKind.CRASH, message=f"the engine ended ({ended})", hint=hint, log_tail=tail)

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
        return base.check_options(self.name, OPTIONS, options)

    def progress(self, log_lines: Sequence[str]) -> LoadProgress:
        stage, fraction = "", None
        for line in reversed(log_lines):
            text = line.rstrip()
            if _DOTS.fullmatch(text):
                stage, fraction = "loading weights", len(text) / 100
                break
            stage = next((name for wording, name in _STAGES if wording.search(text)), "")
            if stage:
                break
        return LoadProgress(stage, fraction)


class _Listed(msgspec.Struct):
    id: str = ""


class _ModelList(msgspec.Struct):
    data: list[_Listed] = []


def _known_spelling(spellings: tuple[str, ...], known: frozenset[str] | None) -> str | None:
    if known is None:
        return spellings[0]
    return next((flag for flag in spellings if flag in known), None)


def _render(option: Option, value: OptionValue, known: frozenset[str] | None) -> list[str]:
    flag = _known_spelling(option.flags, known) or option.flags[0]
    if option.kind is not bool:
        return [flag, str(value)]
    if value:
        return [flag]
    negated = _NEGATED.get(flag)
    return [negated] if negated and (known is None or negated in known) else []
