"""What a worker routes by: keys, routes and targets, built from a snapshot.

Targets and keys outlive snapshots: their counters, limiters, pools and granted instances carry over when a new revision
still names them.
"""

from __future__ import annotations

from time import time
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from glowplug.domain.instance import Endpoint, Failure
from glowplug.domain.model import Capability, Cold, Dialect, Loading
from glowplug.domain.snapshot import AliasRoute, KeyRoute, Limits, ModelRoute, Snapshot
from glowplug.gateway.upstream import Pool
from glowplug.routing.limits import RateLimit
from glowplug.routing.plan import Standing
from glowplug.wire import ollama

KINDS: Final = (Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS)
"""What can be asked for on the data plane.  A request's kind is an index into this; `heads` and `by_kind` are tuples in
this order, because an enum as a dictionary key costs a Python call at every look-up."""
KIND_NAMES: Final = tuple(str(kind) for kind in KINDS)
EMBEDDINGS: Final = KINDS.index(Capability.EMBEDDINGS)
_UPSTREAM_PATHS: Final = ("/chat/completions", "/completions", "/embeddings")
_OLLAMA_PATHS: Final = (ollama.CHAT, ollama.GENERATE, ollama.EMBED)

Heads = tuple[bytes, ...]
"""Request heads to one place by kind, complete up to the value of Content-Length."""


class Instance:
    """A granted instance and this worker's leases on it."""

    __slots__ = ("endpoint", "heads", "leases", "ollama_heads", "pool", "revoked", "suspect")

    def __init__(self, endpoint: Endpoint, pool: Pool) -> None:
        self.endpoint = endpoint
        self.pool = pool
        self.leases = 0
        self.revoked = False
        self.suspect = False
        """True after it broke something, until control grants it again."""
        host = f"{endpoint.host}:{endpoint.port}"
        self.heads = _heads(host, "/v1", endpoint.key, {})
        self.ollama_heads = _heads(host, "", endpoint.key, {}, _OLLAMA_PATHS)

    @property
    def usable(self) -> bool:
        return not self.revoked and not self.suspect


class Target:
    """One model as requests meet it."""

    __slots__ = (
        "active", "failure", "heads", "instance", "limiter", "loading", "name", "name_header", "pool", "route",
        "translated", "upstream_name", "waiters", "warmed_at",
    )  # fmt: skip

    def __init__(self, route: ModelRoute) -> None:
        self.name = route.name
        self.name_header = route.name.encode()
        self.active = 0
        self.instance: Instance | None = None
        self.failure: Failure | None = None
        self.loading: Loading | None = None
        self.waiters: dict[Waiter, None] = {}
        """Requests that wait for an instance, first come first."""
        self.warmed_at = 0.0
        self.pool: Pool | None = None
        self.limiter: RateLimit | None = None
        self.heads: Heads = ()
        self.route = route
        self.upstream_name = b""
        self.translated = False
        """It is spoken to in Ollama's wire (`gateway.translated`)."""
        self.adopt(route, None)

    def adopt(self, route: ModelRoute, old: ModelRoute | None) -> None:
        """Take over the settings of a new revision; the pool is dropped when the way there has changed."""
        self.route = route
        self.upstream_name = msgspec.json.encode(route.upstream_model)
        self.translated = route.local and route.dialect is Dialect.OLLAMA
        if old is None or old.rpm != route.rpm:
            self.limiter = RateLimit(route.rpm) if route.rpm is not None else None
        if self.pool is not None and old is not None and _way(old) != _way(route):
            self.pool.close()
            self.pool = None
        if not route.local and not route.unavailable:
            parts = urlsplit(route.base_url)
            self.heads = _heads(parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), route.api_key, route.headers)

    def standing(self, now: float) -> Standing:
        """How this target stands now (monotonic seconds)."""
        route = self.route
        if route.unavailable:
            return Standing.UNAVAILABLE
        if self.limiter is not None and self.limiter.wait(now) > 0:
            return Standing.LIMITED
        if route.max_concurrency is not None and self.active >= route.max_concurrency:
            return Standing.LIMITED
        if not route.local:
            return Standing.READY
        instance = self.instance
        if instance is not None and instance.usable:
            return Standing.READY
        if self.failure is not None and self.failure.until > time():
            return Standing.FAILED
        return Standing.COLD


class Waiter(Protocol):
    """A request that waits for a target: told of a grant or of a failure, once."""

    def granted(self) -> None: ...
    def refused(self) -> None: ...


def _way(route: ModelRoute) -> tuple[str, float]:
    """What a provider's pool is made from."""
    return route.base_url, route.connect_timeout


