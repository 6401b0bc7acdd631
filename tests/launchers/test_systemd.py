"""What only units can do; tests/launchers/test_contract.py has what every launcher does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.launchers import systemd
from glowplug.launchers.base import LaunchError, LaunchSpec
from glowplug.launchers.systemd import SLICE, SystemdLauncher, transient
from glowplug.launchers.user_bus import Service
from tests.launchers.kinds import PATIENCE_S, Started, spec
from tests.support import systemd_user
from tests.support.systemd_user import UserManager

WAITS = "print('up', flush=True); import time; time.sleep(600)"
needs_systemd = pytest.mark.needs(*systemd_user.PROGRAMS)


@pytest.fixture
async def launcher(user_manager: UserManager, tmp_path: Path) -> AsyncIterator[SystemdLauncher]:
    launcher = SystemdLauncher(tmp_path, user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    yield launcher
    launcher.sweep(frozenset())
    launcher.close()


def test_the_unit_says_everything_that_owning_needs(tmp_path: Path) -> None:
    asked = LaunchSpec("inst_1", ("llama-server", "-m", "x"), {}, tmp_path / "log", model="chat-x",
                       memory_max=1 << 30, stop_timeout=2.5)  # fmt: skip
    unit = dict(transient(asked, "/bin/llama-server", {"PATH": "/bin", "K": "v"}, ("PATH=/x", "AWS_SECRET=s")))
    values = {name: value for name, (_, value) in unit.items()}
    assert values["Description"] == "Glowplug: chat-x"
    assert values["ExecStartEx"] == [("/bin/llama-server", ["llama-server", "-m", "x"], ["no-env-expand"])]
    assert (values["KillMode"], values["Restart"], values["Type"]) == ("control-group", "no", "exec")
    assert (values["TimeoutStopUSec"], values["MemoryMax"]) == (2_500_000, 1 << 30)
    assert (values["Environment"], values["UnsetEnvironment"]) == (["PATH=/bin", "K=v"], ["AWS_SECRET"])
    assert values["StandardOutputFileToAppend"] == values["StandardErrorFileToAppend"] == str(tmp_path / "log")
    assert "MemoryMax" not in dict(transient(LaunchSpec("i", ("x",), {}, tmp_path), "/x", {}, ()))


@needs_systemd
async def test_the_unit_as_systemd_sees_it(
    launcher: SystemdLauncher, user_manager: UserManager, tmp_path: Path
) -> None:
    started = Started(launcher, spec(tmp_path / "log", WAITS, memory_max=1 << 30, stop_timeout=3.0))
    unit = started.running.unit
    assert unit == launcher.unit_of("inst_1") and unit.startswith("glowplug-") and unit.endswith("-inst_1.service")
    shown = {
        name: user_manager.show(unit, name)
        for name in ("Slice", "MainPID", "MemoryMax", "TimeoutStopUSec", "KillMode", "Description", "Restart")
    }
    assert shown == {
        "Slice": SLICE, "MainPID": str(started.running.pid), "MemoryMax": str(1 << 30), "TimeoutStopUSec": "3s",
        "KillMode": "control-group", "Description": "Glowplug: chat-x", "Restart": "no",
    }  # fmt: skip
    started.running.terminate()
    assert await started.ends() == -signal.SIGTERM
    await started.gone()
    started.running.close()


@needs_systemd
async def test_systemd_kills_what_is_left_after_the_time_to_stop(launcher: SystemdLauncher, tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS
    started = Started(launcher, spec(tmp_path / "log", code, stop_timeout=0.2))
    await started.says("up")
    started.running.terminate()
    assert await started.ends() == -signal.SIGKILL, "and nobody here sent that"
    await started.gone()
    started.running.close()


@needs_systemd
async def test_a_failed_unit_is_gone_once_it_was_closed(
    launcher: SystemdLauncher, user_manager: UserManager, tmp_path: Path
) -> None:
    started = Started(launcher, spec(tmp_path / "log", "raise SystemExit(3)"))
    assert await started.ends() == 3
    unit = started.running.unit
    assert user_manager.show(unit, "Result") == "exit-code", "held: people can look at it"
    started.running.close()
    async with asyncio.timeout(PATIENCE_S):
        while user_manager.show(unit, "LoadState") != "not-found":
            await asyncio.sleep(0.005)


@needs_systemd
async def test_who_is_not_there_to_close_leaves_no_failed_unit(
    launcher: SystemdLauncher, user_manager: UserManager, tmp_path: Path
) -> None:
    other = SystemdLauncher(tmp_path, user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    started = Started(other, spec(tmp_path / "log", WAITS))
    other.close()
    os.kill(started.running.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while user_manager.show(launcher.unit_of("inst_1"), "LoadState") != "not-found":
            await asyncio.sleep(0.005)
    await started.ends()
    started.running.close()
    other.close()


@needs_systemd
async def test_without_a_bus_an_engine_is_still_ended(
    launcher: SystemdLauncher, user_manager: UserManager, tmp_path: Path
) -> None:
    other = SystemdLauncher(tmp_path, user_manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    started = Started(other, spec(tmp_path / "log", WAITS))
    other.close()
    other._bus.address = "unix:path=/nowhere/bus"
    started.running.terminate()
    assert await started.ends() is None
    await started.gone()
    started.running.close()
    with pytest.raises(LaunchError, match="could not be started by the user's systemd: the bus"):
        other.launch(spec(tmp_path / "log", WAITS, "inst_2"), print)
    assert other.sweep(frozenset()) == ()


UNIT = """
[Service]
ExecStart=/bin/sh -c 'trap "exit 6" TERM; echo started >{out}; while :; do read line <{pipe}; done'
Restart={restart}
RestartSec=0
"""


def existing(user_manager: UserManager, folder: Path, restart: str) -> str:
    """An existing unit of the user's; its name."""
    os.mkfifo(folder / "pipe")
    units = user_manager.runtime / "systemd" / "user"
    units.mkdir(parents=True, exist_ok=True)
    name = f"existing-{folder.name}.service"
    (units / name).write_text(UNIT.format(out=folder / "out", pipe=folder / "pipe", restart=restart))
    user_manager.systemctl("daemon-reload")
    return name


