"""One Ollama daemon: found running or started by us, watched while it has models, and stopped again if it is ours.

A daemon that somebody else started is used and never stopped.  One of ours outlives its last model by half a minute,
and this control process altogether: its successor finds the record and takes it over.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from glowplug import ids
from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, describe_exit
from glowplug.launchers.base import Launcher, LaunchError, LaunchSpec, Running
from glowplug.lifecycle.daemon_api import DaemonApi, DaemonError
from glowplug.lifecycle.daemon_record import DaemonRecord, keep
from glowplug.lifecycle.daemon_roll import Tenant, call_roll
from glowplug.lifecycle.ports import Scheduler, Timer
from glowplug.lifecycle.records import file_name

log = logging.getLogger(__name__)

LINGER = 30.0
"""Seconds a daemon of ours is kept without a model."""
POLL = 5.0
"""Seconds between two looks at what is loaded; none while nothing is."""
START_LIMIT = 60.0
"""Seconds until a daemon that was started must answer."""
STOP_LIMIT = 10.0
"""Seconds between asking a daemon of ours to end and SIGKILL."""
_SOON = 0.02
_TAIL = 4096


class DaemonDown(Exception):
    """There is no daemon to load with; the text is for the model's log."""


@dataclass(frozen=True)
class DaemonKit:
    """What every daemon works with."""

    engine: Engine
    launcher: Launcher
    clock: Scheduler
    folder: Path
    """Where daemons are recorded."""
    logs: Path