def _heads(host: str, prefix: str, key: str, extra: dict[str, str], paths: tuple[str, ...] = _UPSTREAM_PATHS) -> Heads:
    out = []
    for path in paths:
        lines = [f"POST {prefix}{path} HTTP/1.1", f"host: {host}"]
        if key:
            lines.append(f"authorization: Bearer {key}")
        lines += [f"{name.lower()}: {value}" for name, value in extra.items()]
        lines += ["content-type: application/json", "accept: */*", "content-length: "]
        out.append("\r\n".join(lines).encode("latin-1"))
    return tuple(out)


class Route:
    """A name clients use (a model's own or an alias) with its targets by endpoint."""

    __slots__ = ("by_kind", "cold", "limiter", "name", "rpm", "targets", "timeout")

    def __init__(self, name: str, targets: tuple[Target, ...], cold: Cold, timeout: float, rpm: int | None) -> None:
        self.name = name
        self.targets = targets
        self.cold = cold
        self.timeout = timeout
        self.rpm = rpm
        self.limiter = RateLimit(rpm) if rpm is not None else None
        self.by_kind = tuple(tuple(target for target in targets if kind in target.route.capabilities) for kind in KINDS)


class Key:
    """An API key in use, with its limiter and when it was used last (unix seconds)."""

    __slots__ = ("limiter", "reported_at", "route", "used_at")

    def __init__(self, route: KeyRoute) -> None:
        self.route = route
        self.limiter = RateLimit(route.rpm) if route.rpm is not None else None
        self.used_at = self.reported_at = 0.0


class Tables:
    """The current picture.  `apply` swaps in a new one at once; requests under way keep the objects they hold."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(revision=-1, pepper=b"")
        self.targets: dict[str, Target] = {}
        self.routes: dict[bytes, Route] = {}
        """By the JSON text of the name, quotes included, as it stands in request bodies."""
        self.keys: dict[bytes, Key] = {}
        self.seen_credentials: dict[bytes, Key] = {}
        """Authorization header values that were found good under this snapshot; saves the keyed hash."""
        self.hosts: frozenset[bytes] = frozenset()
        self.seen_hosts: set[bytes] = set()
        """Host header values that were found good under this snapshot."""
        self.origins: frozenset[bytes] = frozenset()
        self.limits = Limits()
        self.model_documents: dict[str, bytes] = {}

    @property
    def ready(self) -> bool:
        """Whether a first snapshot has arrived."""
        return self.snapshot.revision >= 0

    def apply(self, snapshot: Snapshot) -> list[Target]:
        """Serve from this snapshot.  Returns the targets it no longer names; their waiters must be refused."""
        old_targets, old_routes, old_keys = self.targets, self.routes, self.keys
        targets: dict[str, Target] = {}
        for model in snapshot.models:
            target = old_targets.get(model.name)
            if target is None or target.route.local != model.local:
                target = Target(model)
            else:
                target.adopt(model, target.route)
            targets[model.name] = target
        routes: dict[bytes, Route] = {}
        for model in snapshot.models:
            alias = AliasRoute(name=model.name, targets=(model.name,))
            _add_route(routes, old_routes, alias, targets)
        for alias in snapshot.aliases:
            _add_route(routes, old_routes, alias, targets)
        keys: dict[bytes, Key] = {}
        for entry in snapshot.keys:
            key = old_keys.get(entry.digest)
            if key is None or key.route.rpm != entry.rpm:
                key = Key(entry)
            key.route = entry
            keys[entry.digest] = key
        self.snapshot = snapshot
        self.targets, self.routes, self.keys = targets, routes, keys
        self.hosts = frozenset(host.lower().encode() for host in snapshot.hosts)
        self.seen_hosts = set()
        self.seen_credentials = {}
        self.origins = frozenset(origin.lower().encode() for origin in snapshot.origins)
        self.limits = snapshot.limits
        self.model_documents = {}
        gone = [target for name, target in old_targets.items() if targets.get(name) is not target]
        for target in gone:
            if target.pool is not None:
                target.pool.close()
        return gone

    def find_route(self, raw_name: bytes, name: str) -> Route | None:
        """The route of a name that was spelled with escapes, or None."""
        route = self.routes.get(raw_name)
        return route if route is not None else self.routes.get(msgspec.json.encode(name))


def _add_route(
    routes: dict[bytes, Route], old: dict[bytes, Route], alias: AliasRoute, targets: dict[str, Target]
) -> None:
    raw = msgspec.json.encode(alias.name)
    known = tuple(targets[name] for name in alias.targets if name in targets)
    route = Route(alias.name, known, alias.cold, alias.timeout, alias.rpm)
    before = old.get(raw)
    if before is not None and before.rpm == route.rpm:
        route.limiter = before.limiter
    routes[raw] = route
