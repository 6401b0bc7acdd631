"""A model: a served name with where it comes from."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Capability(StrEnum):
    """What a model can be asked for; each names the endpoint it opens."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


class Cold(StrEnum):
    """What an alias does while its first target is not loaded (DESIGN: a request's cold path)."""

    WAIT = "wait"
    CLOUD_WHILE_COLD = "cloud-while-cold"
    REJECT = "reject"


class OnDisconnect(StrEnum):
    """What happens to the upstream when the client leaves: stop it, or read on to the usage that is billed anyway."""

    CANCEL = "cancel"
    DRAIN = "drain"


class LocalModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model served by an engine on this machine, as the configuration resolved it.  Times in seconds."""

    name: str
    engine: str
    """Row in the engine registry: `llamacpp`, later `vllm`, `sglang`, `ollama`, `command`."""
    path: str
    """Absolute path of the weights file (GGUF for llamacpp)."""
    command: tuple[str, ...]
    """How the engine's program is started, without its options: `("llama-server",)`."""
    options: dict[str, str | int | float | bool] = {}
    """Typed options of the engine, by the engine's own option names (see its adapter)."""
    args: tuple[str, ...] = ()
    """Free arguments appended as they are; from the configuration file only, never from the API."""
    env: dict[str, str] = {}
    port: int | None = None
    """A fixed port, or None for a free one at every launch."""
    capabilities: tuple[Capability, ...] = (Capability.CHAT, Capability.COMPLETIONS)
    keep_alive: float = 300.0
    """Idle seconds, counted from the end of the last response, before the engine is stopped; inf = never."""
    load_stall: float = 60.0
    """A load fails after this long without any sign of progress (log, CPU time, I/O)."""
    load_ceiling: float = 600.0
    """A load fails after this long in any case."""
    stop_timeout: float = 10.0
    """Grace between SIGTERM and SIGKILL."""


class Loading(msgspec.Struct, frozen=True, omit_defaults=False):
    """How far a starting instance is; the `loading` member of error objects and of the admin API."""

    model: str
    state: str
    stage: str = ""
    eta_seconds: float | None = None
    """Seconds until ready, guessed from earlier loads; None when nothing is known."""
    progress: float | None = None
    """0..1, or None when nothing is known."""
