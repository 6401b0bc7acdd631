"""SGLang's OpenAI server.

Flags, endpoints, log wording and environment: SGLang 0.5 (read in the source of 0.5.23; it runs on accelerators only).

Memory is a policy: `--mem-fraction-static` is the share of the memory that is *free when it starts* which weights and
cache may take; activations, graphs and the driver's context come on top.

The key can only be said with a flag, `--api-key`.  A command of the form `python -m MODULE` (the default) is therefore
started through a few words of Python that read it from the environment and append the flag inside the process, where
other users cannot read it.  Any other command gets the flag on its command line: there the key keeps browser pages and
strangers out, not the other users of the machine.

Asleep it must not be asked to generate, and it ends when it is told to release memory while it works: drain it first.
Its `/health` generates a token unless SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION says otherwise, which it does here.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import Device
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines import base, flags, hf_folder, model_list, sglang_log
from glowplug.engines.base import LoadProgress, LoadReport, OptionValue, Readiness, Request, Sleeping, Stopping
from glowplug.engines.hf_folder import GIB
from glowplug.engines.sglang_options import OPTIONS
from glowplug.errors import Problem

KEY_VARIABLE = "SGLANG_API_KEY"
KEY_FROM_ENVIRONMENT = (
    "import os, runpy, sys; module = sys.argv.pop(1); "
    f"sys.argv += ['--api-key', os.environ.pop({KEY_VARIABLE!r})]; "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)

SAVER_FLAG, BACKUP_FLAG = "--enable-memory-saver", "--enable-weights-cpu-backup"

WORKING = 2 * GIB
"""Activations, captured graphs and the driver's context: what is taken beside the static share of each accelerator."""
CACHE_MOST = 4 * GIB
HOST_BYTES = 4 * GIB
SEQUENCES = 8
HIGHEST_SHARE = 0.95


