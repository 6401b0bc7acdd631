"""A model: a served name with where it comes from."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Capability(StrEnum):
    """What a model can be asked for; each names the endpoint it opens."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    """Anthropic's wire, where the engine speaks it itself."""
    RESPONSES = "responses"
    RERANK = "rerank"
    TRANSCRIPTIONS = "transcriptions"
    SPEECH = "speech"
    IMAGES = "images"
    """Making, editing and varying pictures."""
    MODERATIONS = "moderations"
    REALTIME = "realtime"
    """Speaking over a websocket."""
    FILES = "files"
    """Files and batches, which pass through."""


class Dialect(StrEnum):
    """The wire an upstream speaks."""

    OPENAI = "openai"
    OLLAMA = "ollama"
    """Ollama's own API, because only there `keep_alive` and `num_ctx` can be said with every call."""


class Cold(StrEnum):
    """What an alias does while its first target is not loaded (DESIGN: a request's cold path)."""

    WAIT = "wait"
    CLOUD_WHILE_COLD = "cloud-while-cold"
    REJECT = "reject"


class Policy(StrEnum):
    """In which order the targets of an alias are asked; those that cannot answer are passed over in any case."""

    ORDER = "order"
    """As they are listed."""
    WEIGHT = "weight"
    """Drawn by weight."""
    LEAST_BUSY = "least-busy"
    LATENCY = "latency"
    """The quickest to its first content, as measured here."""
    PRICE = "price"
    """The cheapest for this request's size."""


class OnDisconnect(StrEnum):
    """What happens to the upstream when the client leaves: stop it, or read on to the usage that is billed anyway."""

    CANCEL = "cancel"
    DRAIN = "drain"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """How a `command` engine is found to be ready: the first of these that is given."""

    http: str = ""
    """A path that answers `status`."""
    status: int = 200
    log: str = ""
    """A regular expression that a line of its log matches."""
    tcp: bool = False
    """Its port accepts connections."""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """How a `command` engine is asked to end: the first of these that is given; SIGTERM otherwise."""

    http: str = ""
    """A path that is sent POST."""
    argv: tuple[str, ...] = ()
    """A program that ends it."""
    signal: str = ""
    """The name of a signal: `SIGINT`."""


class LocalModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model served by an engine on this machine, as the configuration resolved it.  Times in seconds."""

    name: str
    engine: str
    """Row in the engine registry: `llamacpp`, `vllm`, `sglang`, `ollama`, `command`."""
    path: str = ""
    """Absolute path of the weights: a GGUF file (llamacpp), a folder with safetensors (vllm, sglang); else empty."""
    id: str = ""
    """The name its engine knows it by, where there is no path: `mistral:7b` (ollama), a hub's repository (vllm)."""
    command: tuple[str, ...] = ()
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
    """A load fails after this long without any sign of progress (log, CPU time, I/O, memory)."""
    load_ceiling: float = 600.0
    """A load fails after this long in any case, and 20 s later for every GiB of weights."""
    stop_timeout: float = 10.0
    """Grace between asking it to end and SIGKILL."""
    memory: int | None = None
    """Declared bytes of device memory (on a machine without accelerators: of memory)."""
    host_memory: int | None = None
    """Declared bytes of the machine's own memory."""
    memory_max: int | None = None
    """The most of the machine's own memory its launcher lets it take, in bytes."""
    devices: tuple[str, ...] = ()
    """Ids of the devices it may run on; empty: any."""
    priority: int = 0
    """When models queue for memory, higher goes first, and is worth more to keep."""
    pinned: bool = False
    """Never unloaded to make room for another model."""
    groups: tuple[str, ...] = ()
    """Names of the groups it is a member of (see `Group`)."""
    launcher: str = "auto"
    """`auto`, `systemd`, `process` or `container`."""
    image: str = ""
    """For the container launcher."""
    unit: str = ""
    """An existing unit of the user's systemd that is the engine, instead of `command`."""
    sleep: bool = False
    """Let it sleep instead of stopping it, where the engine and its version can."""
    ready: Ready | None = None
    stop: Stop | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Models that may not be loaded together, whatever the memory says."""

    name: str
    members: tuple[str, ...]
    most: int = 1
    """How many of its members may be loaded at the same time."""
    exclusive: bool = False
    """While one of its members is loaded, nothing outside the group is."""


class Loading(msgspec.Struct, frozen=True, omit_defaults=False):
    """How far a starting instance is; the `loading` member of error objects and of the admin API."""

    model: str
    state: str
    stage: str = ""
    eta_s: float | None = None
    """Seconds until ready, guessed from earlier loads; None when nothing is known."""
    progress: float | None = None
    """0..1, or None when nothing is known."""
    queue_position: int | None = None
    """1 for the next one to be given memory; None when it does not queue."""
