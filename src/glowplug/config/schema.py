"""The one typed tree of the configuration file.

Everything else is made from these declarations: validation (`walk`), the JSON Schema (`jsonschema`), the reference page
(`reference`) and the environment overrides.  A field's `Meta` carries its description and examples; `extra` carries
what msgspec has no word for:

    unit      "duration" (seconds, written `5m`) or "size" (bytes, written `64MiB`)
    forever   this duration may be -1
    positive  this duration must be more than 0
    file      this secret may be written `file:/path` or `secret:NAME`
    loose     text that may be written without quotes even when it looks like a number (`args: [-ngl, 99]`)
    keys      what the keys of this mapping are: "name", "model", "variable" or "header"
    unique    the items of this list must differ
    only      "engine" or "provider": the field belongs to that kind of model
    inherits  where the value comes from when it is not given, for the reference page
"""

from __future__ import annotations

from math import inf
from typing import Annotated

from msgspec import Meta, Struct

from glowplug.config.kinds import (
    Duration,
    DurationOrZero,
    HeaderValue,
    KeepAlive,
    Port,
    Rpm,
    SecretOrFile,
    Size,
    Words,
)
from glowplug.config.schema_login import Login
from glowplug.config.schema_models import Engine, Model
from glowplug.config.schema_rules import Energy, Group, Keeping, Memory, Scheduling, Telemetry
from glowplug.domain.model import Cold, OnDisconnect, Policy
from glowplug.logs import LogFormat, LogLevel


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
    """Where Glowplug listens and what it lets in.  Changing host, port, workers, database or the log needs a
    restart."""

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
    model_folders: Annotated[
        Words,
        Meta(
            description="Folders below which weights of models lie that may be added through the API. Without any, "
            "local models can be added in this file only.",
            examples=[["~/models", "/data/hub"]],
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
    journal_sync: Annotated[
        DurationOrZero,
        Meta(
            description="Usage is written to the disk this often, so a power cut takes no more than that; 0 leaves it "
            "to the kernel. A killed process loses nothing in any case."
        ),
    ] = 1.0
    log_format: Annotated[
        LogFormat, Meta(description="The log on standard error: `text` for people, `json` with one object a line.")
    ] = LogFormat.TEXT
    log_level: Annotated[LogLevel, Meta(description="The least that is logged.")] = LogLevel.INFO
    database: Annotated[
        SecretOrFile | None,
        Meta(
            description="A PostgreSQL database of Glowplug's own, best as `${VARIABLE}` or `file:/path`; without it "
            "the database is a file in the state directory.",
            examples=["postgresql://USER:PASSWORD@HOST/NAME", "${DATABASE_URL}"],
        ),
    ] = None
    limits: Annotated[Limits, Meta(description="Limits on everything that arrives.")] = Limits()


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
    keep_alive_most: Annotated[
        KeepAlive, Meta(description="The longest `keep_alive` that a request may ask for; -1 for any.", examples=["1h"])
    ] = inf
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
    fallback: Annotated[
        Words,
        Meta(
            description="Models and aliases that aliases ask when none of their own targets can answer. A model that a "
            "client asks for by its own name has no fallback.",
            examples=[["chat-gpt-openai"]],
            extra={"unique": True},
        ),
    ] = ()


class Provider(Struct, frozen=True, kw_only=True):
    """A remote API that speaks the OpenAI wire."""

    type: Annotated[
        str | None,
        Meta(
            description="Its name in the [catalogue of providers](providers.md), which fills in the URL, the variable "
            "of the key, what it can be asked for and its quirks. Not needed when the entry has that name, or its URL.",
            examples=["groq", "azure"],
        ),
    ] = None
    base_url: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="The URL up to and including the version, as the provider's documentation gives it. Needed for "
            "a provider that is not in the catalogue.",
            examples=["https://api.openai.com/v1"],
        ),
    ] = None
    region: Annotated[
        str | None, Meta(description="Where the catalogue's URL has a `{region}`.", examples=["us-east-1"])
    ] = None
    resource: Annotated[
        str | None, Meta(description="Where the catalogue's URL has a `{resource}`.", examples=["my-resource"])
    ] = None
    api_key: Annotated[
        SecretOrFile | None,
        Meta(
            description="The key, best as `${VARIABLE}`, `file:/path` (mode 0600) or `secret:NAME` (`glowplug secrets "
            "set NAME` keeps it sealed in the database). Without it and `base_url`: the "
            "catalogue's variable. Leave it out when none is needed. "
            "An unset variable makes only this provider's models unavailable.",
            examples=["${OPENAI_API_KEY}", "file:/run/secrets/openai", "secret:openai"],
        ),
    ] = None
    access_key_id: Annotated[
        SecretOrFile | None,
        Meta(
            description="Bedrock: AWS credentials that sign requests instead of an `api_key`. Without either: "
            "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, where they are set.",
            examples=["${AWS_ACCESS_KEY_ID}"],
        ),
    ] = None
    secret_access_key: Annotated[
        SecretOrFile | None, Meta(description="Belongs to `access_key_id`.", examples=["${AWS_SECRET_ACCESS_KEY}"])
    ] = None
    session_token: Annotated[
        SecretOrFile | None,
        Meta(
            description="Of AWS credentials that end by themselves; put new ones into its file and reload.",
            examples=["file:/run/secrets/aws-session"],
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
    quirks: Annotated[
        Words | None,
        Meta(
            description="Where it differs from the wire: `+x` adds a [quirk](providers.md#quirks) to those of the "
            "catalogue, `-x` takes one away, a list of plain names replaces them.",
            examples=[["+no-stream-options"]],
            extra={"unique": True},
        ),
    ] = None
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
    policy: Annotated[
        Policy,
        Meta(
            description="In which order the targets are asked: as listed (`order`), drawn by `weight`, the one with "
            "the fewest requests first (`least-busy`), the quickest to its first content (`latency`), the cheapest for "
            "the request's size (`price`). Whoever cannot answer is passed over in any case."
        ),
    ] = Policy.ORDER
    weights: Annotated[
        dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]],
        Meta(
            description="Shares of the targets, for the policies `weight` and `least-busy`; 1 where nothing is said, 0 "
            "for a target that is asked only when the others cannot answer.",
            examples=[{"chat-hermes-llamacpp": 3, "chat-gpt-openai": 1}],
            extra={"keys": "name"},
        ),
    ] = {}
    sticky: Annotated[
        DurationOrZero,
        Meta(
            description="How long a conversation stays with the target that answered it; 0: every request is its own.",
            examples=["30m"],
        ),
    ] = 0.0
    fallback: Annotated[
        Words | None,
        Meta(
            description="Models and aliases asked, in order, when none of the targets can answer.",
            examples=[["chat-gpt-openai"]],
            extra={"unique": True, "inherits": "defaults.fallback"},
        ),
    ] = None
    on_context: Annotated[
        Words,
        Meta(
            description="Models and aliases asked, in order, when a prompt is too long for the targets.",
            examples=[["chat-long-openai"]],
            extra={"unique": True},
        ),
    ] = ()
    on_content: Annotated[
        Words,
        Meta(
            description="Models and aliases asked, in order, when a target refuses a prompt by its content policy.",
            extra={"unique": True},
        ),
    ] = ()
    deprecated: Annotated[
        str | None,
        Meta(
            description="The day since which clients should use another name; answers say so. `glowplug rename` "
            "writes it. What was used under this name is shown under its target.",
            examples=["2026-01-31"],
        ),
    ] = None


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
        dict[str, Model], Meta(description="Models, by the name clients ask for.", extra={"keys": "model"})
    ] = {}
    aliases: Annotated[
        dict[str, Alias], Meta(description="Stable names for lists of models.", extra={"keys": "name"})
    ] = {}
    memory: Annotated[Memory, Meta(description="What of the machine's memory is not for models.")] = Memory()
    scheduling: Annotated[Scheduling, Meta(description="Who is given memory when it is short.")] = Scheduling()
    groups: Annotated[
        dict[str, Group], Meta(description="Models that may not be loaded together.", extra={"keys": "name"})
    ] = {}
    telemetry: Annotated[Telemetry, Meta(description="Where spans and measurements are sent.")] = Telemetry()
    keeping: Annotated[Keeping, Meta(description="What is kept of requests and answers.")] = Keeping()
    energy: Annotated[Energy, Meta(description="What local models use of electricity.")] = Energy()
    login: Annotated[Login, Meta(description="How people log in besides passwords.")] = Login()
