"""Real supervisors killed for good: by SIGKILL, with nobody or somebody coming back."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glowplug.launchers import guard, procfs
from glowplug.launchers.guard import Task
from glowplug.launchers.process import MARKER, ProcessLauncher
from tests.launchers.kinds import PATIENCE_S, Started, dead, spec, until_dead
from tests.support import systemd_user
from tests.support.systemd_user import UserManager

WAITS = "print('up', flush=True); import time; time.sleep(600)"
STUBBORN = """
import signal, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("up", flush=True)
while True: time.sleep(600)
"""
HOLD = (
    "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
)


@contextmanager
def holder(lock: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the lock, as a supervisor has; killed at the end."""
    lock.touch()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def guard_of(pid: int) -> int:
    """The guard of an engine, once it waits for the lock."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for stat in procfs.processes():
            mark = procfs.environ_value(stat.pid, guard.NAME.encode())
            if mark is not None and procfs.environ_has(pid, mark) and waits(stat.pid):
                return stat.pid
        time.sleep(0.005)
    raise AssertionError("there is no guard")


def waits(pid: int) -> bool:
    """Whether it is inside flock(2): proc(5), /proc/locks, where who is blocked has an arrow."""
    blocked = [line.split() for line in Path("/proc/locks").read_text().splitlines() if " -> " in line]
    return any(str(pid) in fields for fields in blocked)


def switches(pid: int) -> list[str]:
    """How often each of its threads was woken."""
    return [
        line
        for task in sorted(Path(f"/proc/{pid}/task").iterdir())
        for line in (task / "status").read_text().splitlines()
        if "ctxt_switches" in line
    ]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "up.lock"


async def test_an_engine_nobody_comes_back_for_is_ended_with_its_whole_family(tmp_path: Path, lock: Path) -> None:
    launcher = ProcessLauncher(tmp_path, lock, grace=0.2)
    with holder(lock) as supervisor:
        started = Started(launcher, spec(tmp_path / "log", STUBBORN, stop_timeout=0.3))
        await started.says("up")
        family = started.running.survivors()
        assert len(family) == 2
        watcher = await asyncio.to_thread(guard_of, started.running.pid)
        assert watcher not in family
        supervisor.kill()
        assert await started.ends() == -signal.SIGKILL
        await until_dead(*family, watcher)
    text = await started.says("nobody came back for it in 0.2 s")
    assert "asked" in text, "first SIGTERM, then SIGKILL"
    started.running.close()


async def test_who_comes_back_in_time_keeps_the_engine_and_the_guard_goes_on(tmp_path: Path, lock: Path) -> None:
    launcher = ProcessLauncher(tmp_path, lock, grace=2.0)
    with holder(lock) as first:
        started = Started(launcher, spec(tmp_path / "log", WAITS))
        await started.says("up")
        watcher = await asyncio.to_thread(guard_of, started.running.pid)
        first.kill()
        first.wait()
        with holder(lock) as second:
            # The grace is over when the guard waits for the lock again.
            before = switches(watcher)
            async with asyncio.timeout(PATIENCE_S):
                while not (waits(watcher) and switches(watcher) != before):
                    await asyncio.sleep(0.01)
            assert not dead(started.running.pid)
            second.kill()
            assert await started.ends() == -signal.SIGTERM
            await until_dead(watcher)
    started.running.close()


async def test_a_guard_sleeps_while_it_waits_and_goes_with_its_engine(tmp_path: Path, lock: Path) -> None:
    launcher = ProcessLauncher(tmp_path, lock)
    with holder(lock):
        started = Started(launcher, spec(tmp_path / "log", WAITS))
        await started.says("up")
        watcher = await asyncio.to_thread(guard_of, started.running.pid)
        before = switches(watcher)
        await asyncio.sleep(0.3)
        assert switches(watcher) == before, "nothing woke it"
        started.running.kill()
        await started.ends()
        await until_dead(watcher)
        started.running.close()
        async with asyncio.timeout(PATIENCE_S):
            while procfs.read_stat(watcher) is not None:
                await asyncio.sleep(0.005)


async def test_an_adopted_engine_without_a_guard_gets_one_and_only_one(tmp_path: Path, lock: Path) -> None:
    started = Started(ProcessLauncher(tmp_path), spec(tmp_path / "log", WAITS))
    running = started.running
    await started.says("up")
    with holder(lock):
        for _ in range(2):
            launcher = ProcessLauncher(tmp_path, lock)
            again = launcher.adopt("inst_1", running.pid, running.start_time, tmp_path / "log", lambda code: None)
            assert again is not None
            again.close()
            await asyncio.to_thread(guard_of, running.pid)
        marks = [procfs.environ_value(stat.pid, guard.NAME.encode()) for stat in procfs.processes()]
        mark = f"{MARKER}={ProcessLauncher(tmp_path)._owner}:inst_1".encode()
        assert marks.count(mark) == 1
        running.kill()
        await started.ends()
    await started.gone()
    running.close()


@pytest.mark.needs(*systemd_user.PROGRAMS)
async def test_a_unit_nobody_comes_back_for_is_stopped_by_a_guard_that_is_a_unit(
    user_manager: UserManager, tmp_path: Path, lock: Path
) -> None:
    from glowplug.launchers.systemd import SystemdLauncher

    launcher = SystemdLauncher(tmp_path, user_manager.environment["DBUS_SESSION_BUS_ADDRESS"], lock, grace=0.2)
    with holder(lock) as supervisor:
        started = Started(launcher, spec(tmp_path / "log", WAITS))
        await started.says("up")
        watcher = await asyncio.to_thread(guard_of, started.running.pid)
        guards = f"glowplug-guard-{launcher._owner[:8]}-*"
        assert guards[:-1] in user_manager.systemctl("list-units", guards).stdout
        supervisor.kill()
        assert await started.ends() == -signal.SIGTERM
        await until_dead(watcher)
    await started.gone()
    started.running.close()
    async with asyncio.timeout(PATIENCE_S):
        while launcher._bus.units(guards):
            await asyncio.sleep(0.005)
    launcher.close()


def test_another_process_under_the_number_is_not_guarded(lock: Path) -> None:
    """The lock is free: a guard that took us for its engine would end us."""
    lock.touch()
    me = procfs.read_stat(os.getpid())
    assert me is not None
    for pid, start in ((me.pid, me.start_time + 1), (2**22 + 1, 1)):
        task = Task(str(lock), "GLOWPLUG_ENGINE=x:y", pid, start, 0.0, 0.0)
        done = subprocess.run(task.command(), env=task.environment(), capture_output=True, timeout=PATIENCE_S)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_lock_file_that_is_gone_is_held_by_nobody(tmp_path: Path) -> None:
    watch = guard.Guard(Task(str(tmp_path / "none"), "A=b", os.getpid(), 0))
    assert watch._is_free()
    (tmp_path / "none").touch()
    assert watch._is_free()
    with (tmp_path / "none").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not watch._is_free()


def test_what_reaches_it_is_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Task] = []
    monkeypatch.setattr(guard.Guard, "run", lambda self: ran.append(self._task))
    task = Task("/lock", "A=b", 1, 2, 3.0, 4.0, ("docker", "stop", "x"))
    guard.main(["guard.py", task.command()[-1]])
    assert ran == [task]
    assert json.loads(task.command()[-1])[0] == "/lock"


def test_where_a_signal_does_not_reach_a_program_is_asked(tmp_path: Path, lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as engine:
        stat = procfs.read_stat(engine.pid)
        assert stat is not None
        end = (sys.executable, "-c", f"open({str(tmp_path / 'asked')!r}, 'w')")
        task = Task(str(lock), "GLOWPLUG_ENGINE=t:asked", engine.pid, stat.start_time, 0.1, 0.0, end)
        done = subprocess.run(task.command(), env=task.environment(), capture_output=True, timeout=PATIENCE_S)
        assert done.returncode == 0 and (tmp_path / "asked").exists()
        assert engine.wait(PATIENCE_S) == -signal.SIGKILL, "what does not answer to being asked"
