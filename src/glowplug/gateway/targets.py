"""One model as requests meet it: how it stands, how it is reached, who waits for it."""

from __future__ import annotations

from time import time
from typing import Final, Protocol
from urllib.parse import urlsplit

from glowplug.domain.instance import Endpoint, Failure
from glowplug.domain.model import Loading
from glowplug.domain.price import LOCAL
from glowplug.domain.snapshot import ModelRoute
from glowplug.gateway.dialects import shape_of
from glowplug.gateway.identity import NOTHING, named
from glowplug.gateway.limiting import Guard
from glowplug.gateway.queue import Queue
from glowplug.gateway.roads import Road, engine_heads, provider_heads, roads_of
from glowplug.gateway.shapes import Heads
from glowplug.gateway.upstream import Pool
from glowplug.routing.breaker import Breaker
from glowplug.routing.fair import Line, Waits
from glowplug.routing.limits import RateLimit
from glowplug.routing.plan import Standing
from glowplug.wire.http1 import passed_lines
from glowplug.wire.quirks import says_cost
from glowplug.wire.sigv4 import Signer

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
        "active", "asked", "base", "bills", "breaker", "costs_nothing", "failure", "first_byte", "guard", "heads",
        "identity", "instance", "lacking", "limiter", "loading", "metered", "name", "name_header", "passed_head",
        "passed_lines", "pool", "price_version", "queue", "roads", "route", "shared", "signer", "tariff", "timed",
        "waiters", "warmed_at", "watched",
    )  # fmt: skip

    def __init__(self, route: ModelRoute) -> None:
        self.name = route.name
        self.name_header = route.name.encode()
        self.identity = named(self.name_header)
        """Header lines of what it answers."""
        self.passed_head = self.passed_lines = b""
        """The last response head, and what of it clients see: engines say the same again and again."""
        self.active = 0
        self.instance: Instance | None = None
        self.failure: Failure | None = None
        self.loading: Loading | None = None
        self.waiters: Line[Waiter] = Line()
        """Requests that wait for an instance."""
        self.asked: tuple[int, bool] | None = None
        """The priority and the right to unload others that control was told of last, while somebody waits."""
        self.queue = Queue()
        """Requests that wait for a slot, while the target is at its concurrency."""
        self.warmed_at = 0.0
        self.pool: Pool | None = None
        self.limiter = None if route.rpm is None else RateLimit(route.rpm)
        self.guard: Guard | None = None
        """Limits and budgets of the model, besides its rate and its concurrency."""
        self.base: Target | None = None
        """The target of the name with a `*` that this one comes from; they share what is limited and connected."""
        self.watched = False
        """Whether the ends of attempts matter to anybody (see `gateway.health`)."""
        self.timed = False
        """An alias orders its targets by their first bytes."""
        self.first_byte: float | None = None
        """Seconds, averaged; None while nobody measured it."""
        self.breaker: Breaker | None = None
        self.shared: Shared | None = None
        """That of its credential."""
        self.heads: Heads = ()
        self.signer: Signer | None = None
        """Signs what is sent there; most places want a key instead."""
        self.lacking: frozenset[str] = frozenset()
        """Endpoints that it was said to have and turned out not to have (`gateway.probing`)."""
        self.route = route
        self.adopt(route, None)

    def adopt(self, route: ModelRoute, old: ModelRoute | None) -> None:
        """Take over the settings of a new revision; the pool is dropped when the way there has changed."""
        self.route = route
        self.timed = False
        if old is not None and (old.credential, old.base_url) != (route.credential, route.base_url):
            self.breaker = None  # another place, or another key: what was learned of the old one does not hold
        if old is not None and _said(old) != _said(route):
            self.lacking = frozenset()
        self.lacks(self.lacking)
        self.bills = bool(route.quirks) and says_cost(route.quirks)
        """Answers may say what they cost."""
        self.metered = self.bills or (route.price is not None and not route.price.free)
        """Whether attempts cost something, so that budgets apply."""
        self.price_version = (LOCAL if route.local else "") if route.price is None else route.price.version
        """What lines say their cost was computed with; empty where nobody knows what attempts cost."""
        self.tariff = None if route.price is None else route.price.tariff
        """What attempts cost at any hour; None where nobody knows, or where it depends."""
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
            self.signer = None if route.aws is None else Signer(route.aws, host)
            self.heads = provider_heads(self.roads, host, prefix, route.api_key, route.headers, known=known)

    def passed(self, head: bytes) -> bytes:
        """`passed_lines` of a response head that it answered with."""
        if head != self.passed_head:
            self.passed_head, self.passed_lines = head, passed_lines(head)
        return self.passed_lines

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
        if self.watched and self.cools(now):
            return Standing.COOLING
        most = route.max_concurrency
        if most is not None and ((self.base or self).active >= most or self.queue):
            return Standing.FULL
        return READY

    def cools(self, now: float) -> bool:
        """Whether its breaker, or that of its credential, keeps requests away."""
        own, shared = self.breaker, self.shared
        return (own is not None and own.cools(now)) or (shared is not None and shared.cools(now))

    def cooled_in(self, now: float) -> tuple[float, bool]:
        """Seconds until it may be asked again, and whether it is only the rate that keeps requests away."""
        found = [breaker for breaker in (self.breaker, self.shared) if breaker is not None and breaker.cools(now)]
        return max((b.wait(now) for b in found), default=0.0), all(b.limited for b in found)

    @property
    def has_slot(self) -> bool:
        """Whether its concurrency allows one more."""
        most = self.route.max_concurrency
        return most is None or (self.base or self).active < most


class Shared(Breaker):
    """The breaker of a credential, and who uses it."""

    __slots__ = ("name", "targets")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.targets: list[Target] = []


class Waiter(Waits, Protocol):
    """A request that waits for a target: told of a grant, of a failure or of the end of the target, once."""

    @property
    def evict(self) -> bool:
        """Whether other models may be unloaded for it."""

    def granted(self) -> None: ...
    def refused(self) -> None: ...
    def orphaned(self) -> None: ...


def _way(route: ModelRoute) -> tuple[str, float, bool]:
    """What a provider's pool is made from."""
    return route.base_url, route.connect_timeout, route.guarded


def _said(route: ModelRoute) -> tuple[object, ...]:
    """What a doubt about its endpoints is about."""
    return route.base_url, route.capabilities, route.provider
