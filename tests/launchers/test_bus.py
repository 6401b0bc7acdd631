from __future__ import annotations

import time
from pathlib import Path

import pytest
from jeepney import DBusAddress, new_method_call

from glowplug.launchers.bus import BusError, answer, connect
from tests.support.dbus import bus, impostor

DAEMON = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")


@pytest.mark.parametrize(
    ("reply", "silent"),
    [(b"OK 0123456789abcdef0123456789abcdef\r\n", True), (b"REJECTED EXTERNAL\r\n", False), (b"", True)],
)
def test_who_does_not_answer_as_a_bus_is_an_error_in_time(state_dir: Path, reply: bytes, silent: bool) -> None:
    with impostor(state_dir / "bus", reply) as address:
        began = time.monotonic()
        with pytest.raises(BusError) as caught:
            connect(address, 0.1)
        assert time.monotonic() - began < 5
    assert caught.value.lost and caught.value.silent is silent and caught.value.name == ""


@pytest.mark.parametrize("address", ["", "tcp:host=127.0.0.1", "unix:path=/nowhere/bus"])
def test_an_address_where_nobody_is_is_an_error(address: str) -> None:
    with pytest.raises(BusError, match="the bus"):
        connect(address, 1.0)


@pytest.mark.needs("dbus-daemon")
def test_answers_refusals_and_a_lost_bus(state_dir: Path) -> None:
    with bus(state_dir) as address:
        connection = connect(f"unix:abstract=nothing;{address},guid=0", 5.0)
        (names,) = answer(connection, new_method_call(DAEMON, "ListNames"), 5.0)
        assert connection.unique_name in names
        with pytest.raises(BusError) as caught:
            answer(connection, new_method_call(DAEMON, "Frobnicate"), 5.0)
        assert caught.value.name == "UnknownMethod" and not caught.value.lost
        with pytest.raises(BusError, match="UTF-8"):
            answer(connection, new_method_call(DAEMON, "NameHasOwner", "s", ("\udc80",)), 5.0)
    with pytest.raises(BusError, match="the bus was lost") as caught:
        answer(connection, new_method_call(DAEMON, "ListNames"), 5.0)
    assert caught.value.lost and not caught.value.silent
    connection.close()
