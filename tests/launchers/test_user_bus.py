from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.launchers.bus import BusError
from glowplug.launchers.user_bus import Service, UserBus, bus_address, object_path, wait_started
from tests.support import systemd_user
from tests.support.systemd_user import UserManager


def test_the_object_of_a_unit() -> None:
    assert object_path("dbus.service") == "/org/freedesktop/systemd1/unit/dbus_2eservice"
    assert object_path("1a-é_.service") == "/org/freedesktop/systemd1/unit/_31a_2d_c3_a9_5f_2eservice"


def test_the_bus_of_systemd_comes_before_one_that_a_desktop_put_there(state_dir: Path) -> None:
    env = {"XDG_RUNTIME_DIR": str(state_dir), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/tmp/other"}
    if not Path(f"/run/user/{os.geteuid()}/bus").exists():
        assert bus_address(env) == "unix:path=/tmp/other"
        assert bus_address({}) == ""
    (state_dir / "bus").touch()
    assert bus_address(env) == f"unix:path={state_dir}/bus"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [(0, 0, None), (os.CLD_EXITED, 3, 3), (os.CLD_KILLED, 9, -9), (os.CLD_DUMPED, 6, -6)],
)
def test_the_exit_code_of_a_service(code: int, status: int, expected: int | None) -> None:
    assert Service(0, 1, code, status, "", "", "no").exit_code == expected


@pytest.mark.parametrize("address", ["", "tcp:host=127.0.0.1", "unix:path=/nowhere/bus"])
def test_a_bus_that_cannot_be_reached_is_an_error(address: str) -> None:
    with pytest.raises(BusError, match="the bus") as caught:
        UserBus(address).units("*")
    assert caught.value.name == ""


@pytest.fixture
def bus(user_manager: UserManager) -> Iterator[UserBus]:
    bus = UserBus(user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    yield bus
    bus.close()


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_a_refusal_has_its_name(bus: UserBus) -> None:
    with pytest.raises(BusError) as caught:
        bus.start("glowplug-absent.service")
    assert caught.value.name == "NoSuchUnit"
    assert not bus.loaded("glowplug-absent.service") and bus.loaded("dbus.socket")


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_a_unit_is_held_also_over_a_lost_connection_and_collected_when_it_is_released(bus: UserBus) -> None:
    unit = "glowplug-held.service"
    gate = ["sh", "-c", "kill -STOP $$; exit 4"]
    exec_start = ("a(sasas)", [("/bin/sh", gate, ["no-env-expand"])])
    bus.start_transient(unit, [("CollectMode", ("s", "inactive-or-failed")), ("ExecStartEx", exec_start)])
    assert bus._connection is not None
    bus._connection.sock.shutdown(socket.SHUT_RDWR)
    assert bus.units("glowplug-held*") == (unit,)
    end = time.monotonic() + 20
    while bus.service(unit).exit_code is None and time.monotonic() < end:
        bus.kill(unit, 18)
        time.sleep(0.005)
    assert bus.service(unit).exit_code == 4
    assert bus.units("glowplug-held*") == (unit,)
    bus.release(unit)
    while bus.units("glowplug-held*") and time.monotonic() < end:
        time.sleep(0.005)
    assert bus.units("glowplug-held*") == ()


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_the_object_path_is_the_one_systemd_gives(bus: UserBus, user_manager: UserManager) -> None:
    shown = user_manager.run("busctl", "--user", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                             "org.freedesktop.systemd1.Manager", "GetUnit", "s", "dbus.socket")  # fmt: skip
    assert object_path("dbus.socket") in shown.stdout, shown
    assert isinstance(shown, subprocess.CompletedProcess)


def test_a_unit_that_the_manager_has_not_come_to_yet_is_waited_for() -> None:
    """It looks like one that has ended: inactive."""

    class Scripted(UserBus):
        looks = 0

        def starting(self, unit: str) -> bool:
            self.looks += 1
            return self.looks < 3

        def active(self, unit: str) -> str:
            return "active" if self.looks >= 3 else "inactive"

    assert wait_started(Scripted(""), "x.service", 20.0) == "active"
    assert wait_started(Scripted(""), "x.service", 0.0) == "inactive", "not longer than it was told to"
