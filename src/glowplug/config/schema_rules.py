"""What the file says of memory, of who is given it, and of what is kept and sent; a part of the tree in
`glowplug.config.schema`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from glowplug.config.kinds import Duration, DurationOrZero, HeaderValue, Size, SizeOrZero, Usd, Words


class Memory(Struct, frozen=True, kw_only=True):
    """What of the machine's memory is not for models."""

    reserve: Annotated[
        SizeOrZero,
        Meta(description="Kept free on every accelerator, for the desktop.", examples=["512MiB"]),
    ] = 1 << 30
    host_reserve: Annotated[SizeOrZero, Meta(description="Kept free of the machine's own memory.")] = 2 << 30
    pressure: Annotated[
        Duration,
        Meta(
            description="When other programs have left less than the reserve free for this long, idle models are "
            "unloaded, the cheapest first."
        ),
    ] = 10.0


class Scheduling(Struct, frozen=True, kw_only=True):
    """Who is given memory when it is short."""

    min_residency: Annotated[
        DurationOrZero,
        Meta(description="How long a model stays once it is loaded before another may take its place."),
    ] = 60.0
    starvation: Annotated[
        Duration,
        Meta(description="A model that has waited this long for memory goes before every other."),
    ] = 120.0
    queue: Annotated[
        int,
        Meta(description="Models that may wait for memory; requests for more are told to retry.", ge=1, le=10_000),
    ] = 64
    learn: Annotated[
        bool, Meta(description="Remember what loaded models were measured to need, and reserve that the next time.")
    ] = True


class Group(Struct, frozen=True, kw_only=True):
    """Models that may not be loaded together, whatever the memory says."""

    members: Annotated[
        Words,
        Meta(
            description="Names of models that engines here run.",
            examples=[["chat-hermes-llamacpp", "vision-qwen-ollama"]],
            min_length=1,
            extra={"unique": True},
        ),
    ]
    most: Annotated[int, Meta(description="How many of them may be loaded at the same time.", ge=1, le=10_000)] = 1
    exclusive: Annotated[bool, Meta(description="While one of them is loaded, no model outside the group is.")] = False


class Keeping(Struct, frozen=True, kw_only=True):
    """What is kept of requests and answers, for API keys that ask for it (`glowplug keys create --cached`,
    `--log-bodies`)."""

    cache_memory: Annotated[Size, Meta(description="Cached answers in the memory of each worker.")] = 67_108_864
    cache_disk: Annotated[
        SizeOrZero,
        Meta(
            description="Cached answers in a file that workers share and a restart keeps; 0 for none.",
            examples=["1GiB"],
        ),
    ] = 0
    cache_ttl: Annotated[
        DurationOrZero, Meta(description="How long an answer may be given again to the same request; 0 for never.")
    ] = 3600.0
    longest: Annotated[Size, Meta(description="The most of one request or answer that is kept.")] = 1_048_576
    log_retention: Annotated[
        Duration, Meta(description="How long the log keeps the bodies of requests and answers.", examples=["7d"])
    ] = 604_800.0


class Telemetry(Struct, frozen=True, kw_only=True):
    """Where spans and measurements of every attempt are sent.  Needs the extra `otel`; a change needs a restart."""

    otlp: Annotated[
        str | None,
        Meta(
            description="Base URL of an OpenTelemetry collector (OTLP over HTTP). Prompts and answers are never sent.",
            examples=["http://127.0.0.1:4318"],
        ),
    ] = None
    headers: Annotated[
        dict[str, HeaderValue],
        Meta(
            description="Request headers for the collector. Their values are treated as secrets.",
            examples=[{"Authorization": "Bearer ${OTLP_TOKEN}"}],
            extra={"keys": "header"},
        ),
    ] = {}


class Energy(Struct, frozen=True, kw_only=True):
    """What requests to local models used, as far as devices report it."""

    measure: Annotated[bool, Meta(description="Ask the devices once a second while a local model answers.")] = True
    price_per_kwh: Annotated[
        Usd | None,
        Meta(
            description="US dollars for a kilowatt-hour. Local models without a `price` cost that; without it nothing.",
            examples=[0.30],
        ),
    ] = None
    idle: Annotated[
        bool,
        Meta(description="Count what a device would draw without any request to the requests that run meanwhile."),
    ] = False
