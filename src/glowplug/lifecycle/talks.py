"""What a slot says to its engine: report how you loaded, sleep, wake up, end.

Each talk belongs to one process: what comes back after that has been forgotten is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, LoadReport, Request, Sleeping
from glowplug.engines.placeholders import launch_environment
from glowplug.engines.programs import FlagCatalogue
from glowplug.launchers.base import Launcher, Running
from glowplug.lifecycle import asking
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.asking import AnswerError
from glowplug.lifecycle.events import Event
from glowplug.lifecycle.logs import LogBook
from glowplug.lifecycle.ports import Scheduler
from glowplug.lifecycle.stopping import ask_to_end
from glowplug.lifecycle.tenancy import Tenancy

BACK_AFTER = 2.0
"""Seconds after its answer within which an engine that fell asleep must have given its memory back."""
LOOK_EVERY = 0.1


class TalkKit(Protocol):
    @property
    def clock(self) -> Scheduler: ...
    @property
    def launcher(self) -> Launcher: ...
    @property
    def catalogue(self) -> FlagCatalogue: ...


class Talker(Protocol):
    """The part of a slot that is used here."""

    model: LocalModel
    engine: Engine
    log: LogBook
    endpoint: Endpoint | None
    running: Running | None

    @property
    def tenancy(self) -> Tenancy: ...
    @property
    def kit(self) -> TalkKit: ...
    def known_flags(self) -> frozenset[str] | None: ...
    def post(self, event: Event) -> None: ...
    def reported(self, report: LoadReport) -> None:
        """What the engine says of a load that became ready."""
        ...


class Talks:
    """The conversations of one slot."""

    def __init__(self, slot: Talker) -> None:
        self._slot = slot
        self._tasks: set[asyncio.Task[None]] = set()

    def _begin(self, talk: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(talk)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """No more talks."""
        for task in tuple(self._tasks):
            task.cancel()

    def _post(self, running: Running | None, event: Event) -> None:
        if self._slot.running is running:
            self._slot.post(event)

    # ---- how did you load

    def inspect(self, then: Callable[[], None]) -> None:
        """Ask for the report of a load that is about to be used, and go on with `then` unless it says that the engine
        may not be used like this.

        Only where it was given an accelerator the request waits for that; elsewhere there is nothing to fall back from.
        """
        if self._slot.tenancy.place.accelerators:
            self._begin(self._inspect(then))
        else:
            then()
            self._begin(self._inspect(None))

    async def _inspect(self, then: Callable[[], None] | None) -> None:
        slot, running = self._slot, self._slot.running
        answer = b""
        if slot.engine.report_path and slot.endpoint is not None:
            try:
                status, body = await asking.send(slot.endpoint, Request("GET", slot.engine.report_path, timeout=2.0))
                answer = body if status == 200 else b""
            except (OSError, AnswerError):
                answer = b""  # it has said that it is ready; that it says no more is no failure
        if slot.running is not running:
            return
        slot.log.poll()
        report = slot.engine.report(slot.model, slot.tenancy.place, slot.log.of_launch(), answer)
        slot.reported(report)
        if report.failure is not None:
            slot.post(ev.Reported(report.failure))
        elif then is not None:
            then()

    # ---- sleep and wake

    def sleep(self) -> None:
        """Let it give its memory back; `FellAsleep` says how that went."""
        if self._unasked():
            self._begin(self._after_learning(self.sleep))
            return
        way = self._way()
        if way is None:
            self._slot.post(ev.FellAsleep("this version cannot sleep"))
        else:
            self._begin(self._sleep(way, self._slot.running))

    def wake(self) -> None:
        """Let it take its memory again; `Woken` says that it was asked, or why not."""
        if self._unasked():
            self._begin(self._after_learning(self.wake))
            return
        way = self._way()
        if way is None:
            self._slot.post(ev.Woken(_not_woken("this version cannot wake up")))
        else:
            self._begin(self._wake(way, self._slot.running))

    def _unasked(self) -> bool:
        """Whether the program has not been asked for its flags: an engine that was adopted was not launched by us."""
        slot = self._slot
        return bool(slot.engine.help_argument) and not slot.kit.catalogue.asked(slot.model.command)

    async def _after_learning(self, then: Callable[[], None]) -> None:
        slot, running = self._slot, self._slot.running
        environment = slot.kit.launcher.environment(slot.engine.env(slot.model, slot.tenancy.place))
        await slot.kit.catalogue.learn(slot.model.command, slot.engine.help_argument, environment)
        if slot.running is running:
            then()

    def _way(self) -> Sleeping | None:
        return self._slot.engine.sleeping(self._slot.model, self._slot.known_flags())

    async def _sleep(self, way: Sleeping, running: Running | None) -> None:
        tenancy = self._slot.tenancy
        tenancy.before_sleep()
        why = await self._say(way.sleep)
        if not why:
            end = self._slot.kit.clock.monotonic() + BACK_AFTER
            while why := tenancy.still_held(way.residual):
                if self._slot.kit.clock.monotonic() >= end:
                    break
                await asyncio.sleep(LOOK_EVERY)
        if not why:
            tenancy.fell_asleep()
        self._post(running, ev.FellAsleep(why))

    async def _wake(self, way: Sleeping, running: Running | None) -> None:
        why = await self._say(way.wake)
        self._post(running, ev.Woken(_not_woken(why) if why else None))

    async def _say(self, requests: tuple[Request, ...]) -> str:
        """Send them in order; empty, or what went wrong."""
        endpoint = self._slot.endpoint
        assert endpoint is not None
        for request in requests:
            what = f"{request.method} {request.path.partition('?')[0]}"
            try:
                status, _ = await asking.send(endpoint, request)
            except TimeoutError:
                return f"{what} was not answered within {request.timeout:g} s"
            except (OSError, AnswerError) as error:
                return f"{what} failed: {error}"
            if status >= 400:
                return f"{what} was answered {status}"
        return ""

    # ---- end

    def end(self) -> None:
        """Ask the process to end, in its engine's way."""
        slot = self._slot
        assert slot.running is not None and slot.endpoint is not None
        way = slot.engine.stopping(slot.model, slot.endpoint)
        if way.request is None and not way.argv:
            slot.running.terminate(way.signal)
            return
        own = launch_environment(slot.engine, slot.model, slot.endpoint, slot.tenancy.place)
        self._begin(ask_to_end(way, slot.endpoint, slot.running, slot.kit.launcher.environment(own)))


def _not_woken(why: str) -> Failure:
    return Failure(
        kind=FailureKind.HANG,
        message=f"it did not wake up: {why}",
        hint="it is stopped; the next request starts it anew",
    )
