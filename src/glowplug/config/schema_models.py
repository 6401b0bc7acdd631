"""What the file says of models and of the engines that run them; a part of the tree in `glowplug.config.schema`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from glowplug.config.kinds import (
    Arguments,
    Duration,
    EnvValue,
    KeepAlive,
    Launcher,
    OptionValue,
    Priority,
    Rpm,
    Size,
    SizeOrZero,
    Tpm,
    Words,
)
from glowplug.config.schema_price import ModelPrice
from glowplug.domain.model import Capability, OnDisconnect


class Engine(Struct, frozen=True, kw_only=True):
    """How one kind of local server is run, for all models that use it."""

    command: Annotated[
        str | Words | None,
        Meta(
            description="The program: a name on PATH, a path, or a list of words. "
            "Without it the engine's usual program is looked up on PATH.",
            examples=["llama-server", ["nice", "-n", "5", "llama-server"]],
        ),
    ] = None
    options: Annotated[
        dict[str, OptionValue],
        Meta(
            description="Defaults for every model of this engine; its own options win.",
            examples=[{"parallel": 2}],
        ),
    ] = {}
    args: Annotated[
        Arguments,
        Meta(description="Arguments put before a model's own `args`, as written.", examples=[["--mlock"]]),
    ] = ()
    env: Annotated[
        dict[str, EnvValue],
        Meta(
            description="Environment variables for the engine's processes.",
            examples=[{"HF_HOME": "/data/hub"}],
            extra={"keys": "variable"},
        ),
    ] = {}
    launcher: Annotated[
        Launcher,
        Meta(
            description="How its processes are run and owned: each as a `systemd` user unit, as a `process` group, or "
            "in a `container`; `auto` takes systemd where that works, else process."
        ),
    ] = Launcher.AUTO
    image: Annotated[
        str | None,
        Meta(
            description="The image to run, with `launcher: container`.",
            examples=["ghcr.io/ggml-org/llama.cpp:server-cuda"],
        ),
    ] = None
    memory_max: Annotated[
        Size | None,
        Meta(
            description="The most of the machine's own memory that one engine process and its children may take, "
            "where the launcher can enforce it.",
            examples=["32GiB"],
        ),
    ] = None


class Ready(Struct, frozen=True, kw_only=True):
    """How it is found out that a `command` engine is ready: give exactly one of `http`, `log` and `tcp`."""

    http: Annotated[
        str | None,
        Meta(description="A path on its port that answers `status` once it is ready.", examples=["/health"]),
    ] = None
    status: Annotated[int, Meta(description="The HTTP status that means ready.", ge=100, le=599)] = 200
    log: Annotated[
        str | None,
        Meta(
            description="A regular expression; it is ready once a line of its log matches anywhere.",
            examples=["Uvicorn running on"],
        ),
    ] = None
    tcp: Annotated[bool, Meta(description="It is ready once its port accepts connections.")] = False


class Stop(Struct, frozen=True, kw_only=True):
    """How a `command` engine is asked to end: give exactly one.  SIGKILL follows after `stop_timeout`."""

    http: Annotated[str | None, Meta(description="A path on its port that is sent a POST.", examples=["/shutdown"])] = (
        None
    )
    argv: Annotated[
        Annotated[Arguments, Meta(min_length=1)] | None,
        Meta(description="A program that ends it.", examples=[["docker", "stop", "whisper"]]),
    ] = None
    signal: Annotated[str | None, Meta(description="A signal for its process group.", examples=["SIGINT"])] = None


class Model(Struct, frozen=True, kw_only=True):
    """A served name with where it comes from: `engine` and what it needs, or `provider` and `id`.

    An engine needs `path` (llamacpp), `path` or `id` (vllm, sglang), `id` (ollama), `command` or `unit` (command)."""

    engine: Annotated[
        str | None,
        Meta(description="The kind of local server that runs it.", examples=["llamacpp"], extra={"only": "engine"}),
    ] = None
    path: Annotated[
        str | None,
        Meta(
            description="The weights: a GGUF file (llamacpp), a folder (vllm, sglang). Relative to the configuration "
            "file; `~` is your home.",
            examples=["~/models/hermes.gguf"],
            extra={"only": "engine"},
        ),
    ] = None
    id: Annotated[
        str | None,
        Meta(
            description="The model's name at its provider, or the name its engine knows it by: a tag (ollama), a "
            "repository of a hub (vllm, sglang).",
            examples=["gpt-5-mini", "mistral:7b"],
        ),
    ] = None
    unit: Annotated[
        str | None,
        Meta(
            description="An existing unit of your systemd (`systemctl --user`) that is the engine, instead of "
            "`command`; `port` says where it listens.",
            examples=["whisper.service"],
            extra={"only": "engine"},
        ),
    ] = None
    command: Annotated[
        str | Words | None,
        Meta(
            description="A program for this model alone.",
            examples=["/opt/llama.cpp/bin/llama-server"],
            extra={"only": "engine", "inherits": "the engine's `command`"},
        ),
    ] = None
    options: Annotated[
        dict[str, OptionValue],
        Meta(
            description="The engine's own options by name, checked against what the engine knows.",
            examples=[{"ctx_size": 8192, "gpu_layers": 99}],
            extra={"only": "engine"},
        ),
    ] = {}
    args: Annotated[
        Arguments,
        Meta(description="Arguments appended exactly as written.", examples=[["--mlock"]], extra={"only": "engine"}),
    ] = ()
    env: Annotated[
        dict[str, EnvValue],
        Meta(
            description="Environment variables for this engine process, over the engine's own.",
            examples=[{"HF_HOME": "/data/hub"}],
            extra={"only": "engine", "keys": "variable"},
        ),
    ] = {}
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="A fixed port; without it a free one at every start.", extra={"only": "engine"}),
    ] = None
    keep_alive: Annotated[
        KeepAlive | None,
        Meta(
            description="Idle time before this engine is stopped; 0 at once, -1 never.",
            examples=["10m"],
            extra={"only": "engine", "inherits": "defaults.keep_alive"},
        ),
    ] = None
    load_stall: Annotated[
        Duration | None,
        Meta(description="See defaults.", extra={"only": "engine", "inherits": "defaults.load_stall"}),
    ] = None
    load_ceiling: Annotated[
        Duration | None,
        Meta(description="See defaults.", extra={"only": "engine", "inherits": "defaults.load_ceiling"}),
    ] = None
    stop_timeout: Annotated[
        Duration | None,
        Meta(description="See defaults.", extra={"only": "engine", "inherits": "defaults.stop_timeout"}),
    ] = None
    memory: Annotated[
        SizeOrZero | None,
        Meta(
            description="Memory it needs on accelerators (of the machine, where there are none), when that cannot be "
            "found out from its files. What was measured wins over it.",
            examples=["14GiB"],
            extra={"only": "engine"},
        ),
    ] = None
    host_memory: Annotated[
        SizeOrZero | None,
        Meta(
            description="Memory it needs of the machine itself, beside that on accelerators.",
            examples=["2GiB"],
            extra={"only": "engine"},
        ),
    ] = None
    memory_max: Annotated[
        Size | None,
        Meta(
            description="The most of the machine's own memory that it may take.",
            extra={"only": "engine", "inherits": "the engine's `memory_max`"},
        ),
    ] = None
    devices: Annotated[
        Annotated[Words, Meta(min_length=1)] | None,
        Meta(
            description="The devices it may be loaded on, as `glowplug memory` names them; without it any.",
            examples=[["gpu0"], ["host"]],
            extra={"only": "engine", "unique": True},
        ),
    ] = None
    priority: Annotated[
        Priority,
        Meta(
            description="When models queue for memory, higher goes first and is worth more to keep.",
            extra={"only": "engine"},
        ),
    ] = 0
    pinned: Annotated[
        bool,
        Meta(description="Never unloaded to make room for another model.", extra={"only": "engine"}),
    ] = False
    launcher: Annotated[
        Launcher | None,
        Meta(description="How it is run and owned.", extra={"only": "engine", "inherits": "the engine's `launcher`"}),
    ] = None
    image: Annotated[
        str | None,
        Meta(
            description="The image to run, with `launcher: container`.",
            extra={"only": "engine", "inherits": "the engine's `image`"},
        ),
    ] = None
    sleep: Annotated[
        bool,
        Meta(
            description="When idle, let it sleep instead of stopping it, where the engine and its version can (vllm, "
            "sglang): it wakes faster and keeps some memory.",
            extra={"only": "engine"},
        ),
    ] = False
    ready: Annotated[
        Ready | None, Meta(description="How a `command` engine is found to be ready.", extra={"only": "engine"})
    ] = None
    stop: Annotated[
        Stop | None,
        Meta(description="How a `command` engine is asked to end; without it by SIGTERM.", extra={"only": "engine"}),
    ] = None
    keep_alive_most: Annotated[
        KeepAlive | None,
        Meta(
            description="The longest `keep_alive` that a request may ask for.",
            examples=["1h"],
            extra={"only": "engine", "inherits": "defaults.keep_alive_most"},
        ),
    ] = None
    provider: Annotated[
        str | None,
        Meta(description="The provider that serves it.", examples=["openai"], extra={"only": "provider"}),
    ] = None
    quirks: Annotated[
        Words | None,
        Meta(
            description="As for a provider, over what that says: `+x`, `-x`, or a list of plain names.",
            examples=[["-strip-attribution"]],
            extra={"unique": True},
        ),
    ] = None
    request_defaults: Annotated[
        dict[str, OptionValue],
        Meta(
            description="Members put into requests that do not have them.",
            examples=[{"max_tokens": 4096, "temperature": 0.2}],
        ),
    ] = {}
    capabilities: Annotated[
        Annotated[tuple[Capability, ...], Meta(min_length=1)] | None,
        Meta(
            description="What it can be asked for. Without it an engine's model: what its engine says (most: chat and "
            "completions); a provider's: what the catalogue says, else all but moderations, files, messages and "
            "responses (the last two are translated).",
            examples=[["chat", "completions"], ["embeddings"]],
            extra={"unique": True},
        ),
    ] = None
    connect_timeout: Annotated[
        Duration | None, Meta(description="See defaults.", extra={"inherits": "the provider, then defaults"})
    ] = None
    first_byte_timeout: Annotated[
        Duration | None, Meta(description="See defaults.", extra={"inherits": "the provider, then defaults"})
    ] = None
    idle_timeout: Annotated[
        Duration | None, Meta(description="See defaults.", extra={"inherits": "the provider, then defaults"})
    ] = None
    rpm: Annotated[Rpm | None, Meta(description="Requests a minute; more go to the next target.", examples=[500])] = (
        None
    )
    tpm: Annotated[
        Tpm | None,
        Meta(description="Tokens a minute, prompt and answer; more go to the next target.", examples=[100_000]),
    ] = None
    price: Annotated[
        ModelPrice | None,
        Meta(
            description="What it costs. Without it a provider's model costs what the price list that comes with "
            "Glowplug says, an engine's nothing.",
        ),
    ] = None
    max_concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(description="Requests at the same time; more go to the next target.", examples=[4]),
    ] = None
    tags: Annotated[
        Words,
        Meta(
            description="A request that asks for tags is served by targets that have one of them, or that have none.",
            examples=[["private", "fast"]],
            extra={"unique": True},
        ),
    ] = ()
    context_window: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Tokens of prompt and completion together. A target that is clearly too small for a request is "
            "passed over.",
            examples=[128_000],
        ),
    ] = None
    dimensions: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Numbers in each of its vectors, as those who keep them count on. The list of models says it, "
            "`glowplug smoke` holds its answers against it.",
            examples=[768],
        ),
    ] = None
    unit_vectors: Annotated[
        bool,
        Meta(
            description="Its vectors have the length 1, as those who compare them count on; said and tested likewise."
        ),
    ] = False
    former_ids: Annotated[
        Words,
        Meta(
            description="What another gateway called it in its records: an importer writes them, so that past usage is "
            "found under this model.",
            extra={"unique": True},
        ),
    ] = ()
    on_disconnect: Annotated[
        OnDisconnect | None,
        Meta(
            description="When the client leaves. An engine's model is cancelled, so that the hardware is free.",
            extra={"inherits": "the provider; `cancel` for an engine"},
        ),
    ] = None
