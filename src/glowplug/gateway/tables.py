"""What a worker routes by: keys, routes and targets, built from a snapshot.

Targets and keys outlive snapshots: their counters, limiters, pools and granted instances carry over when a new revision
still names them.
"""

from __future__ import annotations

from time import time
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from glowplug.domain.budget import Scope
from glowplug.domain.instance import Endpoint, Failure
from glowplug.domain.model import Cold, Loading
from glowplug.domain.price import LOCAL
from glowplug.domain.snapshot import AliasRoute, KeyRoute, Limits, ModelRoute, Snapshot
from glowplug.gateway.dialects import shape_of
from glowplug.gateway.guards import Guards
from glowplug.gateway.identity import NOTHING, named
from glowplug.gateway.kinds import KINDS
from glowplug.gateway.limiting import Guard
from glowplug.gateway.model_facts import Facts
from glowplug.gateway.queue import Queue
from glowplug.gateway.roads import Road, engine_heads, provider_heads, roads_of
from glowplug.gateway.shapes import Heads
from glowplug.gateway.upstream import Pool
from glowplug.routing import labels
from glowplug.routing.budgets import Meter
from glowplug.routing.limits import RateLimit
from glowplug.routing.plan import Standing
from glowplug.wire.ollama_server import other_spelling

READY: Final = Standing.READY
"""At hand: naming the member of an enum costs as much as a call, and every request asks."""


class Instance:
    """A granted instance and this worker's leases on it."""

    __slots__ = (
        "endpoint",
        "granted_at",
        "heads",
        "leases",
        "pool",
        "revoked",
        "size",
        "size_vram",
        "suspect",
        "unload",
    )

    def __init__(self, endpoint: Endpoint, pool: Pool) -> None:
        self.endpoint = endpoint
        self.pool = pool
        self.leases = 0
        self.granted_at = 0.0
        """Monotonic seconds of the last grant."""
        self.revoked = False
        self.suspect = False
        """True after it broke something, until control grants it again."""
        self.size = self.size_vram = 0
        """Bytes it holds, all of them and those on accelerators; 0 until control says."""
        self.unload = False
        """True when it is not to be kept after the last lease it has now, whatever its requests say."""
        self.heads: Heads = ()
        """Empty until a target is served by it."""

    def put(self, roads: tuple[Road | None, ...]) -> None:
        """Be asked on these roads."""
        endpoint = self.endpoint
        self.heads = engine_heads(roads, f"{endpoint.host}:{endpoint.port}", endpoint.prefix, endpoint.key)

    @property
    def usable(self) -> bool:
        return not self.revoked and not self.suspect


