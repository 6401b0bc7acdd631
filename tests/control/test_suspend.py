from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from glowplug.control import suspend
from glowplug.control.suspend import Suspend, system_bus_address
from glowplug.testing.fake_logind import FakeLogind, Lock
from tests.support.dbus import bus
from tests.waiting import until

pytestmark = pytest.mark.needs("dbus-daemon")


class Engines:
    """Something to stop: takes a turn of the loop, or as long as it is told."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.stopping: asyncio.Event | None = None

    async def before(self) -> None:
        self.did.append("stopping")
        if self.stopping is not None:
            await self.stopping.wait()
        await asyncio.sleep(0)
        self.did.append("stopped")

    async def after(self) -> None:
        self.did.append("looked")


@asynccontextmanager
async def running(engines: Engines, address: str) -> AsyncIterator[Suspend]:
    listener = Suspend(engines.before, engines.after, address)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not listener.inhibits


@pytest.fixture
def address(state_dir: Path) -> Iterator[str]:
    with bus(state_dir) as address:
        yield address


async def test_the_machine_waits_until_everything_is_stopped(address: str) -> None:
    engines = Engines()
    async with FakeLogind(address, delay=20.0) as logind, running(engines, address):
        await logind.until_locks(1)
        (lock,) = logind.locks.values()
        assert lock == Lock("sleep", "Glowplug", "stops engines before their devices lose power", "delay")
        engines.stopping = asyncio.Event()
        sleeping = asyncio.create_task(logind.sleep())
        await until(lambda: engines.did == ["stopping"])
        assert len(logind.locks) == 1 and not sleeping.done()
        engines.stopping.set()
        slept = await sleeping
        assert not slept.waited_in_vain
        assert engines.did == ["stopping", "stopped"]
        logind.wake()
        await logind.until_locks(1)
        await until(lambda: engines.did[-1] == "looked")


async def test_it_goes_on_for_the_next_time(address: str) -> None:
    engines = Engines()
    async with FakeLogind(address, delay=20.0) as logind, running(engines, address):
        for _ in range(3):
            await logind.until_locks(1)
            assert not (await logind.sleep()).waited_in_vain
            logind.wake()
    assert engines.did[:6] == ["stopping", "stopped", "looked"] * 2


async def test_what_takes_too_long_is_cancelled_before_the_machine_stops_waiting(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    engines = Engines()
    engines.stopping = asyncio.Event()
    async with FakeLogind(address, delay=1.0) as logind, running(engines, address):
        await logind.until_locks(1)
        slept = await logind.sleep()
        assert not slept.waited_in_vain and 0.8 < slept.seconds < 1.0
        assert engines.did == ["stopping"]
        assert "not everything was stopped in the 1 s" in caplog.text
        logind.wake()
        await until(lambda: engines.did[-1] == "looked")


async def test_without_leave_to_delay_it_is_still_told(address: str, caplog: pytest.LogCaptureFixture) -> None:
    engines = Engines()
    refused = "org.freedesktop.DBus.Error.AccessDenied"
    async with FakeLogind(address, refuse=refused) as logind, running(engines, address) as listener:
        await until(lambda: "does not wait for engines" in caplog.text)
        assert not listener.inhibits
        logind.refuse = ""
        await logind.sleep()
        await until(lambda: engines.did == ["stopping", "stopped"])
        logind.wake()
        await until(lambda: engines.did[-1] == "looked")
        await logind.until_locks(1)


@pytest.mark.parametrize("nobody", [True, False])
async def test_without_a_bus_or_without_logind_it_says_so_once_and_is_done(
    address: str, caplog: pytest.LogCaptureFixture, nobody: bool
) -> None:
    caplog.set_level(logging.INFO)
    engines = Engines()
    await asyncio.wait_for(
        Suspend(engines.before, engines.after, "unix:path=/nowhere/bus" if nobody else address).run(), 20
    )
    assert caplog.text.count("suspend of this machine is not noticed") == 1 and engines.did == []


async def test_a_bus_that_is_lost_is_looked_for_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(suspend, "_RECONNECT_PAUSE", 0.05)
    monkeypatch.setattr(suspend, "_RECONNECTS", 1000)
    caplog.set_level(logging.INFO)
    engines = Engines()
    with bus(state_dir) as address:
        async with FakeLogind(address) as logind:
            listener = Suspend(engines.before, engines.after, address)
            task = asyncio.create_task(listener.run())
            await logind.until_locks(1)
    await until(lambda: "the bus was lost" in caplog.text)
    with bus(state_dir) as address:
        async with FakeLogind(address) as logind:
            await logind.until_locks(1)
            await logind.sleep()
            assert engines.did == ["stopping", "stopped"]
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_what_goes_wrong_while_stopping_does_not_keep_the_machine_awake(address: str) -> None:
    async def fails() -> None:
        raise RuntimeError("broken")

    async with FakeLogind(address, delay=20.0) as logind:
        task = asyncio.create_task(Suspend(fails, fails, address).run())
        await logind.until_locks(1)
        assert not (await logind.sleep()).waited_in_vain
        with pytest.raises(RuntimeError, match="broken"):
            await task


async def test_other_signals_of_that_name_are_not_believed(address: str) -> None:
    """Only the owner of logind's name is listened to."""
    from jeepney import DBusAddress, new_signal

    from glowplug.launchers.bus import connect

    engines = Engines()
    async with FakeLogind(address, delay=20.0) as logind, running(engines, address):
        await logind.until_locks(1)
        stranger = connect(address, 5.0)
        manager = DBusAddress("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")
        stranger.send(new_signal(manager, "PrepareForSleep", "b", (True,)))
        stranger.close()
        logind.wake()
        await until(lambda: "looked" in engines.did)
        assert engines.did == ["looked"]


def test_it_works_on_uvloop_too(address: str) -> None:
    async def main() -> None:
        engines = Engines()
        async with FakeLogind(address, delay=20.0) as logind, running(engines, address):
            await logind.until_locks(1)
            assert not (await logind.sleep()).waited_in_vain
            assert engines.did == ["stopping", "stopped"]

    uvloop.run(main())


def test_the_address_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SYSTEM_BUS_ADDRESS", raising=False)
    assert system_bus_address() == "unix:path=/run/dbus/system_bus_socket"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/x")
    assert system_bus_address() == "unix:path=/x"
