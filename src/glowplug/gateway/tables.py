"""What a worker routes by: keys, routes and targets, built from a snapshot.

Targets and keys outlive snapshots: their counters, limiters, pools and granted instances carry over when a new revision
still names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

import msgspec

from glowplug.domain.budget import Scope
from glowplug.domain.model import Policy
from glowplug.domain.snapshot import AliasRoute, KeyRoute, Limits, Snapshot
from glowplug.gateway.end_users import EndUsers
from glowplug.gateway.guards import Guards
from glowplug.gateway.kinds import KINDS
from glowplug.gateway.limiting import Guard
from glowplug.gateway.model_facts import Facts
from glowplug.gateway.targets import Shared, Target
from glowplug.routing import labels
from glowplug.routing.budgets import Meter
from glowplug.routing.limits import RateLimit
from glowplug.secret import foreign_digest
from glowplug.wire.ollama_server import other_spelling


class Route:
    """A name clients use (a model's own or an alias) with its targets by endpoint."""

    __slots__ = (
        "alias", "by_kind", "cold", "header", "limiter", "name", "notice", "own", "pattern", "ruled", "targets",
        "timeout",
    )  # fmt: skip

    def __init__(
        self,
        alias: AliasRoute,
        own: tuple[Target, ...],
        fallback: tuple[Target, ...] = (),
        limiter: RateLimit | None = None,
    ) -> None:
        self.alias = alias
        self.name = alias.name
        self.notice = b""
        """The header lines that say that it is deprecated, when it is (RFC 9745)."""
        if alias.deprecated:
            self.notice = b"deprecation: @%d\r\nx-glowplug-deprecated: use %b\r\n" % (
                alias.deprecated, ", ".join(alias.targets).encode(),
            )  # fmt: skip
        self.header = b"%b\r\n%b" % (alias.name.encode(), self.notice)
        """Its name behind a field of the answer, and the notice: made once, because every answer has them."""
        self.pattern = alias.name.endswith("*")
        """Whether it stands for many names and is none that can be asked itself."""
        self.own = own
        """Without the fallbacks."""
        self.targets = targets = own + tuple(target for target in fallback if target not in own)
        self.cold = alias.cold
        self.timeout = alias.timeout
        self.limiter = limiter
        self.by_kind = tuple(
            tuple(target for target in targets if target.roads[kind.index] is not None) for kind in KINDS
        )
        self.ruled = (
            alias.policy is not Policy.ORDER
            or alias.sticky > 0
            or any(target.route.tags or target.route.context_window for target in targets)
        )
        """Whether there is more to say about its targets than their order (see `gateway.rules`)."""

    def twin(self) -> Route:
        """The same, for one request to change."""
        return Route(self.alias, self.own, self.targets, self.limiter)


class Patterns:
    """Models whose name ends in `*`, and the routes that were made of them: as many as `MOST` under one snapshot,
    and those in use."""

    MOST: Final = 1024

    __slots__ = ("_bases", "_before", "_made")

    def __init__(self, targets: dict[str, Target], before: Patterns | None = None) -> None:
        self._before: dict[str, Target] = {} if before is None else {**before._before, **before._troubled()}
        """Targets under the last snapshot that there was something to remember of."""
        self._bases = sorted((t for t in targets.values() if t.name.endswith("*")), key=lambda t: -len(t.name))
        self._made: dict[str, Route] = {}

    def route(self, name: str) -> Route | None:
        """The route of a name, of the longest name with a `*` that stands for it."""
        made = self._made.get(name)
        if made is not None:
            return made
        target = self.target(name)
        if target is None:
            return None
        if len(self._made) >= self.MOST:
            self._forget()
        made = self._made[name] = Route(AliasRoute(name=name, targets=(name,)), (target,))
        return made

    def _forget(self) -> None:
        """Make room for one more: the oldest of those go that nobody is answered by or waits for.  When all are in use
        there are more than `MOST` of them, as many as requests."""
        wanted = {request.target for base in self._bases for request in base.queue}
        for name, made in list(self._made.items()):
            if len(self._made) < self.MOST:
                return
            (target,) = made.own
            if not target.active and target not in wanted:
                del self._made[name]
                if target.shared is not None:
                    target.shared.targets.remove(target)

    def target(self, name: str) -> Target | None:
        """A target of this name, or None."""
        for base in self._bases:
            stem = base.name[:-1]
            if name.startswith(stem) and len(name) > len(stem) and "*" not in name:
                rest = name[len(stem) :]
                upstream = base.route.upstream_model.replace("*", rest)
                target = Target(msgspec.structs.replace(base.route, name=name, upstream_model=upstream))
                target.base, target.limiter, target.guard, target.queue = base, base.limiter, base.guard, base.queue
                target.shared, target.watched = base.shared, base.watched
                if target.shared is not None:
                    target.shared.targets.append(target)
                self._remember(target)
                return target
        return None

    def _troubled(self) -> dict[str, Target]:
        return {name: made.own[0] for name, made in self._made.items() if made.own[0].breaker is not None}

    def _remember(self, target: Target) -> None:
        """What was learned of the same place with the same key still holds."""
        old = self._before.pop(target.name, None)
        if old is not None and old.route.credential == target.route.credential and _same_place(old, target):
            target.breaker, target.watched = old.breaker, True


def _same_place(one: Target, other: Target) -> bool:
    return one.route.base_url == other.route.base_url


class Key:
    """An API key in use, with its limiter and when it was used last (unix seconds)."""

    __slots__ = ("agents", "guard", "keeps", "limiter", "meters", "reported_at", "route", "used_at")

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
        self.agents: dict[bytes, float] = {}
        """`User-Agent` values that came with it, and when the first did; as many as `gateway.auth` remembers."""

    def within(self, guard: Guard | None, meters: tuple[Meter, ...]) -> Key:
        """The same key under this guard and more budgets.  Use is noted of this one."""
        other = Key(self.route)
        other.keeps, other.limiter = self.keeps, self.limiter
        other.guard, other.meters = guard, self.meters + meters
        return other


class Tables:
    """The current picture.  `apply` swaps in a new one at once; requests under way keep the objects they hold."""

    def __init__(self, guards: Guards | None = None) -> None:
        self._guards = guards or Guards()
        self.snapshot = Snapshot(revision=-1, pepper=b"")
        self.targets: dict[str, Target] = {}
        self.routes: dict[bytes, Route] = {}
        """By the JSON text of the name, quotes included, as it stands in request bodies."""
        self.keys: dict[bytes, Key] = {}
        self.imported: dict[bytes, Key] = {}
        """Keys from elsewhere that were not used yet, by their SHA-256."""
        self.rehash: Callable[[str, bytes], None] = _nobody
        """Is told the id and the keyed hash of one that is used."""
        self.met: Callable[[str, bytes, float], None] = _unmet
        """Is told the id of a key (empty: none that is known), a `User-Agent` that came with it for the first time, and
        when."""
        self.strangers: dict[bytes, float] = {}
        """`User-Agent` values that came without a key that is known, and when, under this snapshot."""
        self.seen_credentials: dict[bytes, Key] = {}
        """Authorization header values that were found good under this snapshot; saves the keyed hash."""
        self.hosts: frozenset[bytes] = frozenset()
        self.seen_hosts: set[bytes] = set()
        """Host header values that were found good under this snapshot."""
        self.origins: frozenset[bytes] = frozenset()
        self.limits = Limits()
        self.facts: dict[str, Facts] = {}
        """What is known of a name, once somebody asked."""
        self.model_documents: dict[tuple[str, ...], tuple[tuple[str, ...], bytes]] = {}
        """The model list by what a key may use, with the states of local models it was made of."""
        self.patterns = Patterns({})
        self.end_users = EndUsers({})

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
        behind = {alias.name: alias.targets for alias in snapshot.aliases}
        for alias in snapshot.aliases:
            _add_route(routes, alias, targets, _rate(guards, labels.ALIAS, alias.name, alias.rpm), behind)
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
        self.end_users = EndUsers(guards.end_users())
        guards.end()
        self.imported = {key.route.imported: key for key in keys.values() if key.route.imported}
        self.snapshot = snapshot
        self.targets, self.routes, self.keys = targets, routes, keys
        self._share(old_targets)
        self.patterns = Patterns(targets, self.patterns)
        self.hosts = frozenset(host.lower().encode() for host in snapshot.hosts)
        self.seen_hosts = set()
        self.seen_credentials = {}
        self.strangers = {}
        self.origins = frozenset(origin.lower().encode() for origin in snapshot.origins)
        self.limits = snapshot.limits
        self.facts = {}
        self.model_documents = {}
        gone = [target for name, target in old_targets.items() if targets.get(name) is not target]
        for target in gone:
            if target.pool is not None:
                target.pool.close()
        return gone

    def find_imported(self, token: bytes, digest: bytes) -> Key | None:
        """The key from elsewhere with this text, or None; `digest` is the text's keyed hash, by which it is known from
        now on."""
        foreign = foreign_digest(token)
        key = self.imported.get(foreign)
        if key is None or not compare_digest(key.route.imported, foreign):
            return None
        del self.imported[foreign]
        del self.keys[key.route.digest]
        key.route = msgspec.structs.replace(key.route, digest=digest, imported=b"")
        self.keys[digest] = key
        self.rehash(key.route.id, digest)
        return key

    def _share(self, before: dict[str, Target]) -> None:
        """Give the targets of one credential one breaker; it lives as long as one of them is there."""
        old = {t.shared.name: t.shared for t in before.values() if t.shared is not None}
        found: dict[str, Shared] = {}
        for target in self.targets.values():
            name = target.route.credential
            if not name:
                target.shared = None
                continue
            shared = found.get(name)
            if shared is None:
                shared = found[name] = old.get(name) or Shared(name)
                shared.targets = []
            shared.targets.append(target)
            target.shared = shared
            target.watched = target.watched or not shared.clean

    def find_route(self, raw_name: bytes, name: str) -> Route | None:
        """The route of a name that was spelled with escapes, that a name with a `*` stands for, or as Ollama's clients
        spell it: `NAME` and `NAME:latest` are one.  None when there is none."""
        return self.route_named(name) or self.routes.get(msgspec.json.encode(other_spelling(name)))

    def route_named(self, name: str) -> Route | None:
        """The route of a name, or None."""
        route = self.routes.get(msgspec.json.encode(name))
        if route is not None and not name.endswith("*"):
            return route
        return self.patterns.route(name)


def _nobody(_key: str, _digest: bytes) -> None:
    """Nobody wants to know."""


def _unmet(_key: str, _agent: bytes, _at: float) -> None:
    """Nobody wants to know."""


def _rate(guards: Guards, scope: str, name: str, rpm: int | None) -> RateLimit | None:
    """Somebody's own rate of requests, with what it has counted while it was the same."""
    return None if rpm is None else guards.rate(rpm, labels.label(labels.RPM, rpm, scope, name))


def _add_route(
    routes: dict[bytes, Route],
    alias: AliasRoute,
    targets: dict[str, Target],
    limiter: RateLimit | None,
    behind: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> None:
    known = tuple(targets[name] for name in alias.targets if name in targets)
    names = dict.fromkeys(name for other in alias.fallback for name in behind.get(other, (other,)))
    fallback = tuple(targets[name] for name in names if name in targets)
    if alias.policy is Policy.LATENCY:
        for target in known:
            target.timed = target.watched = True
    routes[msgspec.json.encode(alias.name)] = Route(alias, known, fallback, limiter)
