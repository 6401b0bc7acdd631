"""The control process: every part of the control plane, put together, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path

import uvicorn

from glowplug.clock import SystemClock
from glowplug.config.catalogue import EngineCatalogue
from glowplug.config.diff import Diff
from glowplug.config.load import Loaded
from glowplug.control.app import build_app
from glowplug.control.configuration import Configuration
from glowplug.control.events import Broadcaster
from glowplug.control.folding import FoldLoop
from glowplug.control.link import LinkServer
from glowplug.control.metrics import ControlMetrics
from glowplug.control.outbox import LinkOutbox
from glowplug.control.publisher import Publisher
from glowplug.control.scraping import Scraping
from glowplug.control.services import Services
from glowplug.control.suspend import Suspend
from glowplug.control.telemetry import Tapped, Telemetry
from glowplug.engines.base import Engine
from glowplug.errors import ConfigError, StoreError
from glowplug.launchers.base import Choice, Launcher
from glowplug.launchers.chooser import Launchers
from glowplug.ledger.fold import Folder
from glowplug.ledger.workers import is_gone
from glowplug.lifecycle.admission import Hardware
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.ports import LoopScheduler
from glowplug.lifecycle.records import Records
from glowplug.paths import Paths
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.usecases.bodies import Bodies
from glowplug.usecases.first import first_start
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.leases import MemoryLeases
from glowplug.usecases.models import Models
from glowplug.usecases.plan import Plans
from glowplug.usecases.status import Status, status
from glowplug.usecases.usage import Usage
from glowplug.wire.exposition import Families
from glowplug.wire.link import Logged

_log = logging.getLogger(__name__)

_HTTP_STOPS_WITHIN = 2
_BEFORE_SLEEP = 2.0
"""Seconds that streams may go on when the machine is about to sleep; logind waits for five."""


class _QuietServer(uvicorn.Server):
    """uvicorn without its ten wake-ups a second and without its signal handlers.

    The tick only dates the Date header, which is off here; signals are handled by the control process, because
    engines are stopped after the last request that may want one.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    async def main_loop(self) -> None:
        await self._end.wait()

    def end(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
    ) -> None:
        self._paths = paths
        self._clock = SystemClock()
        self._started = self._clock.unix()
        self._events = Broadcaster()
        self._configuration = Configuration(
            loaded, workers=workers, env=env, engines=catalogue, events=self._events, clock=self._clock
        )
        self._launcher = launcher
        self._outbox = LinkOutbox(self._events, self._clock)
        self._manager = Manager(
            launcher, engines, Records(paths.instances), LoopScheduler(), self._outbox, hardware, logs=paths.logs
        )
        self._database = Database(paths.database)
        self._telemetry = self._exporter(loaded)
        store = AttemptStore(self._database)
        told = Tapped(store, self._telemetry.tell) if self._telemetry is not None else store
        folder = Folder(paths.journal, told, is_gone)
        self._folder = folder
        self._folding = FoldLoop(folder.fold, self._events, self._clock)
        self._metrics = ControlMetrics(
            self._clock,
            instances=self._manager.views,
            memory=self._manager.planner.memory,
            journal=paths.journal,
            stale=lambda: self._configuration.stale,
        )
        self._outbox.metrics = self._metrics
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
            self._say_launcher()
        await self._manager.start(catalog.local, catalog.memory, catalog.scheduling, catalog.groups)
        await self._link.start()
        server, listening = self._http()
        self._begin(self._folding.run())
        self._begin(self._configuration.watch())
        self._begin(Suspend(self._before_sleep, self._after_sleep).run())
        serving = self._begin(server.serve(sockets=[listening]))
        await self._stop.wait()
        await self._close(server, serving)

    async def _open(self) -> None:
        await self._database.open_async()
        if self._database.backup is not None:
            _log.warning("the database was upgraded; the old one is %s", self._database.backup)
        start = await first_start(self._database, self._paths, self._clock)
        self._keys = KeyBook(self._database, start.pepper, self._clock, self._publish)
        await self._keys.load()
        self._bodies = Bodies(self._database, self._clock, lambda: self._configuration.catalog().log_retention)
        self._publisher = Publisher(self._configuration.catalog, self._keys.usable, start.pepper, self._clock)
        self._link = LinkServer(
            self._paths.link_socket,
            self._manager,
            self._publisher.current,
            self._clock,
            keys_used=self._keys_used,
            stirred=self._folding.poke,
            noticed=self._noticed,
            scraped=self._scraped,
            logged=self._logged,
        )
        self._scraping = Scraping(self._link.views, self._link.send, self._metrics)
        self._outbox.connect(self._link)
        self._publisher.connect(self._link)
        self._configuration.connect(self._applied)

    def _http(self) -> tuple[_QuietServer, socket.socket]:
        """The HTTP server on the control socket (mode 0600), not yet serving."""
        path = self._paths.control_socket
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            path.unlink(missing_ok=True)
            listening.bind(str(path))
        except OSError as error:
            listening.close()
            raise StoreError(
                f"the socket {path} cannot be made: {error.strerror}", hint="check its directory"
            ) from None
        finally:
            os.umask(old)
        app = build_app(self._services())
        config = uvicorn.Config(
            app,
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            date_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=_HTTP_STOPS_WITHIN,
        )
        return _QuietServer(config), listening

    def _exporter(self, loaded: Loaded) -> Telemetry | None:
        """Where attempts are exported to, if anywhere; what cannot export does not keep us from serving."""
        settings = loaded.resolved.telemetry
        if not settings.otlp:
            return None
        try:
            return Telemetry(settings.otlp, settings.headers, self._provider_of)
        except ConfigError as error:
            _log.error("%s", error)
            return None

    def _provider_of(self, model: str) -> str:
        """Who serves a model: its provider, or its engine."""
        catalog = self._configuration.catalog()
        engines = {one.name: one.engine for one in catalog.local}
        owners = {one.name: one.owner for one in catalog.models}
        return engines.get(model) or owners.get(model, "")

    def _services(self) -> Services:
        return Services(
            clock=self._clock,
            catalog=self._configuration.catalog,
            keys=self._keys,
            usage=Usage(self._database, self._folder.fold),
            models=Models(self._configuration.catalog, self._manager),
            config=self._configuration,
            status=self._status,
            events=self._events,
            log_file=self._log_file,
            bodies=self._bodies,
            scrape=self._scraping.text,
            plans=Plans(self._configuration.catalog, self._manager.planner),
            memory=self._manager.planner,
            leases=MemoryLeases(self._manager.lending, self._manager.planner),
        )

    def _status(self) -> Status:
        return status(
            started_at=self._started,
            now=self._clock.unix(),
            revision=self._publisher.revision,
            config_path=str(self._configuration.path or ""),
            stale=self._configuration.stale,
            workers=self._link.views(),
            launchers=self._choices(),
        )

    def _choices(self) -> tuple[Choice, ...]:
        """The launchers there are, as they were found last."""
        return self._launcher.describe() if isinstance(self._launcher, Launchers) else ()

    def _say_launcher(self) -> None:
        """One line for people: which launcher is used, and why not a better one."""
        choices = self._choices()
        for better, used in enumerate(choices):
            if used.chosen:
                passed = [f"not {one.name}: {one.why}" for one in choices[:better]]
                _log.info("engines are started with the launcher %s (%s)", used.name, "; ".join(passed) or used.why)

    def _log_file(self, model: str) -> Path:
        return self._manager.log_file(model)

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
        self._manager.configure(catalog.local, catalog.memory, catalog.scheduling, catalog.groups)
        self._publisher.publish()
        return self._publisher.revision

    async def _before_sleep(self) -> None:
        await self._manager.rest("the machine is about to sleep", _BEFORE_SLEEP)

    async def _after_sleep(self) -> None:
        self._manager.resume()

    def _publish(self) -> None:
        self._publisher.publish()

    def _keys_used(self, times: dict[str, float]) -> None:
        self._begin(self._note_keys(times))

    async def _note_keys(self, times: dict[str, float]) -> None:
        try:
            await self._keys.used(times)
        except StoreError as error:  # a full disk, say: no reason to stop serving
            _log.error("when keys were last used could not be stored: %s", error)

    def _logged(self, logged: Logged) -> None:
        self._begin(self._keep(logged))

    async def _keep(self, logged: Logged) -> None:
        try:
            await self._bodies.log(logged)
        except StoreError as error:
            _log.error("the bodies of request %s could not be kept: %s", logged.request, error)

    def _scraped(self, worker: str, ask: int, families: Families) -> None:
        self._scraping.scraped(worker, ask, families)

    def _noticed(self, worker: str, joined: bool) -> None:
        _log.info("worker %s %s", worker, "joined" if joined else "is gone")

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
            await self._configuration.reload()

    async def _close(self, server: _QuietServer, serving: asyncio.Task[None]) -> None:
        """Workers have drained by now (the supervisor stops them first), so engines need no grace of their own."""
        _log.info("stopping the engines")
        await self._manager.close(stop_engines=True)
        self._events.close()
        self._link.close()
        server.end()
        await asyncio.wait([serving], timeout=_HTTP_STOPS_WITHIN + 1.0)
        self._paths.control_socket.unlink(missing_ok=True)
        for task in tuple(self._tasks):
            task.cancel()
        await self._folding.once()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)
        self._database.close()