@needs_systemd
async def test_an_existing_unit_is_started_adopted_and_stopped(
    launcher: SystemdLauncher, user_manager: UserManager, state_dir: Path
) -> None:
    unit = existing(user_manager, state_dir, "no")
    log = state_dir / "log"
    started = Started(launcher, LaunchSpec("inst_1", (), {}, log, unit=unit.removesuffix(".service")))
    running = started.running
    assert running.unit == unit
    assert user_manager.show(unit, "MainPID") == str(running.pid)
    assert f"journalctl --user -u {unit}" in await started.says("journalctl")
    assert launcher.sweep(frozenset()) == (), "it is not ours to kill"
    again = launcher.adopt("inst_1", running.pid, running.start_time, log, lambda code: None)
    assert again is not None and again.unit == unit
    again.close()
    running.terminate()
    assert await started.ends() == 6
    await started.gone()
    running.close()


@needs_systemd
async def test_an_existing_unit_that_restarts_itself_is_stopped_when_it_ends(
    launcher: SystemdLauncher, user_manager: UserManager, state_dir: Path
) -> None:
    unit = existing(user_manager, state_dir, "always")
    started = Started(launcher, LaunchSpec("inst_1", (), {}, state_dir / "log", unit=unit))
    await started.says("journalctl")
    os.kill(started.running.pid, signal.SIGKILL)
    await started.ends()
    async with asyncio.timeout(PATIENCE_S):
        while user_manager.show(unit, "ActiveState") not in ("inactive", "failed"):
            await asyncio.sleep(0.005)
    await started.gone()
    started.running.close()


@needs_systemd
async def test_a_unit_that_does_not_exist_or_has_no_process_is_an_error(
    launcher: SystemdLauncher, user_manager: UserManager, tmp_path: Path
) -> None:
    with pytest.raises(LaunchError, match=r"no unit glowplug-never\.service") as caught:
        launcher.launch(LaunchSpec("inst_1", (), {}, tmp_path / "log", unit="glowplug-never"), print)
    assert caught.value.missing
    units = user_manager.runtime / "systemd" / "user"
    units.mkdir(parents=True, exist_ok=True)
    (units / "broken.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/false\n")
    user_manager.systemctl("daemon-reload")
    with pytest.raises(LaunchError, match=r"broken\.service has no main process \(failed, exit-code\)") as caught:
        launcher.launch(LaunchSpec("inst_1", (), {}, tmp_path / "log", unit="broken"), print)
    assert not caught.value.missing


@needs_systemd
async def test_the_kernel_lacking_memory_is_named_in_the_log(
    launcher: SystemdLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no memory controller in the tests' control group, so that systemd's word for it is put in its mouth."""
    started = Started(launcher, spec(tmp_path / "log", WAITS))
    await started.says("up")
    bus, pid = launcher._bus, started.running.pid
    oom = Service(0, pid, os.CLD_KILLED, 9, "oom-kill", "", "no")
    monkeypatch.setattr(bus, "service", lambda unit: oom)
    started.running.kill()
    assert await started.ends() == -9
    lines = (await started.says("oom-kill")).splitlines()
    assert LlamaCpp().classify(-9, lines).kind is FailureKind.OUT_OF_MEMORY
    monkeypatch.undo()
    await started.gone()
    started.running.close()


@needs_systemd
async def test_a_program_that_ends_at_once_was_started(launcher: SystemdLauncher, tmp_path: Path) -> None:
    """Systemd may see its end before it saw that it was executed."""
    for number in range(5):
        started = Started(launcher, LaunchSpec(f"inst_{number}", ("sh", "-c", "exit 3"), {}, tmp_path / "log"))
        assert await started.ends() == 3
        await started.gone()
        started.running.close()


@needs_systemd
async def test_what_systemd_cannot_set_up_is_an_error_that_is_not_about_the_program(
    launcher: SystemdLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    original = systemd.transient

    def elsewhere(*arguments: object) -> object:
        (tmp_path / "here").rmdir()
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(systemd, "transient", elsewhere)
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "here")
    with pytest.raises(LaunchError, match="systemd could not set it up \\(status 200") as caught:
        launcher.launch(LaunchSpec("inst_1", ("sh", "-c", "exit 0"), {}, tmp_path / "log"), print)
    assert not caught.value.missing


@needs_systemd
async def test_a_launch_is_quick(launcher: SystemdLauncher, tmp_path: Path) -> None:
    """The budget of a whole cold start beside the engine's own time is 50 ms."""
    launcher.works()
    loop, seconds = asyncio.get_running_loop(), []
    for number in range(5):
        began = loop.time()
        started = Started(launcher, LaunchSpec(f"inst_{number}", ("sleep", "600"), {}, tmp_path / "log"))
        seconds.append(loop.time() - began)
        started.running.kill()
        await started.ends()
        await started.gone()
        started.running.close()
    assert min(seconds) < 0.05