class Sglang:
    """The adapter; a row in `engines.registry`."""

    name = "sglang"
    default_command = ("python3", "-m", "sglang.launch_server")
    options = OPTIONS
    capabilities = frozenset(Capability) - {
        Capability.TRANSCRIPTIONS, Capability.SPEECH, Capability.IMAGES, Capability.MODERATIONS, Capability.REALTIME,
        Capability.FILES,
    }  # fmt: skip
    default_capabilities = (Capability.CHAT, Capability.COMPLETIONS, Capability.MESSAGES, Capability.RESPONSES)
    """Older versions lack the last two; the gateway notices (`gateway.probing`) and translates."""
    needs = ("path|id",)
    hosted = False
    help_argument = "--help"
    health_path = "/health"
    identity_path = model_list.PATH
    report_path = model_list.PATH

    def argv(
        self, model: LocalModel, endpoint: Endpoint, known: frozenset[str] | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        out = [*model.command]
        if takes_key_from_environment(model.command):
            out = [out[0], "-c", KEY_FROM_ENVIRONMENT, out[2]]
        elif endpoint.key:
            out += ["--api-key", endpoint.key]
        out += ["--model-path", model.path or model.id, "--served-model-name", model.name]
        # Its access log would hold our own probes, which would look like progress.
        out += ["--host", endpoint.host, "--port", str(endpoint.port), "--log-level-http", "warning"]
        for name, value in self._options(model, place).items():
            out += flags.render(OPTIONS[name], value, known)
        if self.sleeping(model, known):
            out += [SAVER_FLAG, BACKUP_FLAG]
        return (*out, *model.args)

    def _options(self, model: LocalModel, place: Place | None) -> dict[str, OptionValue]:
        options: dict[str, OptionValue] = {name: value for name, value in model.options.items() if name in OPTIONS}
        if Capability.EMBEDDINGS in model.capabilities and Capability.CHAT not in model.capabilities:
            options.setdefault("is_embedding", True)
        if place is not None and place.accelerators:
            if len(place.accelerators) > 1 and "pp_size" not in options:
                options.setdefault("tp_size", len(place.accelerators))
            share = static_share(place)
            if share is not None:
                options.setdefault("mem_fraction_static", share)
        return options

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        return {
            "HF_HUB_OFFLINE": "1",
            "DO_NOT_TRACK": "1",
            "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false",
            **base.visible_devices(place, model.env),
            **model.env,
        }

    def secrets(self, endpoint: Endpoint) -> dict[str, str]:
        return {KEY_VARIABLE: endpoint.key}

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        folder = hf_folder.locate(model)
        weights = hf_folder.measure(folder) if folder else None
        asleep = weights.size if weights and model.sleep else 0
        host = model.host_memory if model.host_memory is not None else HOST_BYTES + asleep
        number = max(1, _number(model, "tp_size", 1) * _number(model, "pp_size", 1))
        shards = number if any(device.accelerator for device in devices) else 0
        if model.memory is not None:
            detail = "it takes what it is given: memory in the configuration"
            return Footprint(
                device=model.memory, host=host, error=0.1, source=Source.POLICY, shards=shards, detail=detail
            )
        if weights is None:
            return None
        length, fixed = _number(model, "context_length", 0), _number(model, "max_total_tokens", 0)
        element = 1 if "8" in str(model.options.get("kv_cache_dtype", "auto")) else 2
        sequences = min(_number(model, "max_running_requests", SEQUENCES), SEQUENCES)
        cache = hf_folder.kv_bytes(
            weights, context=length or None, sequences=sequences, element=element, most=CACHE_MOST
        )
        if fixed and weights.per_token:
            cache = weights.per_token * element * fixed
        parts = {"weights": weights.size, "kv": cache, "compute": WORKING * number}
        return Footprint(
            device=sum(parts.values()),
            host=host,
            error=0.2 if weights.per_token else 0.4,
            source=Source.POLICY,
            shards=shards,
            parts=parts,
            detail="files, and a cache for the context" if weights.per_token else "files, and a guess for the cache",
        )

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        program = model.command[0] if model.command else "python3"
        if shutil.which(program) is None:
            return Failure(
                kind=FailureKind.MISSING_PROGRAM,
                message=f"there is no program {program}",
                hint="set engines.sglang.command to a Python that has it: [/path/to/python, -m, sglang.launch_server]",
            )
        if missing := hf_folder.missing(model, offline=self.env(model)["HF_HUB_OFFLINE"] not in ("0", "")):
            return missing
        if problems := self.check_options(model.options):
            return Failure(
                kind=FailureKind.BAD_FLAG,
                message="; ".join(str(problem) for problem in problems),
                hint="correct the model's options in the configuration",
            )
        return flags.unknown(program, OPTIONS, model.options, known)

    def read_health(self, status: int, body: bytes, model: LocalModel) -> Readiness:
        # It listens early and answers 503 until its warm-up is through.
        if status == 200:
            return Readiness.READY
        return Readiness.LOADING if status == 503 else Readiness.WRONG

    def read_identity(self, status: int, body: bytes, model: LocalModel) -> str:
        return model_list.problem(status, body, model.name)

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        return sglang_log.report(log_lines, accelerated=bool(place.accelerators))

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping:
        return Stopping()

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        """Without a copy in the host's memory the weights would be lost, so both flags have to be there."""
        if not model.sleep or known is None or not {SAVER_FLAG, BACKUP_FLAG} <= known:
            return None
        return Sleeping(
            (Request("POST", "/release_memory_occupation", b"{}", timeout=120.0),),
            (Request("POST", "/resume_memory_occupation", b"{}", timeout=120.0),),
        )

    def classify(self, exit_code: int | None, log_lines: Sequence[str]) -> Failure:
        return sglang_log.classify(exit_code, log_lines)

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
        problems = list(base.check_options(self.name, OPTIONS, options))
        share = options.get("mem_fraction_static")
        if isinstance(share, (int, float)) and share >= 1:
            hint = OPTIONS["mem_fraction_static"].help
            problems.append(Problem("mem_fraction_static", "must be below 1", hint=hint))
        return tuple(problems)

    def progress(self, log_lines: Sequence[str]) -> LoadProgress:
        return sglang_log.progress(log_lines)


def takes_key_from_environment(command: Sequence[str]) -> bool:
    """Whether a command has the form `python -m MODULE`."""
    return len(command) == 3 and command[1] == "-m"


def static_share(place: Place) -> float | None:
    """The share of each device's free memory that keeps it inside its claim there: the smallest over its devices, three
    decimals rounded down.  Where the free memory is not known the total is taken for it, which asks for too little
    rather than too much; None when neither is known."""
    shares = []
    for id in place.accelerators:
        free = place.free.get(id) or place.totals.get(id)
        if free:
            # A claim that is all working memory would leave nothing to start with.
            static = max(place.claim[id] - WORKING, place.claim[id] // 2)
            shares.append(static / free)
    if not shares:
        return None
    return max(0.001, min(HIGHEST_SHARE, math.floor(min(shares) * 1000) / 1000))


def _number(model: LocalModel, name: str, otherwise: int) -> int:
    value = model.options.get(name, otherwise)
    return value if isinstance(value, int) else otherwise
