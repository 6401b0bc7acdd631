"""The configuration in force: holds it, checks the file, puts a new one in force at once, keeps the old one when the
new one is bad and says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from glowplug.clock import Clock
from glowplug.config.catalogue import NO_PROVIDERS, EngineCatalogue, ProviderCatalogue
from glowplug.config.diff import Diff, diff
from glowplug.config.from_afar import objections
from glowplug.config.load import Loaded, load, load_bytes
from glowplug.config.managed import ManagedFile
from glowplug.config.resolve import Resolved
from glowplug.config.secrets import SecretSource
from glowplug.config.show import Shown
from glowplug.config.watch import Watcher
from glowplug.control.events import Broadcaster, Event
from glowplug.control.writing import Writing
from glowplug.errors import ConfigError, Problem
from glowplug.secret import Secret
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.config import Checked, Reloaded, problem_views

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads the file: `glowplug.config.load.load`, or what reads a foreign one in the same way."""

    def __call__(
        self,
        path: Path | None,
        *,
        env: Mapping[str, str],
        engines: EngineCatalogue,
        providers: ProviderCatalogue,
        secrets: SecretSource | None,
        managed: ManagedFile | None,
    ) -> Loaded: ...


class Configuration:
    """A `ConfigSource` over one file (or none) and the layer beneath it.

    `apply(diff)` is called after `catalog()` has changed."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        workers: int,
        env: Mapping[str, str],
        engines: EngineCatalogue,
        events: Broadcaster,
        clock: Clock,
        providers: ProviderCatalogue = NO_PROVIDERS,
        secrets: SecretSource | None = None,
        managed: Path | None = None,
        read: Reader = load,
    ) -> None:
        self._loaded = loaded
        self._managed = ManagedFile(managed) if managed is not None else None
        self._workers = workers
        self._env = env
        self._engines = engines
        self._providers = providers
        self._secrets = secrets
        self._reader = read
        self._events = events
        self._clock = clock
        self._stale = ""
        self._revision = 0
        self._last = Reloaded()
        """What the last reading changed."""
        self._catalog = self._build()
        self._apply: Callable[[Diff], int] = lambda _diff: 0
        self.writing = Writing()
        """Held by whoever writes the file or the layer, until what was written is in force."""
        self._watcher = Watcher(loaded, self._read, self._outcome, writing=self.writing)

    def connect(self, apply: Callable[[Diff], int]) -> None:
        """Who carries a change out; it returns the revision of the new snapshot."""
        self._apply = apply

    @property
    def path(self) -> Path | None:
        return self._loaded.path

    @property
    def stale(self) -> str:
        return self._stale

    def catalog(self) -> Catalog:
        """What is in force."""
        return self._catalog

    async def watch(self, saved: Callable[[Reloaded], Awaitable[None]] | None = None) -> None:
        """Follow the file until cancelled.  `saved` is told of every saved file that changed something."""

        async def reported() -> None:
            if saved is not None and self._last.changed:
                await saved(self._last)

        await self._watcher.run(reported)

    def former(self) -> dict[str, str]:
        """Names that models had → the model now."""
        return self._catalog.former()

    def providers(self) -> dict[str, str]:
        """Models → who serves them."""
        return self._catalog.providers()

    def loaded(self) -> Loaded:
        """What is in force, as it was read."""
        return self._loaded

    async def trial(self, managed: bytes) -> Loaded:
        """The configuration as it would be with this text as its `managed.yaml`.  Raises ConfigError."""
        if self._managed is None:
            raise ConfigError("there is no layer beneath the configuration file here")
        return await asyncio.to_thread(self._load, ManagedFile(self._managed.path, managed))

    def admin_key(self) -> Secret | None:
        """The key of a foreign file that is an admin key while it is run."""
        return self._loaded.admin_key

    def secret_uses(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the secrets of the database → the settings that have them."""
        return self._loaded.secret_uses()

    async def secrets_changed(self) -> None:
        """Read the file again, because a secret it names has another value (or has one at all)."""
        if self._loaded.path is None and self._managed is None:
            return
        if self.writing.mine():  # its entry comes with the secret
            await self._watcher.reload()
            return
        async with self.writing:
            await self._watcher.reload()

    # ---- ConfigSource

    def shown(self) -> Shown:
        return self._loaded.shown()

    async def check(self) -> Checked:
        path = str(self._loaded.path or "") if self._managed is not None else str(self._file())
        try:
            loaded = await asyncio.to_thread(self._read)
        except ConfigError as error:
            problems = error.problems or (Problem("", error.message, hint=error.hint),)
            return Checked(ok=False, path=path, problems=problem_views(problems))
        return Checked(ok=True, path=path, warnings=problem_views(loaded.warnings))

    async def reload(self, dry_run: bool = False) -> Reloaded:
        async with self.writing:
            return await self.read_again(dry_run)

    async def read_again(self, dry_run: bool = False) -> Reloaded:
        """`reload` for whoever holds `writing`."""
        if self._managed is None:
            self._file()
        before, revision = self._loaded, self._revision
        if dry_run:
            return self._plan(await asyncio.to_thread(self._read))
        outcome = await self._watcher.reload()
        if isinstance(outcome, ConfigError):
            raise outcome
        done = _difference(before.resolved, outcome.resolved)
        warnings = problem_views(outcome.warnings)
        return msgspec.structs.replace(done, revision=self._revision, before=revision, warnings=warnings)

    def _plan(self, loaded: Loaded) -> Reloaded:
        """What would change were this in force."""
        change = _difference(self._loaded.resolved, loaded.resolved)
        return msgspec.structs.replace(change, dry_run=True, warnings=problem_views(loaded.warnings))

    # ---- the file as text

    def own_file(self) -> Path:
        """The file, where it is one of ours.  Raises ConfigError where there is none, or another program's."""
        if self._reader is not load:
            raise ConfigError(f"{self._file()} is another program's file", hint="glowplug import makes one of our own")
        return self._file()

    async def file_trial(self, text: bytes, before: bytes | None = None) -> Reloaded:
        """What would change were this the text of the file.  Raises ConfigError, where it is `before` now also for
        what may not be changed from afar."""
        path = self.own_file()

        def read() -> Loaded:
            loaded = load_bytes(
                text, path=path, env=self._env, engines=self._engines, providers=self._providers,
                secrets=self._secrets, managed=self._managed,
            )  # fmt: skip
            home = self._env.get("HOME") or str(Path.home())
            where = path.absolute().parent
            found = () if before is None else objections(before, text, loaded.config, self._engines, where, home)
            if found:
                raise ConfigError(f"{path} was not changed: {found[0]}", found)
            return loaded

        return self._plan(await asyncio.to_thread(read))

    # ---- carrying out

    def _file(self) -> Path:
        if self._loaded.path is None:
            raise ConfigError("there is no configuration file to read", hint="start with `glowplug up --config FILE`")
        return self._loaded.path

    def _read(self) -> Loaded:
        return self._load(self._managed)

    def _load(self, managed: ManagedFile | None) -> Loaded:
        path = self._file() if managed is None else self._loaded.path
        return self._reader(
            path,
            env=self._env,
            engines=self._engines,
            providers=self._providers,
            secrets=self._secrets,
            managed=managed,
        )

    def _outcome(self, outcome: Loaded | ConfigError) -> None:
        before, self._last = self._revision, Reloaded()
        if isinstance(outcome, ConfigError):
            self._stale = str(outcome)
            self._catalog = msgspec.structs.replace(self._catalog, stale=self._stale)
            _log.error("the configuration was not reloaded, the old one goes on serving: %s", outcome)
            for problem in outcome.problems:
                _log.error("  %s", problem)
            self._revision = self._apply(Diff())
            self._publish("config_refused", {"message": str(outcome)})
            return
        change = diff(self._loaded.resolved, outcome.resolved)
        told = {str(warning) for warning in self._loaded.warnings}
        self._loaded = outcome
        self._stale = ""
        self._catalog = self._build()
        self._revision = self._apply(change)
        if change.needs_new_process:
            _log.warning("a restart is needed for: server.%s", ", server.".join(change.needs_new_process))
        names = _names(change)
        self._last = Reloaded(changed=names, revision=self._revision, before=before)
        _log.info("configuration reloaded: %s", ", ".join(names) or "nothing has changed")
        for warning in outcome.warnings:
            if str(warning) not in told:
                _log.warning("%s", warning)
        self._publish("config", {"changed": names, "revision": self._revision})

    def _build(self) -> Catalog:
        loaded = self._loaded
        return Catalog(
            models=loaded.routes,
            local=loaded.local_models,
            aliases=loaded.aliases,
            memory=loaded.memory,
            scheduling=loaded.scheduling,
            groups=loaded.groups,
            limits=loaded.server.limits,
            keeping=loaded.resolved.keeping,
            log_retention=loaded.resolved.log_retention,
            energy=loaded.resolved.energy,
            oidc=loaded.resolved.oidc,
            hosts=loaded.server.hosts,
            origins=loaded.server.origins,
            workers=self._workers,
            stale=self._stale,
        )

    def _publish(self, kind: str, data: object) -> None:
        self._events.publish(Event(kind=kind, at=self._clock.unix(), data=data))


def _names(change: Diff) -> tuple[str, ...]:
    """Everything a change names, once each."""
    models = (*change.added, *change.removed, *change.restart, *change.retuned, *change.routes)
    server = tuple(f"server.{name}" for name in change.server)
    groups = (f"groups.{name}" for name in change.groups)
    return tuple(dict.fromkeys((*models, *change.aliases, *server, *groups, *change.rules)))


def _difference(old: Resolved, new: Resolved) -> Reloaded:
    """What going from one to the other does, without its revisions."""
    change = diff(old, new)
    before, after = _offered(old), _offered(new)
    return Reloaded(
        changed=_names(change),
        restarts=change.restart,
        adds=tuple(name for name in after if name not in before),
        removes=tuple(name for name in before if name not in after),
        needs_new_process=tuple(f"server.{name}" for name in change.needs_new_process),
    )


def _offered(some: Resolved) -> list[str]:
    return [*(one.name for one in some.routes), *(one.name for one in some.aliases)]
