"""One installation's accounting, all of it real but sockets and processes: planes, journals, counters, fold, store.

`Whole` plays what can happen; the truth it is compared with is made of what the upstream said, what the price was when
an attempt began, and which records a worker had appended when it died.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from glowplug.clock import SystemClock, steady_seconds
from glowplug.control.metering import Metering
from glowplug.domain.budget import Budget, Scope, Window
from glowplug.domain.price import Price, Rates, Tokens, attempt_cost
from glowplug.domain.snapshot import AliasRoute, Snapshot
from glowplug.domain.usage import AttemptClosed, AttemptOpened
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.guards import Guards
from glowplug.gateway.plane import Plane
from glowplug.ledger.counters import CounterFile, WorkerCounters
from glowplug.ledger.fold import Folder
from glowplug.ledger.journal import JournalWriter
from glowplug.routing.budgets import Account
from glowplug.store import prices
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.spend import Spend
from tests.gateway.rig import MODELS, Client, Rig, Up, snapshot

SEGMENT = 2048
"""Bytes: a handful of records, so that segments are changed all the time."""
MODEL_NAMES = ("cloud", "cloud2")
KEY_ID = "user"
ALIASES = (
    AliasRoute(name="both", targets=("cloud", "cloud2")),
    AliasRoute(name="back", targets=("cloud2", "cloud")),
)
Identity = tuple[str, int]


class Line(NamedTuple):
    """What the ledger must say of an attempt."""

    state: str
    cost: int
    price: str


class Recorder:
    """The journal of a worker; tells what is appended to it."""

    def __init__(self, whole: Whole, worker: str) -> None:
        self.writer = JournalWriter(whole.journal, worker, SystemClock(), SEGMENT)
        self.whole = whole
        self.records: list[AttemptOpened | AttemptClosed] = []

    def opened(self, record: AttemptOpened) -> None:
        self.whole.admitted(record)
        self.writer.opened(record)
        self.records.append(record)

    def closed(self, record: AttemptClosed) -> None:
        self.writer.closed(record)
        self.records.append(record)
        self.whole.ended(record)

    def flush(self) -> None:
        self.writer.flush()

    def die(self) -> None:
        """The process is gone, its pages stay."""
        writer = self.writer
        writer._files.close(writer._segment)
        if writer._reserve is not None:
            writer._files.close(writer._reserve)
        if writer._rolled is not None:
            os.close(writer._rolled)


class Nowhere:
    """The journal of a process that is no more."""

    def opened(self, record: AttemptOpened) -> None: ...
    def closed(self, record: AttemptClosed) -> None: ...
    def flush(self) -> None: ...


class Worker:
    """One life of one gateway worker."""

    def __init__(self, whole: Whole, index: int, life: int) -> None:
        self.index, self.name = index, f"w{index}-{life}-1"
        self.journal = Recorder(whole, self.name)
        self.rig = Rig(whole.loop)
        self.guards = Guards(lambda _identity: WorkerCounters(CounterFile(whole.counters), index, self.name))
        self.rig.plane = Plane(whole.loop, self.rig.uplink, self.journal, "/nowhere", guards=self.guards)
        self.clients: list[Client] = []
        self.alive = True
        self.held = 0
        """Nano-dollars that it held when it was killed, until control or a successor says that they are void."""
        self.visible = 0
        """Records that a fold could read."""
        self.settled = False
        """Whether a fold knew that it is gone."""

    def flights(self) -> list[tuple[Up, Attempt]]:
        """The attempts under way, with the upstream that the test plays."""
        ups = [(up, up.conn.sink) for up in self.rig.ups if not up.wire.closing]
        return [(up, sink) for up, sink in ups if isinstance(sink, Attempt) and not sink.settled]

    def account(self) -> Account:
        """What it knows of the one budget."""
        (key,) = (key for key in self.rig.plane.tables.keys.values() if key.route.id == KEY_ID)
        (meter,) = key.meters
        ((_, account),) = meter.periods
        return account

    def reserved(self) -> int:
        """What the attempts under way hold, by their own account."""
        return sum(attempt.lease.reserved for _, attempt in self.flights() if attempt.lease is not None)

    def die(self) -> None:
        """kill -9: nothing that happens to these objects from now on reaches a file."""
        self.held, self.alive = self.reserved(), False
        self.rig.plane._journal = Nowhere()
        for tally in self.guards._tallies.values():
            tally._writing = False
        self.journal.die()
        self.hang_up()

    def hang_up(self) -> None:
        """Close all that is open."""
        for connection in list(self.rig.plane.connections):
            connection.tr.abort()
        for up in self.rig.ups:
            up.wire.abort()
        self.rig.spin()
        for call in list(self.rig.plane.detached):
            call.shut()


class Whole:
    """What can happen to an installation of `workers` workers whose one key has one budget."""

    def __init__(
        self, directory: Path, loop: asyncio.AbstractEventLoop, database: Database, amount: int, workers: int = 2
    ) -> None:
        self.loop, self.database, self.count = loop, database, workers
        self.journal, self.counters = directory / "journal", directory / "counters"
        self.hidden = directory / "hidden"
        for folder in (self.journal, self.hidden):
            folder.mkdir()
        self.budget = Budget(id="b", scope=Scope.KEY, name=KEY_ID, amount=amount, window=Window.TOTAL)
        self.prices = {name: _price(1_000_000) for name in MODEL_NAMES}
        self.changes = 0
        self.lives: list[Worker] = []
        self.at_start: dict[Identity, Price] = {}
        """The price that was in force when an attempt began."""
        self.ends: Counter[Identity] = Counter()
        self.closed_since = 0
        """Cost of what has ended since the last fold."""
        self.folded = 0
        """What the ledger knew after the last fold."""
        self.dearest = self.slack = 0
        """The most that one attempt held; what turned up late while others had been admitted."""
        self.admitted_blind = False
        self.note_prices()
        self.metering = self.make_metering()
        self.snapshot = self.publish()
        for index in range(workers):
            self.start(index)

    # ---- processes

    def make_metering(self) -> Metering:
        folder = Folder(self.journal, AttemptStore(self.database), self.gone, batch=3)
        return Metering(self.counters, Spend(self.database), folder.fold, SystemClock(), steady_seconds, self.gone)

    def gone(self, worker: str) -> bool:
        return not any(one.alive for one in self.lives if one.name == worker)

    @property
    def living(self) -> list[Worker]:
        return [one for one in self.lives if one.alive]

    def start(self, index: int) -> None:
        """A worker; it takes over the column of the last one with its index."""
        for before in self.lives:
            if before.index == index:
                before.held = 0
        worker = Worker(self, index, len(self.lives) + 1)
        worker.rig.apply(self.snapshot)
        self.lives.append(worker)

    def crash(self, worker: Worker, told: bool, hide: bool) -> None:
        """kill -9.  `told`: control notices at once.  `hide`: its segments cannot be seen until `find`."""
        worker.die()
        if hide:
            for path in self.journal.glob(f"{worker.name}-*"):
                path.rename(self.hidden / path.name)
        if told:
            self.metering.left(worker.name)
            worker.held = 0

    def find(self) -> None:
        """What was hidden is there again."""
        for path in self.hidden.glob("*"):
            path.rename(self.journal / path.name)

    def hides(self, worker: Worker) -> bool:
        return any(self.hidden.glob(f"{worker.name}-*"))

    def restart_control(self) -> None:
        """It asks who is gone, gives out rows, folds, and only then lets others go on."""
        self.metering = self.make_metering()
        self.snapshot = self.publish()
        for worker in self.lives:
            worker.held = 0
        self.fold()
        self.apply()

    # ---- control

    def publish(self) -> Snapshot:
        priced = tuple(
            msgspec.structs.replace(model, price=self.prices[model.name]) for model in MODELS if not model.local
        )
        plain = snapshot(models=priced, aliases=ALIASES)
        return self.metering.extend(plain, (self.budget,), (), self.count)

    def apply(self) -> None:
        for worker in self.living:
            worker.rig.apply(self.snapshot)

    def note_prices(self) -> None:
        self.changes += 1
        at = float(self.changes)
        self.database.call(lambda c: prices.note(c, self.prices, at))

    def change_price(self, model: str, rate: int) -> None:
        self.prices[model] = _price(rate)
        self.note_prices()
        self.snapshot = self.publish()
        self.apply()

    def fold(self) -> None:
        for worker in self.lives:
            if not self.hides(worker):
                worker.visible = len(worker.journal.records)
            worker.settled = worker.settled or not worker.alive
        self.metering.fold()
        counted = self.folded + self.closed_since
        self.folded = sum(line.cost for line in self.expected().values())
        if self.admitted_blind:
            self.slack += max(0, self.folded - counted)
        self.admitted_blind = self.admitted_blind and self.blind()
        self.closed_since = 0

    # ---- what the workers do

    def admitted(self, record: AttemptOpened) -> None:
        """An attempt begins: something was left, by all that anybody can know."""
        assert self.known() < self.budget.amount, "admitted although nothing was left"
        self.at_start[record.request, record.attempt] = self.prices[record.model]
        self.dearest = max(self.dearest, record.reserved)
        self.admitted_blind = self.admitted_blind or self.blind()

    def ended(self, record: AttemptClosed) -> None:
        self.ends[record.request, record.attempt] += 1
        self.closed_since += due(self.at_start[record.request, record.attempt], record)

    def held(self) -> int:
        """What the budget is held back for."""
        return sum(one.reserved() if one.alive else one.held for one in self.lives)

    def known(self) -> int:
        return self.folded + self.closed_since + self.held()

    def spent_or_held(self) -> int:
        """As `known`; what the dead held is not in it once the ledger has what it came to."""
        void = sum(one.held for one in self.lives if not one.alive and one.settled)
        return self.known() - void

    def blind(self) -> bool:
        """Whether attempts were cut off and no fold has seen it."""
        return any(not one.alive and (not one.settled or self.hides(one)) for one in self.lives)

    # ---- the truth

    def expected(self) -> dict[Identity, Line]:
        """The ledger's lines as of the last fold."""
        found: dict[Identity, Line] = {}
        for worker in self.lives:
            for record in worker.journal.records[: worker.visible]:
                identity = (record.request, record.attempt)
                price = self.at_start[identity]
                if isinstance(record, AttemptClosed):
                    found[identity] = Line("closed", due(price, record), price.version)
                elif worker.settled:
                    nano = attempt_cost(price, Tokens(prompt=record.prompt_estimate), 0, record.started)
                    found[identity] = Line("interrupted", nano, price.version)
                else:
                    found[identity] = Line("open", 0, price.version)
        return found


def due(price: Price, record: AttemptClosed) -> int:
    """What an attempt costs by a price."""
    used = Tokens(prompt=record.prompt_tokens, completion=record.completion_tokens)
    return attempt_cost(price, used, record.status, record.started)


def _price(rate: int) -> Price:
    return Price(version=str(rate), rates=Rates(prompt=rate, completion=2 * rate), request=2)
