"""What only containers do; tests/launchers/test_contract.py has what every launcher does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.launchers import procfs
from glowplug.launchers.base import LaunchError, LaunchSpec
from glowplug.launchers.container import FOLLOWS, Cli, CliError, ContainerLauncher, State
from tests.launchers.kinds import PATIENCE_S, Started, container_program, spec, wait_for

WAITS = "print('up', flush=True); import time; time.sleep(600)"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "containers"


@pytest.fixture
async def launcher(tmp_path: Path, state: Path) -> AsyncIterator[ContainerLauncher]:
    launcher = ContainerLauncher(tmp_path, container_program(state))
    yield launcher
    (state / "down").unlink(missing_ok=True)
    launcher.sweep(frozenset())


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (7, 7), (137, -9), (143, -15), (192, -64), (203, 203)])
def test_exit_codes_above_128_are_signals(code: int, expected: int) -> None:
    assert State("id", False, 0, code, False).code == expected


def test_what_does_not_answer_is_named(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = container_program(state)
    assert ContainerLauncher(tmp_path, program).works() == ""
    (state / "down").write_text("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")
    assert "Cannot connect to the Docker daemon" in ContainerLauncher(tmp_path, program).works()
    monkeypatch.setenv("PATH", str(tmp_path))
    why = ContainerLauncher(tmp_path).works()
    assert why == "podman is not installed; docker is not installed"
    (tmp_path / "docker").write_text(f'#!/bin/sh\nexec {" ".join(program)} "$@"\n')
    (tmp_path / "docker").chmod(0o755)
    assert "docker: Cannot connect" in ContainerLauncher(tmp_path).works()
    (state / "down").unlink()
    assert ContainerLauncher(tmp_path).works() == ""


def test_a_command_line_that_hangs_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"no answer within 0\.1 s"):
        Cli((sys.executable, "-c", "import time; time.sleep(600)")).call("ps", seconds=0.1)
    with pytest.raises(CliError, match="No such file"):
        Cli((str(tmp_path / "absent"),)).call("ps")


def test_podman_is_known_under_any_name(state: Path) -> None:
    assert Cli(container_program(state, "podman")).podman
    assert not Cli(container_program(state, "docker")).podman


async def test_an_image_that_is_not_here_is_not_fetched(
    launcher: ContainerLauncher, tmp_path: Path, state: Path
) -> None:
    with pytest.raises(LaunchError, match=r"no image other:2 here; fetch it with .* pull other:2") as caught:
        launcher.launch(LaunchSpec("inst_1", ("x",), {}, tmp_path / "log", image="other:2"), print)
    assert caught.value.missing
    with pytest.raises(LaunchError, match="chat-x has no image") as caught:
        launcher.launch(LaunchSpec("inst_1", ("x",), {}, tmp_path / "log", model="chat-x"), print)
    assert os.listdir(state) == ["images"]


async def test_a_container_whose_processes_are_not_ours_to_see_is_refused(
    launcher: ContainerLauncher, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine in a virtual machine tells pids of that machine."""
    monkeypatch.setattr(Cli, "state", lambda self, name: State("id", True, os.getpid(), 0, False))
    with pytest.raises(LaunchError, match="processes are not seen"):
        launcher.launch(spec(tmp_path / "log", WAITS), print)
    assert os.listdir(state) == ["images"]


async def test_a_daemon_that_is_down_is_not_the_programs_fault(
    launcher: ContainerLauncher, tmp_path: Path, state: Path
) -> None:
    assert launcher.works() == ""
    (state / "down").write_text("Cannot connect to the Docker daemon")
    with pytest.raises(LaunchError, match="Cannot connect to the Docker daemon") as caught:
        launcher.launch(spec(tmp_path / "log", WAITS), print)
    assert not caught.value.missing


async def test_the_container_is_kept_until_its_end_was_read_and_removed_then(
    launcher: ContainerLauncher, tmp_path: Path, state: Path
) -> None:
    started = Started(
        launcher, spec(tmp_path / "log", "print('last words'); raise SystemExit(3)", mounts=(str(tmp_path),))
    )
    name = started.running.unit
    assert name == f"glowplug-{launcher._owner[:8]}-inst_1"
    assert await started.ends() == 3
    assert "last words" in (await asyncio.to_thread(wait_for, tmp_path / "log", "words")), "before the end is told"
    told = json.loads((state / name / "state.json").read_bytes())
    assert told["Config"]["Labels"] == {"glowplug.owner": launcher._owner, "glowplug.instance": "inst_1"}
    started.running.close()
    async with asyncio.timeout(PATIENCE_S):
        while (state / name).exists():
            await asyncio.sleep(0.005)


