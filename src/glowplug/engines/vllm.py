"""vLLM's OpenAI server.

Flags, endpoints, log wording and environment: vLLM 0.32 (its source and its CPU build run for real), sleep as in its
documentation of sleep mode.

Memory is a policy: vLLM takes the share of the *total* memory it is told (`--gpu-memory-utilization`) and refuses to
start when less than that is free.  What it takes comes on top of the driver's context, which it does not count; so the
share is computed from the claim without that.  Its CPU build takes whole GiB for the cache instead
(VLLM_CPU_KVCACHE_SPACE, which switches its share of the host's memory off).

The key is read from VLLM_API_KEY.  It guards the API (`/v1` …) and not `/health`, nor the development endpoints that
sleeping needs (VLLM_SERVER_DEV_MODE): whoever can reach the port can use those.  They exist only for models with
`sleep`, on loopback.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import HOST, Device
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines import base, flags, hf_folder, model_list, vllm_log
from glowplug.engines.base import (
    LoadProgress,
    LoadReport,
    OptionValue,
    Readiness,
    Request,
    Sleeping,
    Stopping,
)
from glowplug.engines.hf_folder import GIB
from glowplug.engines.vllm_options import OPTIONS, SLEEP_LEVEL
from glowplug.errors import Problem

SLEEP_FLAG = "--enable-sleep-mode"
_QUIET = "--disable-uvicorn-access-log"

CONTEXT = GIB // 2
"""What the driver's context and communication buffers take on each accelerator beside the share."""
WORKING = 3 * GIB // 2
"""Activations and captured graphs."""
CACHE_MOST = 4 * GIB
"""A cache beyond one full sequence is planned with up to this much."""
HOST_BYTES = 3 * GIB
"""Resident in its processes on the host (0.6 + 0.6 + 1.7 GB seen with a model of no size)."""
SEQUENCES = 8
"""Full sequences planned with; `max_num_seqs` (256 and more when it is not set) is a limit, not a plan."""
HIGHEST_SHARE = 0.98

_LEVELS = (1, 2)


