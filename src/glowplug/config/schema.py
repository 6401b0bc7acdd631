"""The one typed tree of the configuration file.

Everything else is made from these declarations: validation (`walk`), the JSON Schema (`jsonschema`), the reference page
(`reference`) and the environment overrides.  A field's `Meta` carries its description and examples; `extra` carries
what msgspec has no word for:

    unit      "duration" (seconds, written `5m`) or "size" (bytes, written `64MiB`)
    forever   this duration may be -1
    positive  this duration must be more than 0
    file      this secret may be written `file:/path`
    loose     text that may be written without quotes even when it looks like a number (`args: [-ngl, 99]`)
    keys      what the keys of this mapping are: "name", "variable" or "header"
    unique    the items of this list must differ
    only      "engine" or "provider": the field belongs to that kind of model
    inherits  where the value comes from when it is not given, for the reference page
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from glowplug.domain.model import Capability, Cold, OnDisconnect
from glowplug.secret import Secret

OptionValue = str | int | float | bool

Duration = Annotated[float, Meta(extra={"unit": "duration", "positive": True})]
"""Seconds, more than 0."""
KeepAlive = Annotated[float, Meta(extra={"unit": "duration", "forever": True})]
"""Seconds, 0 or more, or `math.inf`."""
Size = Annotated[int, Meta(extra={"unit": "size"}, ge=1)]
"""Bytes."""
Port = Annotated[int, Meta(ge=0, le=65535)]
Rpm = Annotated[int, Meta(ge=1, le=10_000_000)]
SecretOrFile = Annotated[Secret, Meta(extra={"file": True})]
HeaderValue = Annotated[Secret, Meta(extra={"file": True, "loose": True})]
EnvValue = Annotated[Secret, Meta(extra={"loose": True})]
"""A secret, because nobody can tell which variables of a process are."""
Words = tuple[str, ...]
Arguments = tuple[Annotated[str, Meta(extra={"loose": True})], ...]


class Limits(Struct, frozen=True, kw_only=True):
    """What may arrive at most."""

    body: Annotated[Size, Meta(description="Longest request body.", examples=["64MiB"])] = 67_108_864
    head: Annotated[Size, Meta(description="Longest request head (request line and headers together).")] = 65_536
    headers: Annotated[int, Meta(description="Most header fields in one request.", ge=8, le=10_000)] = 128
    head_timeout: Annotated[Duration, Meta(description="How long a request head may take to arrive.")] = 10.0
    body_timeout: Annotated[Duration, Meta(description="Longest silence while a body arrives.")] = 60.0
    keep_alive: Annotated[Duration, Meta(description="How long an idle client connection is kept open.")] = 75.0
    write_timeout: Annotated[Duration, Meta(description="How long a client that reads nothing is kept.")] = 120.0
    connections: Annotated[int, Meta(description="Open connections per client address.", ge=1, le=1_000_000)] = 4096
    waiting: Annotated[
        int, Meta(description="Requests that may wait for one starting engine; more are told to retry.", ge=0)
    ] = 1024


class Server(Struct, frozen=True, kw_only=True):
    """Where Glowplug listens and what it lets in.  Changing host, port or workers needs a restart."""

    host: Annotated[
        str,
        Meta(description="Address to listen on. A key is needed on every address.", examples=["127.0.0.1", "::1"]),
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 takes any free one.", examples=[4000])] = 4000
    workers: Annotated[
        int, Meta(description="Gateway worker processes. One serves thousands of streams.", ge=1, le=64)
    ] = 1
    hosts: Annotated[
        Words,
        Meta(
            description="More names clients may reach this server by (values of the Host header, without port). "
            "`*` accepts any and gives up the protection against DNS rebinding.",
            examples=[["my-box.lan"]],
            extra={"unique": True},
        ),
    ] = ()
    origins: Annotated[
        Words,
        Meta(
            description="Browser origins that may call the API besides the server's own pages; `*` allows any.",
            examples=[["https://chat.example.org"]],
            extra={"unique": True},
        ),
    ] = ()
    drain_timeout: Annotated[Duration, Meta(description="How long running streams may go on after SIGTERM.")] = 30.0
    plain_wait: Annotated[
        Duration,
        Meta(
            description="How long a request without a stream waits for an engine before it gets 503, Retry-After and "
            "the loading object."
        ),
    ] = 300.0
    limits: Annotated[Limits, Meta(description="Limits on everything that arrives.")] = Limits()


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
            examples=[{"CUDA_VISIBLE_DEVICES": "0"}],
            extra={"keys": "variable"},
        ),
    ] = {}


class Defaults(Struct, frozen=True, kw_only=True):
    """What models and aliases use when they do not say otherwise."""

    keep_alive: Annotated[
        KeepAlive,
        Meta(
            description="Idle time, counted from the end of the last response, before an engine is stopped and its "
            "memory given back. 0 stops at once, -1 never.",
            examples=["5m", "1h", -1],
        ),
    ] = 300.0
    load_stall: Annotated[
        Duration, Meta(description="A load fails after this long without any sign of progress.", examples=["60s"])
    ] = 60.0
    load_ceiling: Annotated[Duration, Meta(description="A load fails after this long in any case.")] = 600.0
    stop_timeout: Annotated[Duration, Meta(description="Grace between SIGTERM and SIGKILL for an engine.")] = 10.0
    connect_timeout: Annotated[Duration, Meta(description="How long connecting to an upstream may take.")] = 5.0
    first_byte_timeout: Annotated[
        Duration, Meta(description="How long an upstream may think before the next target is tried.")
    ] = 300.0
    idle_timeout: Annotated[Duration, Meta(description="Longest silence inside a response.")] = 120.0
    cold: Annotated[Cold, Meta(description="What an alias does while its first target is not loaded.")] = Cold.WAIT
    timeout: Annotated[
        Duration,
        Meta(description="Longest time from a request to an alias to the first content, over all attempts."),
    ] = 600.0


class Provider(Struct, frozen=True, kw_only=True):
    """A remote API that speaks the OpenAI wire."""

    base_url: Annotated[
        str,
        Meta(
            description="The URL up to and including the version, as the provider's documentation gives it.",
            examples=["https://api.openai.com/v1"],
            min_length=1,
        ),
    ]
    api_key: Annotated[
        SecretOrFile | None,
        Meta(
            description="The key, best as `${VARIABLE}` or `file:/path` (mode 0600). Leave it out when none is needed. "
            "An unset variable makes only this provider's models unavailable.",
            examples=["${OPENAI_API_KEY}", "file:/run/secrets/openai"],
        ),
    ] = None
    headers: Annotated[
        dict[str, HeaderValue],
        Meta(
            description="More request headers. Their values are treated as secrets.",
            examples=[{"X-Team": "lab"}],
            extra={"keys": "header"},
        ),
    ] = {}
    connect_timeout: Annotated[
        Duration | None, Meta(description="See defaults.", extra={"inherits": "defaults.connect_timeout"})
    ] = None
    first_byte_timeout: Annotated[
        Duration | None, Meta(description="See defaults.", extra={"inherits": "defaults.first_byte_timeout"})
    ] = None
    idle_timeout: Annotated[
        Duration | None, Meta(description="See defaults.", extra={"inherits": "defaults.idle_timeout"})
    ] = None
    on_disconnect: Annotated[
        OnDisconnect,
        Meta(
            description="When the client leaves: `drain` reads on to the usage that is billed anyway, "
            "`cancel` closes the upstream."
        ),
    ] = OnDisconnect.DRAIN


class Model(Struct, frozen=True, kw_only=True):
    """A served name with where it comes from: `engine` and `path`, or `provider` and `id`."""

    engine: Annotated[
        str | None,
        Meta(description="The kind of local server that runs it.", examples=["llamacpp"], extra={"only": "engine"}),
    ] = None
    path: Annotated[
        str | None,
        Meta(
            description="The weights file. Relative to the configuration file; `~` is your home.",
            examples=["~/models/hermes.gguf"],
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
            examples=[{"CUDA_VISIBLE_DEVICES": "0"}],
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
    provider: Annotated[
        str | None,
        Meta(description="The provider that serves it.", examples=["openai"], extra={"only": "provider"}),
    ] = None
    id: Annotated[
        str | None,
        Meta(
            description="The model's name at the provider.",
            examples=["gpt-5-mini"],
            extra={"only": "provider"},
        ),
    ] = None
    capabilities: Annotated[
        Annotated[tuple[Capability, ...], Meta(min_length=1)] | None,
        Meta(
            description="What it can be asked for. An engine's model: chat and completions; a provider's: all.",
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
    max_concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(description="Requests at the same time; more go to the next target.", examples=[4]),
    ] = None
    on_disconnect: Annotated[
        OnDisconnect | None,
        Meta(
            description="When the client leaves. An engine's model is cancelled, so that the hardware is free.",
            extra={"inherits": "the provider; `cancel` for an engine"},
        ),
    ] = None


class Alias(Struct, frozen=True, kw_only=True):
    """A stable name that clients use, for an ordered list of targets."""

    targets: Annotated[
        Words,
        Meta(
            description="Names of models; the first that can answer does.",
            examples=[["chat-hermes-llamacpp", "chat-gpt-openai"]],
            min_length=1,
            extra={"unique": True},
        ),
    ]
    cold: Annotated[
        Cold | None,
        Meta(
            description="While the first target is not loaded: `wait` for it; `cloud-while-cold` lets the next target "
            "answer and warms the first behind; `reject` goes on to the next target and starts nothing.",
            extra={"inherits": "defaults.cold"},
        ),
    ] = None
    timeout: Annotated[
        Duration | None,
        Meta(
            description="Longest time to the first content, over all attempts and waiting.",
            examples=["10m"],
            extra={"inherits": "defaults.timeout"},
        ),
    ] = None
    rpm: Annotated[Rpm | None, Meta(description="Requests a minute through this alias.", examples=[600])] = None


class Config(Struct, frozen=True, kw_only=True):
    """The whole file."""

    server: Annotated[Server, Meta(description="Where Glowplug listens and what it lets in.")] = Server()
    engines: Annotated[dict[str, Engine], Meta(description="How each kind of local server is run.")] = {}
    defaults: Annotated[Defaults, Meta(description="What models and aliases use unless they say otherwise.")] = (
        Defaults()
    )
    providers: Annotated[
        dict[str, Provider], Meta(description="Remote APIs, by a name of your choice.", extra={"keys": "name"})
    ] = {}
    models: Annotated[
        dict[str, Model], Meta(description="Models, by the name clients ask for.", extra={"keys": "name"})
    ] = {}
    aliases: Annotated[
        dict[str, Alias], Meta(description="Stable names for lists of models.", extra={"keys": "name"})
    ] = {}