async def test_who_lets_go_of_a_running_one_leaves_it_alone_and_its_output_goes_on(
    launcher: ContainerLauncher, tmp_path: Path, state: Path
) -> None:
    code = (
        "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: print('heard', flush=True))\n"
        "print('up', flush=True)\nwhile True: time.sleep(600)"
    )
    log = tmp_path / "log"
    started = Started(launcher, spec(log, code))
    running = started.running
    await started.says("up")
    running.close()
    again = ContainerLauncher(tmp_path, container_program(state))
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    adopted = again.adopt("inst_1", running.pid, running.start_time, log, ended.set_result)
    assert adopted is not None
    entry = f"{FOLLOWS}={running.unit}".encode()
    assert [procfs.environ_has(stat.pid, entry) for stat in procfs.processes()].count(True) == 1, "one copies, not two"
    os.kill(running.pid, signal.SIGUSR1)
    assert (await started.says("heard")).count("up") == 1
    adopted.terminate()
    assert await asyncio.wait_for(ended, PATIENCE_S) == -signal.SIGTERM
    adopted.close()


async def test_output_is_followed_again_when_nobody_does_any_more(
    launcher: ContainerLauncher, tmp_path: Path, state: Path
) -> None:
    code = (
        "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: print('heard', flush=True))\n"
        "print('up', flush=True)\nwhile True: time.sleep(600)"
    )
    log = tmp_path / "log"
    started = Started(launcher, spec(log, code))
    running = started.running
    await started.says("up")
    running.close()
    entry = f"{FOLLOWS}={running.unit}".encode()
    procfs.send([stat for stat in procfs.processes() if procfs.environ_has(stat.pid, entry)], signal.SIGKILL)
    again = ContainerLauncher(tmp_path, container_program(state))
    async with asyncio.timeout(PATIENCE_S):
        while any(procfs.environ_has(stat.pid, entry) and not stat.dead for stat in procfs.processes()):
            await asyncio.sleep(0.005)
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    adopted = again.adopt("inst_1", running.pid, running.start_time, log, ended.set_result)
    assert adopted is not None
    async with asyncio.timeout(PATIENCE_S):
        # It copies from now on; when it has begun to, nobody tells.
        while "heard" not in log.read_bytes().decode():
            os.kill(running.pid, signal.SIGUSR1)
            await asyncio.sleep(0.05)
    assert log.read_bytes().count(b"up") == 1
    adopted.kill()
    await asyncio.wait_for(ended, PATIENCE_S)
    adopted.close()


async def test_another_container_under_the_name_is_not_adopted(launcher: ContainerLauncher, tmp_path: Path) -> None:
    started = Started(launcher, spec(tmp_path / "log", WAITS))
    me = procfs.read_stat(os.getpid())
    assert me is not None
    assert launcher.adopt("inst_1", me.pid, me.start_time, tmp_path / "log", lambda code: None) is None
    started.running.kill()
    await started.ends()
    await started.gone()
    started.running.close()


async def test_the_kernel_lacking_memory_is_named_in_the_log(
    launcher: ContainerLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake has no memory limit: the engine's word for it is put in its mouth."""
    started = Started(launcher, spec(tmp_path / "log", WAITS))
    await started.says("up")
    monkeypatch.setattr(Cli, "state", lambda self, name: State("id", False, 0, 137, True))
    started.running.kill()
    assert await started.ends() == -signal.SIGKILL
    assert "glowplug: the kernel killed it: out of memory" in await started.says("memory")
    monkeypatch.undo()
    await started.gone()
    started.running.close()


async def test_what_a_control_process_left_that_ended_is_swept_without_a_pid(
    launcher: ContainerLauncher, tmp_path: Path, state: Path
) -> None:
    started = Started(launcher, spec(tmp_path / "log", "raise SystemExit(1)"))
    assert await started.ends() == 1
    assert launcher.sweep(frozenset()) == () and os.listdir(state) == ["images"]
    started.running.close()


async def test_a_guard_stops_the_container_when_nobody_comes_back(tmp_path: Path, state: Path) -> None:
    (tmp_path / "lock").touch()
    launcher = ContainerLauncher(tmp_path, container_program(state), tmp_path / "lock", grace=0.1)
    started = Started(launcher, spec(tmp_path / "log", WAITS))
    assert await started.ends() == -signal.SIGTERM, "nobody holds the lock"
    await started.gone()
    started.running.close()