class Vllm:
    """The adapter; a row in `engines.registry`."""

    name = "vllm"
    default_command = ("vllm", "serve")
    options = OPTIONS
    capabilities = frozenset(Capability) - {
        Capability.SPEECH, Capability.IMAGES, Capability.MODERATIONS, Capability.REALTIME, Capability.FILES,
    }  # fmt: skip
    default_capabilities = (Capability.CHAT, Capability.COMPLETIONS, Capability.MESSAGES, Capability.RESPONSES)
    """Older versions lack the last two; the gateway notices (`gateway.probing`) and translates."""
    needs = ("path|id",)
    hosted = False
    help_argument = "--help=all"
    """Ten seconds on a small machine: it imports torch first.  Without `=all` only groups are listed."""
    health_path = "/health"
    identity_path = model_list.PATH
    report_path = model_list.PATH

    def argv(
        self, model: LocalModel, endpoint: Endpoint, known: frozenset[str] | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        weights = model.path or model.id
        # `vllm serve` takes it as an argument and warns of --model; the module takes only --model.
        out = [*model.command, *((weights,) if model.command[-1:] == ("serve",) else ("--model", weights))]
        out += ["--served-model-name", model.name, "--host", endpoint.host, "--port", str(endpoint.port)]
        if known and _QUIET in known:
            out.append(_QUIET)
        for name, value in self._options(model, place).items():
            out += flags.render(OPTIONS[name], value, known)
        if self._sleeps(model, known, place):
            out.append(SLEEP_FLAG)
        return (*out, *model.args)

    def _options(self, model: LocalModel, place: Place | None) -> dict[str, OptionValue]:
        options: dict[str, OptionValue] = {
            name: value for name, value in model.options.items() if name in OPTIONS and OPTIONS[name].flags
        }
        if {Capability.EMBEDDINGS, Capability.RERANK} & set(model.capabilities) and (
            Capability.CHAT not in model.capabilities
        ):
            options.setdefault("runner", "pooling")
        if place is not None and place.accelerators:
            if len(place.accelerators) > 1 and "pipeline_parallel_size" not in options:
                options.setdefault("tensor_parallel_size", len(place.accelerators))
            share = memory_share(place)
            if share is not None:
                options.setdefault("gpu_memory_utilization", share)
        return options

    def _sleeps(self, model: LocalModel, known: frozenset[str] | None, place: Place | None) -> bool:
        """vLLM ends at once when it is told to sleep on a platform that cannot: without accelerators."""
        return model.sleep and known is not None and SLEEP_FLAG in known and (place is None or bool(place.accelerators))

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        out = {
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            # Between its own processes: without this it takes the address of an outer interface.
            "VLLM_HOST_IP": "127.0.0.1",
        }
        if model.sleep:
            out["VLLM_SERVER_DEV_MODE"] = "1"
        if place is not None and not place.accelerators and place.claim.get(HOST):
            out["VLLM_CPU_KVCACHE_SPACE"] = str(self._cache_gib(model, place.claim[HOST]))
        return {**out, **base.visible_devices(place, model.env), **model.env}

    def _cache_gib(self, model: LocalModel, budget: int) -> int:
        """Whole GiB for the cache on a machine without accelerators: what the budget leaves, at least one."""
        weights = self._weights(model)
        taken = HOST_BYTES + WORKING + (weights.size if weights else 0)
        return max(1, (budget - taken) // GIB)

    def secrets(self, endpoint: Endpoint) -> dict[str, str]:
        return {"VLLM_API_KEY": endpoint.key}

    def _weights(self, model: LocalModel) -> hf_folder.Weights | None:
        folder = hf_folder.locate(model)
        return hf_folder.measure(folder) if folder else None

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        weights = self._weights(model)
        size = weights.size if weights else 0
        host = model.host_memory if model.host_memory is not None else HOST_BYTES + self._offloaded(model, size)
        totals = [
            device.total
            for device in devices
            if device.accelerator and device.total and (not model.devices or device.id in model.devices)
        ]
        number = max(1, _number(model, "tensor_parallel_size", 1) * _number(model, "pipeline_parallel_size", 1))
        share = model.options.get("gpu_memory_utilization")
        if isinstance(share, (int, float)) and totals:
            taken = int(share * max(totals) + CONTEXT) * number
            detail = f"it was told to take {share:g} of each device"
            return Footprint(device=taken, host=host, error=0.05, source=Source.POLICY, shards=number, detail=detail)
        if model.memory is not None:
            detail = "it takes what it is given: memory in the configuration"
            return Footprint(
                device=model.memory, host=host, error=0.05, source=Source.POLICY, shards=number, detail=detail
            )
        if weights is None:
            return None
        return self._from_files(model, weights, host, number if totals else 0)

    def _from_files(self, model: LocalModel, weights: hf_folder.Weights, host: int, accelerators: int) -> Footprint:
        dtype = str(model.options.get("kv_cache_dtype", "auto"))
        element = 1 if "8" in dtype else 4 if model.options.get("dtype") in ("float", "float32") else 2
        length = _number(model, "max_model_len", 0)
        cache = hf_folder.kv_bytes(
            weights,
            context=length if length > 0 else None,
            sequences=min(_number(model, "max_num_seqs", SEQUENCES), SEQUENCES),
            element=element,
            most=CACHE_MOST,
        )
        fixed = _number(model, "kv_cache_memory_bytes", 0)
        parts = {
            "weights": weights.size,
            "kv": fixed or cache,
            "compute": WORKING * max(1, accelerators),
            "context": CONTEXT * accelerators,
        }
        return Footprint(
            device=sum(parts.values()),
            host=host,
            error=0.15 if weights.per_token else 0.35,
            source=Source.POLICY,
            shards=accelerators,
            parts=parts,
            detail="files, and a cache for the context" if weights.per_token else "files, and a guess for the cache",
        )

    def _offloaded(self, model: LocalModel, size: int) -> int:
        """Weights that lie in the host's memory: asleep at level 1, and what is offloaded on purpose."""
        asleep = size if model.sleep and _number(model, SLEEP_LEVEL, 1) == 1 else 0
        offload = model.options.get("cpu_offload_gb", 0)
        return asleep + (int(offload * GIB) if isinstance(offload, (int, float)) else 0)

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        program = model.command[0] if model.command else "vllm"
        if shutil.which(program) is None:
            return Failure(
                kind=FailureKind.MISSING_PROGRAM,
                message=f"there is no program {program}",
                hint="install vLLM, or set engines.vllm.command to the path of its vllm program",
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
        # It listens only once it is ready; 503 is an engine whose core has died, which its exit will say.
        if status == 200:
            return Readiness.READY
        return Readiness.LOADING if status == 503 else Readiness.WRONG

    def read_identity(self, status: int, body: bytes, model: LocalModel) -> str:
        return model_list.problem(status, body, model.name)

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        wanted = _number(model, "max_model_len", 0)
        got = model_list.context_of(answer, model.name)
        return vllm_log.report(log_lines, wanted=max(wanted, 0), got=got, accelerated=bool(place.accelerators))

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping:
        return Stopping()

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        if not self._sleeps(model, known, None):
            return None
        level = _number(model, SLEEP_LEVEL, 1)
        # The weights' copy to the host runs at some GiB a second, so the time is that of large weights.
        sleep = (Request("POST", f"/sleep?level={level}", timeout=120.0),)
        if level == 1:
            return Sleeping(sleep, (Request("POST", "/wake_up", timeout=120.0),))
        wake = (
            Request("POST", "/wake_up?tags=weights", timeout=120.0),
            Request("POST", "/collective_rpc", b'{"method": "reload_weights"}', timeout=600.0),
            Request("POST", "/wake_up?tags=kv_cache", timeout=60.0),
            Request("POST", "/reset_prefix_cache", timeout=30.0),
        )
        return Sleeping(sleep, wake)

    def classify(self, exit_code: int | None, log_lines: Sequence[str]) -> Failure:
        return vllm_log.classify(exit_code, log_lines)

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
        problems = list(base.check_options(self.name, OPTIONS, options))
        level = options.get(SLEEP_LEVEL)
        if isinstance(level, int) and level > max(_LEVELS):
            problems.append(Problem(SLEEP_LEVEL, "must be 1 or 2", hint=OPTIONS[SLEEP_LEVEL].help))
        share = options.get("gpu_memory_utilization")
        if isinstance(share, (int, float)) and share > 1:
            hint = OPTIONS["gpu_memory_utilization"].help
            problems.append(Problem("gpu_memory_utilization", "must be at most 1", hint=hint))
        if options.get("enable_auto_tool_choice") is True and "tool_call_parser" not in options:
            problems.append(Problem("enable_auto_tool_choice", "needs tool_call_parser as well"))
        return tuple(problems)

    def progress(self, log_lines: Sequence[str]) -> LoadProgress:
        return vllm_log.progress(log_lines)


def memory_share(place: Place) -> float | None:
    """The share of each device's total that keeps it inside its claim there: the smallest over its devices, three
    decimals rounded down; None when no total is known."""
    shares = [max(place.claim[id] - CONTEXT, 0) / place.totals[id] for id in place.accelerators if place.totals.get(id)]
    if not shares:
        return None
    return max(0.001, min(HIGHEST_SHARE, math.floor(min(shares) * 1000) / 1000))


def _number(model: LocalModel, name: str, otherwise: int) -> int:
    value = model.options.get(name, otherwise)
    return value if isinstance(value, int) else otherwise
