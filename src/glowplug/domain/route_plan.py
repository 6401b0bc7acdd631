"""What would happen to a request that is only thought of: the question, and the answer of a worker.

Seconds, tokens, nano-dollars.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from glowplug.domain.model import Cold, Policy


class RouteQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is not sent."""

    model: str
    key: str
    """Id of the API key that would send it."""
    kind: str = "/v1/chat/completions"
    """The path of an endpoint, or its name in records."""
    body: bytes = b""
    """The whole request, JSON; empty: one of `input_tokens`."""
    input_tokens: int = 0
    headers: dict[str, str] = {}
    """Header fields of the client, names in lower case."""


class TargetState(StrEnum):
    """How a target stands for the request."""

    READY = "ready"
    TRYING = "trying"
    """Its rest is over: the next request is the one that tries."""
    COLD = "cold"
    LOADING = "loading"
    FAILED = "failed"
    """Its engine failed and is not started yet."""
    COOLING = "cooling"
    """Left alone after failures."""
    PAUSED = "paused"
    """It asked for fewer requests."""
    LIMITED = "limited"
    FULL = "full"
    """At its concurrency."""
    UNAVAILABLE = "unavailable"
    """It cannot be used as configured (a missing credential, say)."""
    CONTEXT = "context"
    """The prompt does not fit."""
    TAGS = "tags"
    """It is for other tags."""
    ENDPOINT = "endpoint"
    """It has not this endpoint."""
    UNWISHED = "unwished"
    """The request wishes no fallbacks."""
    WIRE = "wire"
    """The request cannot be said in its wire."""


class TargetRole(StrEnum):
    """Why a target is considered at all."""

    TARGET = "target"
    FALLBACK = "fallback"
    CONTEXT = "context"
    """A fallback for prompts that are too long."""
    WISHED = "wished"
    """The request names it."""


class TargetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One target."""

    name: str
    place: int = 0
    """1 for the one that is asked first; 0: it is not asked."""
    role: TargetRole = TargetRole.TARGET
    local: bool
    served_by: str = ""
    """The provider, or the instance on this machine."""
    state: TargetState
    does: str = ""
    """What the request does with it when its turn comes: `ask`, `load`, `queue`; empty when it is not asked."""
    warmed: bool = False
    """Its engine is started meanwhile."""
    why: str
    """One sentence."""
    change: str = ""
    """What would change that, as a clause."""
    wait: float | None = None
    """Seconds until time alone changes it; None: unknown, or never."""
    road: str = ""
    """How it is asked: forwarded, or translated."""
    cost: int | None = None
    """Estimate; None where nobody knows the price."""


class LimitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A limit or a budget that the request is under, and how much of it is left."""

    whose: str
    unit: str
    """`requests a minute`, `tokens a minute`, `requests at once`, `nano-dollars`."""
    limit: int
    left: int | None
    """None: it cannot be read."""
    resets: float | None = None
    """Seconds until all of it is there again; None: when somebody gives back, or never."""


class Afterwards(msgspec.Struct, frozen=True, kw_only=True):
    """Where the request goes in a case."""

    case: str
    """`failed`, `context`, `content`."""
    targets: tuple[str, ...]
    text: str
    """One sentence."""


class RefusalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The error that the client would get."""

    status: int
    code: str
    message: str
    hint: str = ""
    retry_after: float | None = None


class RoutePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen; the answer of `POST /admin/route`."""

    asked: str
    name: str
    """The model or alias that serves the name."""
    matched: str
    """`model`, `alias` or `pattern`."""
    match: str
    """One sentence."""
    key: str
    key_name: str = ""
    kind: str
    policy: Policy
    arranged: str
    """What the policy does, one sentence."""
    cold: Cold
    timeout: float
    """Until the first content."""
    prompt_tokens: int | None
    """Estimate; None where the endpoint has no prompt."""
    tags: tuple[str, ...] = ()
    remembered: str = ""
    """The target its conversation is used to."""
    targets: tuple[TargetPlan, ...] = ()
    """Those that are asked, in order, then the others."""
    after: tuple[Afterwards, ...] = ()
    limits: tuple[LimitPlan, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: RefusalPlan | None = None
    first: str = ""
    """The target that is asked first; empty: nobody."""
    because: str
    """`First: NAME, because …`."""
    worker: str = ""
    """Who said so; conversations and breakers are each worker's own."""


class Unexplained(msgspec.Struct, frozen=True, kw_only=True):
    """The question itself makes no sense."""

    status: int
    code: str
    message: str
    hint: str = ""
