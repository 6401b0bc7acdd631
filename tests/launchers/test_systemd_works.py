from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from glowplug.launchers import procfs, systemd_works
from glowplug.launchers.systemd import SystemdLauncher
from glowplug.launchers.user_bus import UserBus
from tests.support import systemd_user
from tests.support.dbus import impostor
from tests.support.systemd_user import UserManager


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_a_real_manager_works_and_keeps_nothing_of_the_trial(user_manager: UserManager, tmp_path: Path) -> None:
    launcher = SystemdLauncher(tmp_path, user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    assert launcher.works() == ""
    assert launcher.works() == "", "and again, under the same name"
    launcher.close()
    assert "-try-" not in user_manager.systemctl("list-units", "--all", "glowplug*").stdout


def test_without_a_bus_the_answer_comes_at_once() -> None:
    best = min(_seconds(""), _seconds(""), _seconds("unix:path=/nowhere/bus"))
    assert best < 0.02


def _seconds(address: str) -> float:
    began = time.perf_counter()
    assert " bus " in SystemdLauncher("/x", address).works()
    return time.perf_counter() - began


def test_a_bus_that_hangs_is_given_up_within_two_seconds(state_dir: Path) -> None:
    with impostor(state_dir / "bus", b"OK 0123456789abcdef0123456789abcdef\r\n") as address:
        began = time.monotonic()
        assert "does not answer" in SystemdLauncher("/x", address).works()
        assert time.monotonic() - began < 2.0


@pytest.mark.needs(*systemd_user.PROGRAMS)
@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("_SCRIPT", 'echo "$GLOWPLUG_TRIAL"; kill -STOP $$; exit 38', "ended with 38 instead of 37"),
        ("_SCRIPT", "echo something else; sleep 60", "what a trial unit prints is not seen here"),
        ("_SCRIPT", 'echo "$GLOWPLUG_TRIAL"; sleep 60', "a trial unit does not run|control group"),
    ],
)
def test_what_does_not_behave_is_named_and_cleared_away(
    user_manager: UserManager, monkeypatch: pytest.MonkeyPatch, attribute: str, value: str, expected: str
) -> None:
    monkeypatch.setattr(systemd_works, attribute, value)
    monkeypatch.setattr(systemd_works, "_WITHIN", 0.3)
    bus = UserBus(user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    why = systemd_works.try_out(bus, f"glowplug-bad-{os.getpid()}.service", "glowplug.slice")
    import re

    assert re.search(expected, why), why
    end = time.monotonic() + 20
    while bus.units("glowplug-bad-*") and time.monotonic() < end:
        time.sleep(0.005)
    assert bus.units("glowplug-bad-*") == ()
    bus.close()


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_a_manager_whose_processes_are_not_seen_does_not_do(
    user_manager: UserManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procfs, "environ_has", lambda pid, entry: False)
    launcher = SystemdLauncher("/x", user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    assert "another PID namespace" in launcher.works()
    launcher.close()
