"""llama.cpp's `llama-server`, and whatever takes its flags and answers like it.

Flags, endpoints and log wording: llama.cpp tools/server (README.md, common/arg.cpp) as of build 11549.  Flags come and
go between builds, so what the program at hand lists with `--help` decides which spelling is used (`engines.programs`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

import msgspec

from glowplug.domain.footprint import Footprint, Place
from glowplug.domain.hardware import Device
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines import base, gguf, llamacpp_estimate, llamacpp_log, llamacpp_report
from glowplug.engines.base import LoadProgress, LoadReport, Option, OptionValue, Readiness, Sleeping, Stopping
from glowplug.engines.llamacpp_memory import layers_on_device
from glowplug.engines.llamacpp_options import OPTIONS
from glowplug.engines.weights import Trouble, WeightsError
from glowplug.errors import Problem

DETAILED = 4
"""The verbosity at which builds since 2026 name the sizes of their buffers; older ones always do."""

_NEGATED = {"--jinja": "--no-jinja"}
_EXTRAS = (("--metrics",), ("--no-ui", "--no-webui"), ("--offline",))
"""Wanted always, in the first spelling the program knows, and left out when it knows none."""


class LlamaCpp:
    """The adapter; a row in `engines.registry`."""

    name = "llamacpp"
    default_command = ("llama-server",)
    options = OPTIONS
    capabilities = frozenset(Capability) - {
        Capability.TRANSCRIPTIONS, Capability.SPEECH, Capability.IMAGES, Capability.MODERATIONS, Capability.REALTIME,
        Capability.FILES,
    }  # fmt: skip
    default_capabilities = (
        Capability.CHAT,
        Capability.COMPLETIONS,
        Capability.MESSAGES,  # llama-server speaks Anthropic's wire and OpenAI's responses itself
        Capability.RESPONSES,
    )
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
        options = self._options(model)
        if "draft_model" in options and _lists("draft_type", known):
            # Builds that know kinds of drafting load a draft model and do not use it unless one is named.
            options.setdefault("draft_type", "draft-simple")
        for name, value in options.items():
            out += _render(OPTIONS[name], value, known)
        if place is not None and place.claim:
            for name, value in self._decided(model, options, known, place).items():
                out += _render(OPTIONS[name], value, known)
        return (*out, *model.args)

    def _options(self, model: LocalModel) -> dict[str, OptionValue]:
        options: dict[str, OptionValue] = {name: value for name, value in model.options.items() if name in OPTIONS}
        if Capability.EMBEDDINGS in model.capabilities:
            options.setdefault("embeddings", True)
        if Capability.RERANK in model.capabilities:
            options.setdefault("reranking", True)
        return options

    def _decided(
        self, model: LocalModel, options: Mapping[str, OptionValue], known: frozenset[str] | None, place: Place
    ) -> dict[str, OptionValue]:
        """What the configuration left open and the place decides.

        llama.cpp would decide itself (`--fit on`) by what is free at this moment, so the same model would be another
        one on every start, and it would take what is reserved for others.  It is left to it where the file cannot be
        read, and where somebody asked for it.
        """
        given = {name for name in options if name in model.options} | _named(model.args)
        out: dict[str, OptionValue] = {}
        if place.accelerators and "verbosity" not in given and _lists("verbosity", known):
            out["verbosity"] = DETAILED
        files = llamacpp_estimate.read_files(model, options)
        if files is None or files.settings.fit:
            return out
        chosen = llamacpp_estimate.decide_for(files, place)
        if files.settings.context is None and chosen.settings.context is not None:
            out["ctx_size"] = chosen.settings.context
        if files.settings.gpu_layers is None and place.accelerators:
            out["gpu_layers"] = layers_on_device(files.facts, chosen.settings, chosen.accelerators)
        if "fit" not in given and _lists("fit", known):
            out["fit"] = "off"
        return out

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        return {**base.visible_devices(place, model.env), **model.env}

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        return llamacpp_estimate.estimate(model, self._options(model), devices)

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        return llamacpp_report.report(model, self._options(model), place, log_lines, answer)

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
        for what, path in _files(model, options):
            if failure := _unusable(what, path):
                return failure
        if {Capability.EMBEDDINGS, Capability.RERANK} <= set(model.capabilities):
            return Failure(
                kind=FailureKind.BAD_FLAG,
                message="llama-server serves embeddings or reranking, not both at the same time",
                hint="make two models of it in the configuration, one for each capability",
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
        return llamacpp_log.classify(exit_code, log_lines)

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
        return base.check_options(self.name, OPTIONS, options)

    def progress(self, log_lines: Sequence[str]) -> LoadProgress:
        return llamacpp_log.progress(log_lines)


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


_GGUF_FILES = ("mmproj", "lora", "draft_model")
_OTHER_FILES = ("chat_template_file",)


def _files(model: LocalModel, options: Mapping[str, OptionValue]) -> list[tuple[str, str]]:
    """(what it is, path) of every file a launch reads; the weights first."""
    files = [("weights", model.path)]
    for name in (*_GGUF_FILES, *_OTHER_FILES):
        if name in options:
            files += [(name, path) for path in str(options[name]).split("," if name == "lora" else "\0")]
    return files


def _unusable(what: str, path: str) -> Failure | None:
    """Why a file cannot be used, from its header alone."""
    if what in _OTHER_FILES:
        if os.access(path, os.R_OK):
            return None
        why = "cannot be read" if os.path.lexists(path) else "does not exist"
        return Failure(
            kind=FailureKind.MISSING_FILE,
            message=f"the {what} file {path} {why}",
            hint="correct the path in the configuration or put the file there",
        )
    try:
        gguf.read(path)
    except WeightsError as exc:
        missing = exc.trouble in (Trouble.MISSING, Trouble.UNREADABLE)
        return Failure(
            kind=FailureKind.MISSING_FILE if missing else FailureKind.BAD_MODEL,
            message=f"the {what} file cannot be used: {exc.message}",
            hint=exc.hint,
        )
    return None


def _named(args: Sequence[str]) -> set[str]:
    """The options whose flags are among the free arguments."""
    given = set(args)
    return {name for name, option in OPTIONS.items() if given & set(option.flags)}


def _lists(name: str, known: frozenset[str] | None) -> bool:
    return known is not None and _known_spelling(OPTIONS[name].flags, known) is not None
