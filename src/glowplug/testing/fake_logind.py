"""The part of logind that notices sleep, for machines that have none: imitates systemd 252.

Owns org.freedesktop.login1 on a bus that lets it, answers `Inhibit` with a file and waits for it to be closed, as the
real one does, and says `PrepareForSleep` when a test puts the machine to sleep.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from jeepney import DBusAddress, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.low_level import HeaderFields, Message, MessageType

from glowplug.launchers.bus import answer, connect

_NAME, _PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
_MANAGER = DBusAddress(_PATH, _NAME, f"{_NAME}.Manager")
_PATIENCE = 5.0


class Lock(NamedTuple):
    """An inhibitor lock, as `ListInhibitors` shows it."""

    what: str
    who: str
    why: str
    mode: str


@dataclass(frozen=True)
class Slept:
    """How going to sleep went."""

    seconds: float
    waited_in_vain: bool
    """Somebody still held a lock when the time was over."""


class FakeLogind:
    """An async context manager: on the bus while it is entered.  `delay`: InhibitDelayMaxSec."""

    def __init__(self, address: str, delay: float = 5.0, *, refuse: str = "") -> None:
        self.delay = delay
        self.refuse = refuse
        """A D-Bus error to answer `Inhibit` with."""
        self.locks: dict[int, Lock] = {}
        """Held locks by our end of their file."""
        self._connection = connect(address, _PATIENCE, fds=True)
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        answer(self._connection, message_bus.RequestName(_NAME), _PATIENCE)
        asyncio.get_running_loop().add_reader(self._connection.sock, self._serve)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._connection.sock)
        self._connection.close()
        for descriptor in tuple(self.locks):
            self._released(descriptor)

    async def until_locks(self, count: int) -> None:
        """Return when that many locks are held."""
        async with asyncio.timeout(_PATIENCE):
            while len(self.locks) != count:
                self._changed.clear()
                await self._changed.wait()

    async def sleep(self) -> Slept:
        """Say that the machine is about to sleep, and wait for the locks as long as logind would."""
        began = time.monotonic()
        self._say(True)
        try:
            async with asyncio.timeout(self.delay):
                while self.locks:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return Slept(time.monotonic() - began, True)
        return Slept(time.monotonic() - began, False)

    def wake(self) -> None:
        """The machine is back."""
        self._say(False)

    def _say(self, sleeping: bool) -> None:
        self._connection.send(new_signal(_MANAGER, "PrepareForSleep", "b", (sleeping,)))

    def _serve(self) -> None:
        try:
            while True:
                message = self._connection.receive(timeout=0)
                if message.header.message_type is MessageType.method_call:
                    self._reply(message)
        except TimeoutError:
            return
        except ConnectionError:
            asyncio.get_running_loop().remove_reader(self._connection.sock)

    def _reply(self, message: Message) -> None:
        member = message.header.fields.get(HeaderFields.member)
        if member == "Inhibit" and self.refuse:
            self._connection.send(new_error(message, self.refuse, "s", ("Permission denied",)))
        elif member == "Inhibit":
            ours, theirs = os.pipe()
            what, who, why, mode = message.body
            self.locks[ours] = Lock(what, who, why, mode)
            asyncio.get_running_loop().add_reader(ours, self._released, ours)
            self._connection.send(new_method_return(message, "h", (theirs,)))
            os.close(theirs)
            self._changed.set()
        elif member == "Get" and message.body == (f"{_NAME}.Manager", "InhibitDelayMaxUSec"):
            self._connection.send(new_method_return(message, "v", (("t", int(self.delay * 1_000_000)),)))
        else:
            name = "org.freedesktop.DBus.Error.UnknownMethod"
            self._connection.send(new_error(message, name, "s", (f"Unknown method {member}",)))

    def _released(self, descriptor: int) -> None:
        """The other end was closed: that is all that can be read from it."""
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self.locks.pop(descriptor, None)
        self._changed.set()