class Target:
    """One model as requests meet it."""

    __slots__ = (
        "active", "asked", "costs_nothing", "failure", "guard", "heads", "identity", "instance", "lacking", "limiter",
        "loading", "metered", "name", "name_header", "pool", "price_version", "queue", "roads", "route", "waiters",
        "warmed_at",
    )  # fmt: skip

    def __init__(self, route: ModelRoute) -> None:
        self.name = route.name
        self.name_header = route.name.encode()
        self.identity = named(self.name_header)
        """Header lines of what it answers."""
        self.active = 0
        self.instance: Instance | None = None
        self.failure: Failure | None = None
        self.loading: Loading | None = None
        self.waiters: dict[Waiter, None] = {}
        """Requests that wait for an instance, first come first."""
        self.asked: tuple[int, bool] | None = None
        """The priority and the right to unload others that control was told of last, while somebody waits."""
        self.queue = Queue()
        """Requests that wait for a slot, while the target is at its concurrency."""
        self.warmed_at = 0.0
        self.pool: Pool | None = None
        self.limiter = None if route.rpm is None else RateLimit(route.rpm)
        self.guard: Guard | None = None
        """Limits and budgets of the model, besides its rate and its concurrency."""
        self.heads: Heads = ()
        self.lacking: frozenset[str] = frozenset()
        """Endpoints that it was said to have and turned out not to have (`gateway.probing`)."""
        self.route = route
        self.adopt(route, None)

    def adopt(self, route: ModelRoute, old: ModelRoute | None) -> None:
        """Take over the settings of a new revision; the pool is dropped when the way there has changed."""
        self.route = route
        if old is not None and _said(old) != _said(route):
            self.lacking = frozenset()
        self.lacks(self.lacking)
        self.metered = route.price is not None and not route.price.free
        """Whether attempts cost something, so that budgets apply."""
        self.price_version = (LOCAL if route.local else "") if route.price is None else route.price.version
        """What lines say their cost was computed with; empty where nobody knows what attempts cost."""
        self.costs_nothing = NOTHING if self.price_version else b""
        """Header lines of answers that cost nothing; empty where that is not known."""
        if self.pool is not None and old is not None and _way(old) != _way(route):
            self.pool.close()
            self.pool = None

    def lacks(self, kinds: frozenset[str]) -> None:
        """Choose the roads to it, without these endpoints."""
        self.lacking = kinds
        route = self.route
        shape = shape_of(route)
        self.roads = roads_of(shape, route, lacking=kinds) if kinds else roads_of(shape, route)
        """How each endpoint is asked of it, by kind; None where it cannot be."""
        if self.instance is not None:
            self.instance.put(self.roads)
        if not route.local and not route.unavailable:
            parts = urlsplit(route.base_url)
            host, prefix = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
            known = bool(route.provider)
            self.heads = provider_heads(self.roads, host, prefix, route.api_key, route.headers, known=known)

    def standing(self, now: float) -> Standing:
        """How this target stands now (monotonic seconds)."""
        route = self.route
        if route.unavailable:
            return Standing.UNAVAILABLE
        if self.limiter is not None and self.limiter.wait(now) > 0:
            return Standing.LIMITED
        if self.guard is not None and self.guard.refusal(now) is not None:
            return Standing.LIMITED
        if route.local:
            instance = self.instance
            if instance is None or not instance.usable:
                failed = self.failure is not None and self.failure.until > time()
                return Standing.FAILED if failed else Standing.COLD
        if route.max_concurrency is not None and (self.active >= route.max_concurrency or self.queue.entries):
            return Standing.FULL
        return READY

    @property
    def has_slot(self) -> bool:
        """Whether its concurrency allows one more."""
        most = self.route.max_concurrency
        return most is None or self.active < most


class Waiter(Protocol):
    """A request that waits for a target: told of a grant or of a failure, once."""

    @property
    def priority(self) -> int: ...
    @property
    def evict(self) -> bool:
        """Whether other models may be unloaded for it."""

    def granted(self) -> None: ...
    def refused(self) -> None: ...


def _way(route: ModelRoute) -> tuple[str, float]:
    """What a provider's pool is made from."""
    return route.base_url, route.connect_timeout


def _said(route: ModelRoute) -> tuple[object, ...]:
    """What a doubt about its endpoints is about."""
    return route.base_url, route.capabilities, route.provider


class Route:
    """A name clients use (a model's own or an alias) with its targets by endpoint."""

    __slots__ = ("by_kind", "cold", "header", "limiter", "name", "targets", "timeout")

    def __init__(
        self, name: str, targets: tuple[Target, ...], cold: Cold, timeout: float, limiter: RateLimit | None
    ) -> None:
        self.name = name
        self.header = name.encode()
        self.targets = targets
        self.cold = cold
        self.timeout = timeout
        self.limiter = limiter
        self.by_kind = tuple(
            tuple(target for target in targets if target.roads[kind.index] is not None) for kind in KINDS
        )


