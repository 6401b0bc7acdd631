"""The machine going to sleep and coming back: logind's word for it over the system bus (org.freedesktop.login1(5)).

A delay inhibitor is an open file that logind waits for, at most `InhibitDelayMaxSec` (5 s where nobody changed it),
before the machine sleeps.  Drivers lose what engines had on a device while it sleeps, and engines then answer wrongly
or from the CPU without a word: so they are stopped before, and the hardware is read anew after.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from jeepney import DBusAddress, new_method_call
from jeepney.bus_messages import MatchRule, message_bus
from jeepney.low_level import Message

from glowplug.launchers.bus import BusError, Connection, answer, connect

_log = logging.getLogger(__name__)

_NAME, _PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
_MANAGER = DBusAddress(_PATH, _NAME, f"{_NAME}.Manager")
_PROPERTIES = DBusAddress(_PATH, _NAME, "org.freedesktop.DBus.Properties")
_SIGNAL = MatchRule(type="signal", sender=_NAME, interface=f"{_NAME}.Manager", member="PrepareForSleep", path=_PATH)
_ARRIVES = MatchRule(type="signal", interface=f"{_NAME}.Manager", member="PrepareForSleep", path=_PATH)
"""The same without the sender: what arrives has the unique name of its sender instead; the bus has checked it."""
_PATIENCE = 2.0
_SHARE = 0.9
"""Of the time that logind gives, so that we let go before it stops waiting."""
_DEFAULT_DELAY = 5.0
_RECONNECTS = 3
_RECONNECT_PAUSE = 5.0


def system_bus_address() -> str:
    return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket"


class Suspend:
    """Calls `before` when the machine is about to sleep, and `after` when it is back.

    `before` has the time that logind gives and is cancelled after it.  Without a bus, or without logind on it, nothing
    happens, and the log says so once.  What the two raise ends `run`; the machine is let go first.
    """

    def __init__(
        self,
        before: Callable[[], Awaitable[None]],
        after: Callable[[], Awaitable[None]],
        address: str | None = None,
    ) -> None:
        self._before = before
        self._after = after
        self._address = system_bus_address() if address is None else address
        self._connection: Connection | None = None
        self._inhibitor: int | None = None
        self._delay = _DEFAULT_DELAY
        self._arrived: deque[Message] = deque()
        self._awake = asyncio.Event()

    @property
    def inhibits(self) -> bool:
        """Whether the machine waits for us before it sleeps."""
        return self._inhibitor is not None

    async def run(self) -> None:
        """Until cancelled, or for good when there is nobody to listen to."""
        known = False
        failures = 0
        while failures <= (_RECONNECTS if known else 0):
            if failures:
                await asyncio.sleep(_RECONNECT_PAUSE)
            try:
                await asyncio.to_thread(self._open)
                known, failures = True, 0
                await self._listen()
            except BusError as error:
                failures += 1
                if failures == 1:
                    _log.info("suspend of this machine is not noticed: %s", error)
            finally:
                self._close()

    # ---- the bus.  Calls wait for an answer, so they are made in a thread, while nobody else reads the connection.

    def _open(self) -> None:
        self._connection = connect(self._address, _PATIENCE, fds=True)
        self._connection.filter(_ARRIVES, queue=self._arrived)
        answer(self._connection, message_bus.AddMatch(_SIGNAL), _PATIENCE)
        ((_, delay),) = self._ask(_PROPERTIES, "Get", "ss", f"{_NAME}.Manager", "InhibitDelayMaxUSec")
        self._delay = delay / 1_000_000
        self._inhibit()

    def _ask(self, address: DBusAddress, method: str, signature: str, *body: object) -> Any:
        assert self._connection is not None
        return answer(self._connection, new_method_call(address, method, signature, body), _PATIENCE)

    def _inhibit(self) -> None:
        """Have logind wait for us from now on.  Where that is not allowed, sleep is only heard of."""
        try:
            (descriptor,) = self._ask(
                _MANAGER,
                "Inhibit",
                "ssss",
                "sleep",
                "Glowplug",
                "stops engines before their devices lose power",
                "delay",
            )
        except BusError as error:
            if error.lost:
                raise
            _log.warning("the machine does not wait for engines to stop before it sleeps: %s", error)
        else:
            self._inhibitor = descriptor.to_raw_fd()

    def _let_go(self) -> None:
        if self._inhibitor is not None:
            os.close(self._inhibitor)
            self._inhibitor = None

    def _close(self) -> None:
        self._let_go()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---- what arrives

    async def _listen(self) -> None:
        """Raises BusError when the bus is lost."""
        loop = asyncio.get_running_loop()
        while True:
            assert self._connection is not None
            while self._arrived:
                (sleeping,) = self._arrived.popleft().body
                await (self._going_to_sleep() if sleeping else self._back())
            self._awake.clear()
            sock = self._connection.sock
            loop.add_reader(sock, self._awake.set)
            try:
                await self._awake.wait()
            finally:
                loop.remove_reader(sock)
            self._connection.receive_waiting()

    async def _going_to_sleep(self) -> None:
        _log.info("the machine is going to sleep: stopping the engines")
        try:
            async with asyncio.timeout(self._delay * _SHARE):
                await self._before()
        except TimeoutError:
            _log.warning("not everything was stopped in the %g s before the machine sleeps", self._delay)
        finally:
            self._let_go()

    async def _back(self) -> None:
        _log.info("the machine is back")
        if self._inhibitor is None:
            await asyncio.to_thread(self._inhibit)
        await self._after()
