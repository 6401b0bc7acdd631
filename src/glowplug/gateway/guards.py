"""Builds the guards and meters of a snapshot, and keeps what they have counted from one snapshot to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable

from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.snapshot import BudgetRoute, KeyRoute, ModelRoute, Snapshot
from glowplug.gateway.end_users import Bounds
from glowplug.gateway.limiting import Closed, Guard
from glowplug.ledger.counters import Tally, WorkerCounters
from glowplug.routing import labels
from glowplug.routing.budgets import UNKNOWN, Account, Meter, Period
from glowplug.routing.limits import RateLimit, SharedRate, Slots
from glowplug.wire.end_user import PREFIX

log = logging.getLogger("glowplug.worker")


class Unreadable:
    """The account of a budget whose counters this worker cannot read: all of it counts as spent."""

    def spent(self) -> int:
        return UNKNOWN

    def reserved(self) -> int:
        return 0

    def taken(self) -> int:
        return UNKNOWN

    def hold(self, amount: int) -> None: ...
    def settle(self, cost: int, held: int) -> None: ...


class Guards:
    """`begin(snapshot)`, then every key and target asks for its own, then `end()`.

    `counters(identity)` opens this worker's column of the file with that identity.  Raises OSError, ValueError.
    """

    def __init__(self, counters: Callable[[int], WorkerCounters] | None = None) -> None:
        self._open = counters
        self._counters: WorkerCounters | None = None
        self._tallies: dict[str, Tally] = {}
        self._limits: dict[str, RateLimit | Slots] = {}
        self._old_tallies: dict[str, Tally] = {}
        self._old_limits: dict[str, RateLimit | Slots] = {}
        self._rows: dict[str, int] = {}
        self._meters: dict[tuple[Scope, str], tuple[Meter, ...]] = {}
        self._use: dict[tuple[Scope, str], UseLimit] = {}

    def begin(self, snapshot: Snapshot) -> None:
        """Build for this snapshot."""
        self._old_tallies, self._tallies = self._tallies, {}
        self._old_limits, self._limits = self._limits, {}
        self._rows = snapshot.rows
        self._follow(snapshot.counters)
        self._use = {(limit.scope, limit.name): limit for limit in snapshot.use_limits}
        self._meters = {}
        for route in snapshot.budgets:
            scope = (route.budget.scope, route.budget.name)
            self._meters[scope] = (*self._meters.get(scope, ()), self._meter(route))

    def end(self) -> None:
        """Let go of what the snapshot does not name any more."""
        for name, tally in self._old_tallies.items():
            if self._tallies.get(name) is not tally:
                tally.leave()
        self._old_tallies, self._old_limits = {}, {}

    def _follow(self, identity: int) -> None:
        """Read and write the file of counters that the snapshot is about."""
        if self._counters is not None and self._counters.file.identity == identity:
            return
        self._counters = None
        if identity and self._open is not None:
            try:
                self._counters = self._open(identity)
            except (OSError, ValueError) as error:
                log.error("the shared counters cannot be used, so budgets let nothing through: %s", error)

    def _tally(self, name: str, row: int | None) -> Tally | None:
        if row is None or row < 0 or self._counters is None:
            return None
        tally = self._tallies.get(name) or self._old_tallies.get(name)
        if tally is None or tally.row != row or tally.file is not self._counters.file:
            tally = self._counters.tally(row)
        self._tallies[name] = tally
        return tally

    def _meter(self, route: BudgetRoute) -> Meter:
        periods: list[tuple[Period, Account]] = []
        for period in route.periods:
            name = labels.period_label(route.budget.id, period.start)
            account = self._tally(name, period.row) or Unreadable()
            periods.append((Period(period.start, period.end), account))
        return Meter(route.budget, tuple(periods))

    # ---- what keys, targets and routes ask for

    def rate(self, amount: int | None, name: str) -> RateLimit | None:
        """The rate with this label, with what it has counted."""
        if amount is None:
            return None
        limit = self._limits.get(name) or self._old_limits.get(name)
        tally = self._tally(name, self._rows.get(name))
        shared = limit.shared if isinstance(limit, SharedRate) else None
        if not isinstance(limit, RateLimit) or shared is not tally:
            limit = RateLimit(amount) if tally is None else SharedRate(amount, tally)
        self._limits[name] = limit
        return limit

    def slots(self, amount: int, name: str) -> Slots:
        """The places with this label."""
        limit = self._limits.get(name) or self._old_limits.get(name)
        tally = self._tally(name, self._rows.get(name))
        if not isinstance(limit, Slots) or limit.shared is not tally:
            limit = Slots(amount, tally)
        self._limits[name] = limit
        return limit

    def key(self, route: KeyRoute) -> tuple[Guard | None, tuple[Meter, ...]]:
        """The guard and the budgets of a key.  Its own rate is not in the guard."""
        scopes = scopes_of(route)
        meters = tuple(meter for scope in scopes for meter in self._meters.get(scope, ())) if self._meters else ()
        limits = [limit for scope in scopes if (limit := self._use.get(scope)) is not None] if self._use else []
        if not limits and route.tpm is None and route.concurrency is None:
            return None, meters
        tokens = self._own(labels.TPM, route.tpm, Scope.KEY, route.id, "This API key")
        places: tuple[tuple[str, Slots], ...] = ()
        if (most := route.concurrency) is not None:
            name = labels.label(labels.CONCURRENCY, most, Scope.KEY, route.id)
            places = (("This API key", self.slots(most, name)),)
        return self._guard(limits, tokens, places, ()), meters

    def end_users(self) -> dict[str, Bounds]:
        """The limits and budgets of those whom requests name, by name."""
        scopes = {*self._meters, *self._use}
        found: dict[str, Bounds] = {}
        for scope, name in scopes:
            if scope is Scope.USER and name.startswith(PREFIX):
                limit = self._use.get((scope, name))
                guard = None if limit is None else self._guard([limit], (), (), ())
                if limit is not None and limit.concurrency == 0:
                    guard = Closed(f"The user {name!r}")
                found[name] = guard, self._meters.get((scope, name), ())
        return found

    def target(self, route: ModelRoute) -> Guard | None:
        """The guard of a model, its budgets in it.  Its own rate of requests and its queue are not."""
        meters = self._meters.get((Scope.MODEL, route.name), ())
        limit = self._use.get((Scope.MODEL, route.name))
        if not meters and limit is None and route.tpm is None:
            return None
        tokens = self._own(labels.TPM, route.tpm, Scope.MODEL, route.name, f"The model {route.name!r}")
        return self._guard([] if limit is None else [limit], tokens, (), meters)

    def _own(
        self, unit: str, amount: int | None, scope: str, name: str, what: str
    ) -> tuple[tuple[str, RateLimit], ...]:
        rate = None if amount is None else self.rate(amount, labels.label(unit, amount, scope, name))
        return () if rate is None else ((what, rate),)

    def _guard(
        self,
        limits: list[UseLimit],
        tokens: tuple[tuple[str, RateLimit], ...],
        places: tuple[tuple[str, Slots], ...],
        meters: tuple[Meter, ...],
    ) -> Guard:
        rates: list[tuple[str, RateLimit]] = []
        more = list(tokens)
        slots = list(places)
        for limit in limits:
            what = f"The {limit.scope} {limit.name!r}" if limit.name else "Everybody together"
            for unit, amount, into in ((labels.RPM, limit.rpm, rates), (labels.TPM, limit.tpm, more)):
                if amount is not None:
                    rate = self.rate(amount, labels.limit_label(unit, amount, limit))
                    assert rate is not None, "there is an amount"
                    into.append((what, rate))
            if (most := limit.concurrency) is not None:
                slots.append((what, self.slots(most, labels.limit_label(labels.CONCURRENCY, most, limit))))
        return Guard(tuple(rates), tuple(more), tuple(slots), meters)


def scopes_of(route: KeyRoute) -> tuple[tuple[Scope, str], ...]:
    """The scopes that every request of a key is in."""
    found = [(Scope.ALL, ""), (Scope.KEY, route.id)]
    if route.user:
        found.append((Scope.USER, route.user))
    if route.team:
        found.append((Scope.TEAM, route.team))
    return (*found, *((Scope.TAG, tag) for tag in dict.fromkeys(route.tags)))