class Key:
    """An API key in use, with its limiter and when it was used last (unix seconds)."""

    __slots__ = ("guard", "keeps", "limiter", "meters", "reported_at", "route", "used_at")

    def __init__(self, route: KeyRoute) -> None:
        self.route = route
        self.keeps = False
        """Whether answers are kept, for the cache or for the log of requests."""
        self.limiter = None if route.rpm is None else RateLimit(route.rpm)
        self.guard: Guard | None = None
        """Limits of the key, its user, team and tags, besides the key's own rate."""
        self.meters: tuple[Meter, ...] = ()
        """Budgets of these."""
        self.used_at = self.reported_at = 0.0


class Tables:
    """The current picture.  `apply` swaps in a new one at once; requests under way keep the objects they hold."""

    def __init__(self, guards: Guards | None = None) -> None:
        self._guards = guards or Guards()
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
        self.facts: dict[str, Facts] = {}
        """What is known of a name, once somebody asked."""
        self.model_documents: dict[str, tuple[tuple[str, ...], bytes]] = {}
        """The model list by key, with the states of local models it was made of."""

    @property
    def ready(self) -> bool:
        """Whether a first snapshot has arrived."""
        return self.snapshot.revision >= 0

    def apply(self, snapshot: Snapshot) -> list[Target]:
        """Serve from this snapshot.  Returns the targets it no longer names; their waiters must be refused."""
        old_targets, old_keys = self.targets, self.keys
        guards = self._guards
        guards.begin(snapshot)
        targets: dict[str, Target] = {}
        for model in snapshot.models:
            target = old_targets.get(model.name)
            if target is None or target.route.local != model.local:
                target = Target(model)
            else:
                target.adopt(model, target.route)
            target.limiter = _rate(guards, Scope.MODEL, model.name, model.rpm)
            target.guard = guards.target(model)
            targets[model.name] = target
        routes: dict[bytes, Route] = {}
        for model in snapshot.models:
            alias = AliasRoute(name=model.name, targets=(model.name,))
            _add_route(routes, alias, targets, None)
        for alias in snapshot.aliases:
            _add_route(routes, alias, targets, _rate(guards, labels.ALIAS, alias.name, alias.rpm))
        keys: dict[bytes, Key] = {}
        for entry in snapshot.keys:
            key = old_keys.get(entry.digest)
            if key is None:
                key = Key(entry)
            key.route = entry
            key.limiter = _rate(guards, Scope.KEY, entry.id, entry.rpm)
            key.guard, key.meters = guards.key(entry)
            key.keeps = entry.cached or entry.log_bodies
            keys[entry.digest] = key
        guards.end()
        self.snapshot = snapshot
        self.targets, self.routes, self.keys = targets, routes, keys
        self.hosts = frozenset(host.lower().encode() for host in snapshot.hosts)
        self.seen_hosts = set()
        self.seen_credentials = {}
        self.origins = frozenset(origin.lower().encode() for origin in snapshot.origins)
        self.limits = snapshot.limits
        self.facts = {}
        self.model_documents = {}
        gone = [target for name, target in old_targets.items() if targets.get(name) is not target]
        for target in gone:
            if target.pool is not None:
                target.pool.close()
        return gone

    def find_route(self, raw_name: bytes, name: str) -> Route | None:
        """The route of a name that was spelled with escapes, or as Ollama's clients do: `NAME` and `NAME:latest` are
        one.  None when there is none."""
        route = self.routes.get(raw_name) or self.routes.get(msgspec.json.encode(name))
        return route if route is not None else self.routes.get(msgspec.json.encode(other_spelling(name)))


def _rate(guards: Guards, scope: str, name: str, rpm: int | None) -> RateLimit | None:
    """Somebody's own rate of requests, with what it has counted while it was the same."""
    return None if rpm is None else guards.rate(rpm, labels.label(labels.RPM, rpm, scope, name))


def _add_route(
    routes: dict[bytes, Route], alias: AliasRoute, targets: dict[str, Target], limiter: RateLimit | None
) -> None:
    known = tuple(targets[name] for name in alias.targets if name in targets)
    routes[msgspec.json.encode(alias.name)] = Route(alias.name, known, alias.cold, alias.timeout, limiter)
