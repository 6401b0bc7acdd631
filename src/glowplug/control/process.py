"""The control process: every part of the control plane, put together, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping

from glowplug.clock import SystemClock, steady_seconds
from glowplug.config.catalogue import NO_PROVIDERS, EngineCatalogue, ProviderCatalogue
from glowplug.config.diff import Diff
from glowplug.config.load import Loaded, load
from glowplug.control import cancelling
from glowplug.control.app import build_app
from glowplug.control.chosen import choices, say_launcher
from glowplug.control.configuration import Configuration, Reader
from glowplug.control.doctoring import doctoring
from glowplug.control.energy import Energy, no_meters
from glowplug.control.events import Broadcaster
from glowplug.control.explaining import over
from glowplug.control.folding import FoldLoop
from glowplug.control.http_server import HTTP_STOPS_WITHIN, QuietServer, http_server
from glowplug.control.link import LinkServer
from glowplug.control.metering import Metering
from glowplug.control.metrics import ControlMetrics
from glowplug.control.opening import open_patiently
from glowplug.control.outbox import LinkOutbox
from glowplug.control.people import open_people
from glowplug.control.pricing import Pricing
from glowplug.control.publisher import Publisher
from glowplug.control.renaming import renaming
from glowplug.control.scraping import Scraping
from glowplug.control.services import Services
from glowplug.control.sightings import greeting
from glowplug.control.suspend import Suspend
from glowplug.control.telemetry import Tapped, exporter
from glowplug.domain.energy import EnergyReading
from glowplug.domain.snapshot import Snapshot
from glowplug.engines.base import Engine
from glowplug.errors import ConfigError, StoreError
from glowplug.launchers.base import Launcher
from glowplug.ledger.fold import Folded, Folder
from glowplug.ledger.price_table import PriceTable
from glowplug.ledger.workers import is_gone
from glowplug.lifecycle.admission import Hardware
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.ports import LoopScheduler
from glowplug.lifecycle.records import Records
from glowplug.paths import Paths
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.places import place_of
from glowplug.store.spend import Spend
from glowplug.usecases.backups import Backups
from glowplug.usecases.bodies import Bodies
from glowplug.usecases.budgets import BudgetBook
from glowplug.usecases.config_file import ConfigFile
from glowplug.usecases.credentials import CredentialBook
from glowplug.usecases.first import first_start
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.leases import MemoryLeases
from glowplug.usecases.ledger import LedgerCheck
from glowplug.usecases.limits import LimitBook
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.managed import ManagedBook
from glowplug.usecases.models import Models
from glowplug.usecases.oidc import OidcLogin
from glowplug.usecases.plan import Plans
from glowplug.usecases.requests import Requests
from glowplug.usecases.responses import ResponseBook
from glowplug.usecases.route import RoutePlans
from glowplug.usecases.status import Status, status
from glowplug.usecases.usage import Usage
from glowplug.wire.exposition import Families
from glowplug.wire.link import ForgetResponse, KeepResponse, Logged

_log = logging.getLogger(__name__)

_BEFORE_SLEEP = 2.0
"""Seconds that streams may go on when the machine is about to sleep; logind waits for five."""


class ControlProcess:
    """One control process over one state directory."""

    def __init__(
        self,
        *,
        paths: Paths,
        loaded: Loaded,
        workers: int,
        launcher: Launcher,
        hardware: Hardware,
        engines: Mapping[str, Engine],
        catalogue: EngineCatalogue,
        env: Mapping[str, str],
        providers: ProviderCatalogue = NO_PROVIDERS,
        energy: Callable[[], tuple[EnergyReading, ...]] = no_meters,
        read: Reader = load,
    ) -> None:
        self._paths = paths
        self._clock = SystemClock()
        self._started = self._clock.unix()
        self._events = Broadcaster()
        self._database = Database(place_of(loaded.server.database, paths.database))
        self._credentials = CredentialBook(self._database, paths.keyring, self._clock)
        self._configuration = Configuration(
            loaded, workers=workers, env=env, engines=catalogue, providers=providers, events=self._events,
            clock=self._clock, secrets=self._credentials.secret, managed=paths.managed, read=read,
        )  # fmt: skip
        self._credentials.connect(self._configuration.secrets_changed, self._configuration.secret_uses)
        self._launcher = launcher
        self._outbox = LinkOutbox(self._events, self._clock)
        self._manager = Manager(
            launcher, engines, Records(paths.instances), LoopScheduler(), self._outbox, hardware, logs=paths.logs
        )
        self._responses = ResponseBook(self._database, self._clock, forgotten=self._forgotten)
        self._telemetry = exporter(loaded.resolved.telemetry, self._configuration.catalog)
        self._energy = Energy(
            energy, LoopScheduler(), self._database, lambda: self._configuration.catalog().energy, self._fold_again
        )
        self._folder = Folder(paths.journal, self._energy.tap(self._ledger()), is_gone)
        self._workers = workers
        self._metering = Metering(
            paths.counters, Spend(self._database, self._configuration.former), self._fold, self._clock, steady_seconds,
            is_gone, self._fold_again,
        )  # fmt: skip
        self._prices = PriceTable(paths.prices, self._clock.unix)
        self._pricing = Pricing(
            self._prices, self._database, self._clock, lambda: self._configuration.catalog().models, self._publish
        )
        self._folding = FoldLoop(self._metering.fold, self._events, self._clock)
        self._metrics = ControlMetrics(
            self._clock, instances=self._manager.views, memory=self._manager.planner.memory, journal=paths.journal,
            stale=lambda: self._configuration.stale, energy=self._energy.given,
        )  # fmt: skip
        self._outbox.metrics, self._outbox.energy = self._metrics, self._energy
        self._folding.folded = self._metrics.folded
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop the engines.  Raises StoreError when the database cannot be used."""
        loop = asyncio.get_running_loop()
        await self._open()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        catalog = self._configuration.catalog()
        if catalog.local:
            say_launcher(self._launcher)
        await self._manager.start(catalog.local, catalog.memory, catalog.scheduling, catalog.groups)
        # Before the link: a worker that serves hands things over, and must not be refused.
        server, listening = http_server(build_app(self._services()), self._paths.control_socket)
        try:
            await self._link.start()
        except StoreError:
            listening.close()
            raise
        self._begin(self._pricing.refresh())
        self._begin(self._folding.run())
        self._begin(self._configuration.watch(self._people.saved))
        self._begin(self._turn_windows())
        self._begin(Suspend(self._before_sleep, self._after_sleep).run())
        serving = self._begin(server.serve(sockets=[listening]))
        await self._stop.wait()
        await self._close(server, serving, listening)

    async def _open(self) -> None:
        await open_patiently(self._database)
        if self._database.backup is not None:
            _log.warning("the database was upgraded; the old one is %s", self._database.backup)
        await asyncio.to_thread(self._prices.load)
        start = await first_start(self._database, self._paths, self._clock)
        await self._credentials.load()
        if self._configuration.secret_uses():
            await self._configuration.secrets_changed()
        self._loop = asyncio.get_running_loop()
        self._budgets = BudgetBook(self._database, self._clock, self._budgets_changed, self._metering.states)
        await self._budgets.load()
        self._metrics.budgets = self._budgets.views
        self._limits = LimitBook(self._database, self._publish, self._clock)
        await self._limits.load()
        self._keys = KeyBook(self._database, start.pepper, self._clock, self._publish, self._budgets)
        await self._keys.load()
        self._keys.welcome(self._configuration.admin_key())
        self._people = await open_people(self._database, self._clock, self._publish, self._keys)
        self._logins = LoginBook(self._database, start.pepper, self._clock, joined=self._people.users.reload)
        self._turning = asyncio.Event()
        self._bodies = Bodies(self._database, self._clock, lambda: self._configuration.catalog().log_retention)
        catalog, keys = self._configuration.catalog, self._keys
        self._publisher = Publisher(catalog, keys.present, start.pepper, self._clock, self._extend, keys.standing)
        self._link = LinkServer(
            self._paths.link_socket,
            self._manager,
            self._publisher.current,
            self._clock,
            keys_used=self._keys_used,
            stirred=self._folding.poke,
            noticed=self._noticed,
            scraped=self._scraped,
            keep=self._keep,
            logged=self._logged,
        )
        self._sightings = greeting(self._link, self._keys, self._events, self._clock)
        self._scraping = Scraping(self._link.views, self._link.send, self._metrics)
        self._outbox.connect(self._link)
        self._publisher.connect(self._link)
        self._configuration.connect(self._applied)
        if self._budgets.every():
            await self._budgets_changed()

    def _ledger(self) -> AttemptStore | Tapped:
        """Where attempts are stored, told to who exports them."""
        store, exporting = AttemptStore(self._database), self._telemetry
        return store if exporting is None else Tapped(store, exporting.tell)

    def _services(self) -> Services:
        books = (self._keys, self._limits, self._budgets)
        return Services(
            clock=self._clock,
            catalog=self._configuration.catalog,
            keys=self._keys,
            users=self._people.users, teams=self._people.teams, changes=self._people.changes,
            budgets=self._budgets, limits=self._limits,
            oidc=OidcLogin(self._database, self._logins, self._clock, lambda: self._configuration.catalog().oidc),
            credentials=self._credentials, logins=self._logins,
            usage=Usage(self._database, self._metering.fold, self._configuration.former, self._configuration.providers),
            models=Models(self._configuration.catalog, self._manager),
            config=self._configuration,
            config_file=ConfigFile(self._configuration, self._clock, self._people.changes),
            ledger=LedgerCheck(
                self._database, self._paths.journal, self._metering.fold, is_gone, self._pricing.refresh, self._checked
            ),
            requests=Requests(self._database, self._metering.fold), cancel=cancelling.over(self._link).cancel,
            status=self._status, events=self._events, log_file=self._manager.log_file,
            bodies=self._bodies, doctor=doctoring(self._paths, lambda: self._configuration.path, self._people.changes),
            scrape=self._scraping.text, sightings=self._sightings.every,
            route_plans=RoutePlans(self._keys.usable, over(self._link).ask),
            responses=self._responses,
            managed=ManagedBook(self._paths.managed, self._configuration, self._credentials, log=self._people.changes),
            snapshot=self._publisher.current,
            backups=Backups(self._database, self._paths, self._metering.fold, self._clock, self._people.changes),
            renaming=renaming(self._paths, self._configuration, self._database, self._clock, books),
            plans=Plans(self._configuration.catalog, self._manager.planner),
            memory=self._manager.planner,
            leases=MemoryLeases(self._manager.lending, self._manager.planner),
        )  # fmt: skip

    def _status(self) -> Status:
        return status(
            started_at=self._started,
            now=self._clock.unix(),
            revision=self._publisher.revision,
            config_path=str(self._configuration.path or ""),
            stale=self._configuration.stale,
            workers=self._link.views(), launchers=choices(self._launcher),
        )  # fmt: skip

    # ---- what happens

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("a part of the control process failed: %r", error, exc_info=error)
            self._stop.set()

    def _applied(self, change: Diff) -> int:
        catalog = self._configuration.catalog()
        self._keys.welcome(self._configuration.admin_key())
        self._publisher.publish()  # first: who waits for a model that is renamed must not hear that it is gone
        self._manager.configure(catalog.local, catalog.memory, catalog.scheduling, catalog.groups)
        self._begin(self._pricing.refresh())
        return self._publisher.revision

    async def _before_sleep(self) -> None:
        await self._manager.rest("the machine is about to sleep", _BEFORE_SLEEP)

    async def _after_sleep(self) -> None:
        self._manager.resume()

    def _publish(self) -> None:
        self._publisher.publish()

    def _extend(self, snapshot: Snapshot) -> Snapshot:
        snapshot = self._pricing.extend(snapshot)
        return self._metering.extend(snapshot, self._budgets.every(), self._limits.every(), self._workers)

    async def _budgets_changed(self) -> None:
        """Give rows to the budgets, ask the ledger what was spent, then tell the workers."""
        self._publisher.prepare()
        await self._folding.once()
        self._publisher.publish()
        self._turning.set()

    async def _turn_windows(self) -> None:
        """Before a window ends every worker knows the next one; behind the end the one after it is made ready."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._metering.sleep()):
                    await self._turning.wait()
            self._turning.clear()
            if self._metering.turned():
                await self._budgets_changed()
                self._turning.clear()
            elif self._budgets.every():
                await self._folding.once()

    def _checked(self, problems: int) -> None:
        self._metrics.mismatches = problems
        if problems:
            _log.error("the check of the ledger found %d problems; see glowplug ledger check", problems)

    def _fold(self) -> Folded:
        return self._energy.fold(self._folder.fold)

    def _fold_again(self) -> None:
        self._loop.call_soon_threadsafe(self._folding.poke)

    def _keys_used(self, times: dict[str, float]) -> None:
        self._begin(self._note_keys(times))

    async def _note_keys(self, times: dict[str, float]) -> None:
        try:
            await self._keys.used(times)
        except StoreError as error:  # a full disk, say: no reason to stop serving
            _log.error("when keys were last used could not be stored: %s", error)

    def _logged(self, logged: Logged) -> None:
        self._begin(self._store_bodies(logged))

    async def _store_bodies(self, logged: Logged) -> None:
        try:
            await self._bodies.log(logged)
        except StoreError as error:
            _log.error("the bodies of request %s could not be kept: %s", logged.request, error)

    def _scraped(self, worker: str, ask: int, families: Families) -> None:
        self._scraping.scraped(worker, ask, families)

    def _keep(self, kept: KeepResponse) -> None:
        self._responses.accept(kept)
        self._begin(self._store_response(kept))

    def _forgotten(self, kept: KeepResponse) -> None:
        self._link.broadcast(ForgetResponse(kept.key, kept.id))

    async def _store_response(self, kept: KeepResponse) -> None:
        try:
            await self._responses.store(kept)
        except StoreError as error:
            _log.error("the response %s could not be stored: %s", kept.id, error)

    def _noticed(self, worker: str, joined: bool) -> None:
        _log.info("worker %s %s", worker, "joined" if joined else "is gone")
        if not joined:
            self._metering.left(worker)

    def _signalled(self) -> None:
        if self._stop.is_set():
            _log.warning("second signal: ending without waiting for the engines")
            os._exit(1)
        self._stop.set()

    def _reload(self) -> None:
        self._begin(self._reload_quietly())

    async def _reload_quietly(self) -> None:
        # A refused configuration has been logged, published and kept out of force by then.
        with contextlib.suppress(ConfigError):
            await self._people.signalled(await self._configuration.reload())

    async def _close(self, server: QuietServer, serving: asyncio.Task[None], listening: socket.socket) -> None:
        """Workers have drained by now (the supervisor stops them first), so engines need no grace of their own."""
        _log.info("stopping the engines")
        await self._manager.close(stop_engines=True)
        self._events.close()
        self._link.close()
        server.end()
        await asyncio.wait([serving], timeout=HTTP_STOPS_WITHIN + 1.0)
        listening.close()
        self._paths.control_socket.unlink(missing_ok=True)
        for task in tuple(self._tasks):
            task.cancel()
        await self._folding.once()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)
        self._database.close()
