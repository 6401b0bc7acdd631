from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress, new_method_call

from glowplug.launchers.bus import BusError, Connection, answer, connect
from glowplug.testing.fake_logind import FakeLogind, Lock
from tests.support.dbus import bus

pytestmark = pytest.mark.needs("dbus-daemon")
MANAGER = DBusAddress("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")


@pytest.fixture
def address(state_dir: Path) -> Iterator[str]:
    with bus(state_dir) as address:
        yield address


async def ask(connection: Connection, method: str, signature: str = "", *body: object) -> Any:
    message = new_method_call(MANAGER, method, signature or None, body)
    return await asyncio.to_thread(answer, connection, message, 5.0)


async def test_a_lock_is_held_as_long_as_its_file_is_open(address: str) -> None:
    async with FakeLogind(address, delay=0.05) as logind:
        client = connect(address, 5.0, fds=True)
        (held,) = await ask(client, "Inhibit", "ssss", "sleep", "me", "because", "delay")
        descriptor = held.to_raw_fd()
        assert list(logind.locks.values()) == [Lock("sleep", "me", "because", "delay")]
        slept = await logind.sleep()
        assert slept.waited_in_vain and slept.seconds >= 0.05
        os.close(descriptor)
        await logind.until_locks(0)
        assert not (await logind.sleep()).waited_in_vain
        client.close()


async def test_a_lock_goes_with_who_held_it_only_by_its_file(address: str) -> None:
    async with FakeLogind(address, delay=0.01) as logind:
        client = connect(address, 5.0, fds=True)
        (held,) = await ask(client, "Inhibit", "ssss", "sleep", "me", "because", "delay")
        client.close()
        assert (await logind.sleep()).waited_in_vain
        held.close()
        await logind.until_locks(0)


async def test_refusals(address: str) -> None:
    async with FakeLogind(address, refuse="org.freedesktop.DBus.Error.AccessDenied"):
        client = connect(address, 5.0, fds=True)
        with pytest.raises(BusError, match="Permission denied") as caught:
            await ask(client, "Inhibit", "ssss", "sleep", "me", "because", "delay")
        assert caught.value.name == "AccessDenied"
        with pytest.raises(BusError, match="Unknown method Frobnicate"):
            await ask(client, "Frobnicate")
        client.close()
