"""The immutable routing picture a gateway worker serves from.  Built by the control process, sent over the link."""

from __future__ import annotations

import msgspec

from glowplug.domain.access import Rights, Role
from glowplug.domain.budget import Budget, UseLimit
from glowplug.domain.model import Capability, Cold, Dialect, OnDisconnect, Policy
from glowplug.domain.price import Price
from glowplug.domain.provider import AwsKeys

NO_MODEL = ""
"""In the models of a key that may use none: an empty list would mean all, and nothing is called this."""


class ModelRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One model as a worker sees it.  Times in seconds."""

    name: str
    local: bool
    """True: served by a granted instance.  False: served by `base_url`."""
    upstream_model: str
    """The name put into the body that goes upstream."""
    base_url: str = ""
    """`https://host/v1` of a provider, no trailing slash."""
    guarded: bool = False
    """The provider was added at run time: what its host stands for is checked whenever it is connected to."""
    api_key: str = ""
    headers: dict[str, str] = {}
    """Extra headers for the provider."""
    capabilities: tuple[Capability, ...] = (Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS)
    connect_timeout: float = 5.0
    first_byte_timeout: float = 300.0
    idle_timeout: float = 120.0
    """Longest silence inside a response."""
    rpm: int | None = None
    max_concurrency: int | None = None
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    unavailable: str = ""
    """Why it cannot be used at all (an unset environment variable, say); empty when it can."""
    owner: str = "glowplug"
    """`owned_by` in the model list."""
    request_defaults: dict[str, bool | int | float | str] = {}
    """Members put into a request body that does not have them (`max_tokens`, say)."""
    keep_alive_most: float = float("inf")
    """Longest `keep_alive` a request may ask for, in seconds."""
    keep_alive: float = 300.0
    """Idle seconds after which its engine is stopped, as configured; what a worker tells who asks."""
    dialect: Dialect = Dialect.OPENAI
    """The wire its engine speaks."""
    engine_options: dict[str, bool | int | float | str] = {}
    """Options that go with every request in that dialect (Ollama's `num_ctx`)."""
    provider: str = ""
    """Its row in the catalogue of providers; empty for engines and for providers that are not in it."""
    aws: AwsKeys | None = None
    """What requests are signed with, where they carry no key."""
    quirks: tuple[str, ...] = ()
    """Names of the rows of quirks that apply to requests and answers."""
    credential: str = ""
    """What it shares with other models when the provider refuses or throttles: a short digest of URL and key."""
    price: Price | None = None
    """None: nobody knows; a local model costs nothing."""
    tpm: int | None = None
    context_window: int | None = None
    """Tokens of prompt and completion together; None when it is not known."""
    max_output: int | None = None
    """The most tokens it completes; None when it is not known."""
    dimensions: int | None = None
    """Numbers in each of its vectors; None when nobody promises any."""
    unit_vectors: bool = False
    """It is promised that its vectors have the length 1."""
    tags: tuple[str, ...] = ()
    """A request that asks for tags is served by targets that have one of them, or that have none."""

    def __repr__(self) -> str:  # without the key and the headers, which end up in logs otherwise
        return f"ModelRoute({self.name!r}, {self.upstream_model!r} at {self.base_url or 'an instance'})"


class AliasRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A stable name → ordered targets with a policy."""

    name: str
    targets: tuple[str, ...]
    cold: Cold = Cold.WAIT
    timeout: float = 600.0
    """Longest time from the request to the first content byte, over all attempts and waiting."""
    rpm: int | None = None
    policy: Policy = Policy.ORDER
    weights: tuple[int, ...] = ()
    """Of the targets, in their order; empty: all the same."""
    sticky: float = 0.0
    """Seconds for which a conversation stays with the target that answered it; 0: it does not."""
    fallback: tuple[str, ...] = ()
    """Models and aliases asked, in order, when none of the targets can answer."""
    on_context: tuple[str, ...] = ()
    """Models and aliases asked, in order, when a prompt is too long for every target."""
    on_content: tuple[str, ...] = ()
    """… when a target refuses a prompt by its content policy."""
    deprecated: int = 0
    """Unix seconds since which clients should use another name; 0: they need not."""


class KeyRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One API key as a worker sees it."""

    id: str
    digest: bytes
    role: Role
    models: tuple[str, ...] = ()
    rpm: int | None = None
    expires_at: float | None = None
    rights: Rights = Rights.EVICT
    priority: int = 0
    user: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    tpm: int | None = None
    concurrency: int | None = None
    cached: bool = False
    log_bodies: bool = False
    end_users: bool = False
    imported: bytes = b""
    """SHA-256 by which it is known until its first use; empty when it has a keyed hash."""
    routes: tuple[str, ...] = ()
    """Endpoints it may use; empty means all."""
    blocked: str = ""
    """Why it is not good now, in a sentence; empty when it is."""
    row: str = ""
    """Its own id where `id` is that of the key it replaces, whose budgets and records it goes on with."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What may arrive at most.  Bytes and seconds."""

    head_bytes: int = 65_536
    headers: int = 128
    body_bytes: int = 67_108_864
    head_timeout: float = 10.0
    body_timeout: float = 60.0
    """Longest silence while a body arrives."""
    keep_alive: float = 75.0
    """How long an idle client connection is kept."""
    write_timeout: float = 120.0
    """How long a client that reads nothing is kept."""
    connections: int = 4096
    """Connections per client address."""
    waiting: int = 1024
    """Requests that may wait for one starting engine."""
    plain_wait: float = 300.0
    """How long a request without a stream may wait for an engine before it gets 503 and the loading object."""
    drain_timeout: float = 30.0
    """How long streams may go on after SIGTERM."""
    journal_sync: float = 1.0
    """The most that a power cut may take of the journal; 0: as much as the kernel likes to keep back."""


class BudgetPeriod(msgspec.Struct, frozen=True):
    """One window of a budget, from `start` up to, not including, `end` (Unix seconds), and its row of the counters."""

    start: float
    end: float
    row: int


class BudgetRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One budget as a worker sees it: the window that is running and, where there is one, the next."""

    budget: Budget
    periods: tuple[BudgetPeriod, ...]


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of answers, for keys that ask for it.  Bytes and seconds."""

    memory: int = 67_108_864
    """Of cached answers in each worker."""
    disk: int = 0
    """Of cached answers in the file that workers share; 0: there is none."""
    ttl: float = 3600.0
    """How long an answer may be given again; 0: never."""
    longest: int = 1_048_576
    """The most of one request or answer that is kept."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs to route and admit, as of one revision."""

    revision: int
    pepper: bytes
    models: tuple[ModelRoute, ...] = ()
    aliases: tuple[AliasRoute, ...] = ()
    keys: tuple[KeyRoute, ...] = ()
    limits: Limits = Limits()
    keeping: Keeping = Keeping()
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Values of the Host header (without port) that are served; `*` serves any."""
    origins: tuple[str, ...] = ()
    """Browser origins that may call the API besides our own; `*` allows any."""
    stale: str = ""
    """Why the configuration being served is not the one on disk; empty when it is."""
    budgets: tuple[BudgetRoute, ...] = ()
    use_limits: tuple[UseLimit, ...] = ()
    rows: dict[str, int] = {}
    """Label of a limit that several workers share (`glowplug.routing.labels`) → its row of the counters."""
    counters: int = 0
    """Identity of the file of counters that the rows are of; 0 when there are none."""