class Daemon:
    """All methods are called on the event loop's thread."""

    def __init__(self, kit: DaemonKit, host: str, port: int) -> None:
        self.api = DaemonApi(host, port)
        self.tenants: dict[str, Tenant] = {}
        self._inside: set[str] = set()
        """The instances that go when this daemon ends; the others wait for one."""
        self.remembered: dict[str, str] = {}
        """Ollama's names of an earlier control process's models, by instance, until they are adopted."""
        self.group: Running | None = None
        """The daemon's processes, when it is ours."""
        self._kit = kit
        self._spec_instance = ""
        self._answers = False
        self._closed = False
        self._rise: asyncio.Task[None] | None = None
        self._fall: asyncio.Task[None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._bury: asyncio.Task[None] | None = None
        self._timers: dict[str, Timer] = {}
        self._exit: str = ""

    @property
    def pid(self) -> int:
        """0 while there is none, or when it is not ours."""
        return self.group.pid if self.group else 0

    @property
    def answers(self) -> bool:
        """Whether it did when it was last asked, and has not ended since."""
        return self._answers

    @property
    def clock(self) -> Scheduler:
        return self._kit.clock

    # ---- coming

    async def ensure(self, model: LocalModel, instance: str) -> None:
        """Have a daemon that answers, for this instance to be loaded in; simultaneous callers share one start.
        `model` says how to start it.  Raises DaemonDown."""
        if self._fall is not None:
            await asyncio.shield(self._fall)
        if self._rise is not None or self.group is None or not self._answers:
            if self._rise is None:
                self._rise = asyncio.get_running_loop().create_task(self._bring_up(model))
                self._rise.add_done_callback(self._risen)
            await asyncio.shield(self._rise)
        self._inside.add(instance)

    def _risen(self, task: asyncio.Task[None]) -> None:
        self._rise = None
        if not task.cancelled():
            task.exception()  # those who waited have it
        self._settle()

    async def _bring_up(self, model: LocalModel) -> None:
        for _ in range(2):
            if await self._found():
                return
            if not _is_local(self.api.host):
                raise DaemonDown(f"nobody answers at {self.api.name}, and a daemon elsewhere could not be started")
            self._start(model)
            if await self._answered_in_time():
                return
        raise DaemonDown(f"the daemon at {self.api.name} ended while it started ({self._exit}): {self._last_line()}")

    async def _found(self) -> bool:
        """Whether a daemon answers already."""
        try:
            version = await self.api.version()
        except DaemonError:
            raise DaemonDown(f"{self.api.name} is answered by something that is not Ollama") from None
        except TimeoutError:
            raise DaemonDown(f"what listens at {self.api.name} does not answer") from None
        except OSError:
            return False
        log.info("using Ollama %s at %s", version, self.api.name)
        self._answers = True
        return True

    def _start(self, model: LocalModel) -> None:
        engine = self._kit.engine
        self._spec_instance = ids.short_id("host")
        endpoint = Endpoint(
            instance=self._spec_instance, model=model.name, host=self.api.host, port=self.api.port, key=""
        )
        spec = LaunchSpec(
            instance=self._spec_instance,
            argv=engine.argv(model, endpoint),
            env=engine.env(model),
            log=self._log,
            model=f"{engine.name} at {self.api.name}",
            launcher=model.launcher,
            port=self.api.port,
            stop_timeout=STOP_LIMIT,
        )
        try:
            self.group = self._kit.launcher.launch(spec, self._ended)
        except LaunchError as error:
            raise DaemonDown(f"the daemon could not be started: {error}") from None
        self._exit = ""
        self.save()

    async def _answered_in_time(self) -> bool:
        """Whether the daemon just started answers; False when it has ended instead."""
        clock, wait = self._kit.clock, _SOON
        limit = clock.monotonic() + START_LIMIT
        while self.group is not None and not self._exit:
            with suppress(OSError, TimeoutError, DaemonError):
                await self.api.version()
                if not self._exit:
                    self._answers = True
                    return True
            if clock.monotonic() > limit:
                self._fall_down()
                raise DaemonDown(f"the daemon at {self.api.name} was started and does not answer")
            await asyncio.sleep(wait)
            wait = min(wait * 1.3, 0.5)
        if self._fall is not None:
            await asyncio.shield(self._fall)
        return False

    @property
    def _log(self) -> Path:
        return self._kit.logs / f"{file_name(f'{self._kit.engine.name}-daemon-{self.api.port}')}.log"

    def _last_line(self) -> str:
        try:
            lines = self._log.read_bytes()[-_TAIL:].decode(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def log_bytes(self) -> int:
        """Of the log of a daemon that is ours."""
        with suppress(OSError):
            return self._log.stat().st_size
        return 0

    # ---- having models

    def enter(self, tenant: Tenant, *, inside: bool = False) -> None:
        """It is to be loaded here, or (`inside`) was by an earlier control process."""
        self.tenants[tenant.instance] = tenant
        if inside:
            self._inside.add(tenant.instance)
        self.remembered.pop(tenant.instance, None)
        self._settle()
        self.save()

    def leave(self, tenant: Tenant) -> None:
        """It is loaded no more."""
        self._inside.discard(tenant.instance)
        if self.tenants.pop(tenant.instance, None) is not None and not self._closed:
            self.save()
            self._settle()

    def _settle(self) -> None:
        """Watch while there are models; wait for the end of a daemon of ours while there are none."""
        if self._closed:
            return
        if self.tenants:
            self._cancel("linger")
            if "poll" not in self._timers:
                self._later("poll", POLL, self.look)
            return
        self._cancel("poll")
        if self._rise is None and self.group is not None and "linger" not in self._timers:
            self._later("linger", LINGER, self._fall_down)

    def look(self) -> None:
        """Look now at what is loaded."""
        self._cancel("poll")
        if self._look is None and not self._closed:
            self._look = asyncio.get_running_loop().create_task(
                call_roll(self.api, self.tenants, ours=self.group is not None)
            )
            self._look.add_done_callback(self._looked)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._look = None
        if not task.cancelled():
            task.result()
        self._settle()

    # ---- going

    def _ended(self, code: int | None) -> None:
        """The daemon of ours has ended, and what it left behind is killed."""
        self._answers = False
        self._exit = describe_exit(code)
        self._fall_down()
        if self._rise is None and self._bury is None and not self._closed:
            self._bury = asyncio.get_running_loop().create_task(self._part(code))
            self._bury.add_done_callback(self._buried)

    async def _part(self, code: int | None) -> None:
        """Its models are gone with it, unless they never were in it: another daemon had the place when ours came, and
        ours took a moment to notice."""
        with suppress(OSError, TimeoutError, DaemonError):
            await self.api.version()
            self.look()
            return
        for tenant in [tenant for tenant in self.tenants.values() if tenant.instance in self._inside]:
            tenant.evicted(code)

    def _buried(self, task: asyncio.Task[None]) -> None:
        self._bury = None
        if not task.cancelled():
            task.result()

    def _fall_down(self) -> None:
        if self._fall is None and self.group is not None and not self._closed:
            self._cancel("linger")
            self._answers = False
            self._fall = asyncio.get_running_loop().create_task(self._take_down(self.group))
            self._fall.add_done_callback(self._fallen)

    async def _take_down(self, group: Running) -> None:
        if not self._exit:
            log.info("stopping the daemon at %s", self.api.name)
            group.terminate()
        kill_at = self._kit.clock.monotonic() + STOP_LIMIT
        wait = _SOON
        while group.survivors():
            if self._exit or self._kit.clock.monotonic() > kill_at:
                group.kill()
            await asyncio.sleep(wait)
            wait = min(wait * 1.4, 0.5)
        group.close()

    def _fallen(self, task: asyncio.Task[None]) -> None:
        self._fall = None
        if not task.cancelled():
            task.result()
            self.group = None
            self._spec_instance = ""
            self.save()

    def kill(self) -> None:
        """End a daemon of ours with everything in it (it does not answer)."""
        if self.group is not None:
            log.warning("killing the daemon at %s", self.api.name)
            self.group.kill()

    async def close(self, *, stop: bool) -> None:
        """The control process ends: stop a daemon of ours that has no model, or leave everything as it is."""
        if stop and not self.tenants:
            if self._rise is not None:
                self._rise.cancel()
                await asyncio.wait([self._rise])
            self._fall_down()
            if self._fall is not None:
                await asyncio.wait([self._fall])
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        for task in (self._rise, self._fall, self._look, self._bury):
            if task is not None:
                task.cancel()
        if self.group is not None:
            self.group.close()

    # ---- remembering

    def adopt(self, record: DaemonRecord) -> bool:
        """Take over what a record says; False when the daemon has ended since."""
        if record.instance:
            self.group = self._kit.launcher.adopt(
                record.instance, record.pid, record.start_time, Path(record.log), self._ended, record.launcher
            )
            if self.group is None:
                return False
            self._answers = True
            self._spec_instance = record.instance
        self.remembered = dict(record.models)
        self._settle()
        return True

    def save(self) -> None:
        """Record it, or remove the record when there is nothing to take over."""
        models = {**self.remembered, **{tenant.instance: tenant.id for tenant in self.tenants.values()}}
        group = self.group
        record = DaemonRecord(
            host=self.api.host,
            port=self.api.port,
            instance=self._spec_instance if group else "",
            pid=group.pid if group else 0,
            start_time=group.start_time if group else 0,
            launcher=group.launcher if group else "",
            log=str(self._log),
            models=models,
        )
        keep(self._kit.folder, record)

    # ---- time

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.pop(name, None)
            call()

        self._timers[name] = self._kit.clock.call_later(seconds, run)

    def _cancel(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
