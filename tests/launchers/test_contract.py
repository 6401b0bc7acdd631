"""What every launcher keeps, tried with each of them on real processes."""

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
from glowplug.launchers.base import Launcher, LaunchError, LaunchSpec
from glowplug.launchers.process import MARKER
from tests.launchers import kinds
from tests.launchers.kinds import PATIENCE_S, Kind, Started, dead, spec, until_dead
from tests.support import systemd_user

WAITS = "print('up', flush=True); import time; time.sleep(600)"
FAMILY = """
import os, signal, subprocess, sys, time
grandchild = '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(1, flush=True)
time.sleep(600)
'''
child = subprocess.Popen([sys.executable, '-c', grandchild], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print('up', flush=True)
signal.pause()
"""
"""A program with a child in a session and a group of its own, which ignores SIGTERM."""


@pytest.fixture(
    params=["process", pytest.param("systemd", marks=pytest.mark.needs(*systemd_user.PROGRAMS)), "container"],
    scope="session",
)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    if request.param == "systemd":
        manager: systemd_user.UserManager = request.getfixturevalue("user_manager")
        return Kind("systemd", address=manager.environment["DBUS_SESSION_BUS_ADDRESS"])
    return Kind(request.param, state=str(tmp_path_factory.mktemp("containers")))


@pytest.fixture
async def launcher(kind: Kind, tmp_path: Path) -> AsyncIterator[Launcher]:
    with kind.made(tmp_path) as launcher:
        yield launcher


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine of 100% chat.log"


async def test_it_says_what_it_is_and_names_its_process(kind: Kind, launcher: Launcher, log: Path) -> None:
    started = Started(launcher, spec(log, WAITS))
    running = started.running
    await started.says("up")
    stat = procfs.read_stat(running.pid)
    assert stat is not None and stat.start_time == running.start_time
    assert running.launcher == kind.name
    assert bool(running.unit) == (kind.name != "process")
    assert running.survivors() == (running.pid,)
    running.kill()
    assert await started.ends() == -signal.SIGKILL
    await started.gone()
    running.close()


async def test_output_is_appended_to_a_log_that_is_private(launcher: Launcher, log: Path) -> None:
    code = "import sys; print('to out', repr(sys.stdin.read())); print('to err', file=sys.stderr)"
    for number in (1, 2):
        started = Started(launcher, spec(log, code, f"inst_{number}"))
        assert await started.ends() == 0
        text = await asyncio.to_thread(kinds.wait_for, log, "to err", number)
        assert text.count("to out ''") == number
        started.running.close()
    assert os.stat(log).st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(7)", 7),
        ("pass", 0),
        ("import os; os.kill(os.getpid(), 6)", -6),
        ("raise SystemExit(203)", 203),
    ],
)
async def test_the_exit_code_is_told(launcher: Launcher, log: Path, code: str, expected: int) -> None:
    started = Started(launcher, spec(log, code))
    assert await started.ends() == expected
    await started.gone()
    started.running.close()


async def test_after_close_nothing_is_told(launcher: Launcher, log: Path) -> None:
    started = Started(launcher, spec(log, WAITS))
    running = started.running
    await started.says("up")
    running.close()
    running.kill()
    await until_dead(running.pid)
    await asyncio.sleep(0)
    assert not started.exit.done()


async def test_terminate_and_kill_end_the_whole_family(launcher: Launcher, log: Path) -> None:
    started = Started(launcher, spec(log, FAMILY, stop_timeout=60.0))
    await started.says("up")
    family = started.running.survivors()
    assert len(family) == 2
    started.running.terminate()
    code = await started.ends()
    assert code in (-signal.SIGTERM, None)
    started.running.kill()
    await started.gone()
    await until_dead(*family)
    started.running.close()


async def test_another_signal_is_only_sent(launcher: Launcher, log: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('heard', flush=True))\n"
        "signal.signal(signal.SIGTERM, lambda *_: exit(9))\n"
        "print('up', flush=True)\nwhile True: time.sleep(600)"
    )
    started = Started(launcher, spec(log, code))
    await started.says("up")
    started.running.terminate(signal.SIGUSR1)
    await started.says("heard")
    assert not started.exit.done()
    started.running.terminate()
    assert await started.ends() == 9
    await started.gone()
    started.running.close()


async def test_memory_and_work_of_the_whole_family_are_seen(launcher: Launcher, log: Path) -> None:
    worker = (
        "import signal, time\nblock = bytearray(64 << 20)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); print('up', flush=True)\n"
        "signal.sigwait([signal.SIGUSR1]); end = time.process_time() + 0.1\n"
        "while time.process_time() < end: pass\n"
        "print('done', flush=True); time.sleep(600)"
    )
    code = (
        f"import subprocess, sys, signal; child = subprocess.Popen([sys.executable, '-c', {worker!r}]); signal.pause()"
    )
    started = Started(launcher, spec(log, code))
    await started.says("up")
    memory = started.running.memory()
    assert memory is not None and memory > 64 << 20
    before = started.running.sample()
    assert before.resident == pytest.approx(memory, rel=0.2)
    (child,) = set(started.running.survivors()) - {started.running.pid}
    os.kill(child, signal.SIGUSR1)
    await started.says("done")
    after = started.running.sample()
    assert after.cpu_ticks - before.cpu_ticks >= 5
    assert after.log_bytes > before.log_bytes
    started.running.kill()
    await started.ends()
    await started.gone()
    assert started.running.memory() is None
    started.running.close()


async def test_what_a_killed_control_process_left_is_adopted(
    kind: Kind, launcher: Launcher, tmp_path: Path, log: Path
) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(5)); print('up', flush=True); signal.pause()"
    left = await asyncio.to_thread(kinds.leave, kind, tmp_path, log, code, "inst_9")
    await asyncio.to_thread(kinds.wait_for, log, "up")
    assert not dead(left.pid)
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    command = procfs.argv_hash(left.pid)
    asked = ("inst_9", left.pid, left.start_time, log, ended.set_result, left.launcher)
    assert launcher.adopt("inst_9", left.pid, left.start_time + 1, log, ended.set_result, left.launcher) is None
    assert launcher.adopt(*asked, argv_hash="0" * 16) is None
    running = launcher.adopt(*asked, argv_hash=command)
    assert running is not None
    assert (running.pid, running.start_time) == (left.pid, left.start_time)
    assert (running.launcher, running.unit) == (left.launcher, left.unit)
    assert running.survivors() == (left.pid,)
    assert launcher.sweep(frozenset({"inst_9"})) == ()
    running.terminate()
    code_seen = await asyncio.wait_for(ended, PATIENCE_S)
    assert code_seen == (None if kind.name == "process" else 5)
    async with asyncio.timeout(PATIENCE_S):
        while running.survivors():
            await asyncio.sleep(0.005)
    running.close()
    assert launcher.adopt(*asked) is None


async def test_sweep_ends_what_is_not_kept_and_only_of_this_installation(
    kind: Kind, launcher: Launcher, tmp_path: Path
) -> None:
    with kind.made(tmp_path / "other") as other:
        await _sweep(launcher, other, tmp_path)


async def _sweep(launcher: Launcher, other: Launcher, tmp_path: Path) -> None:
    logs = [tmp_path / f"log{number}" for number in range(3)]
    stray = Started(launcher, spec(logs[0], FAMILY, "inst_0"))
    kept = Started(launcher, spec(logs[1], WAITS, "inst_1"))
    foreign = Started(other, spec(logs[2], WAITS, "inst_0"))
    for started in (stray, kept, foreign):
        await started.says("up")
    family = stray.running.survivors()
    assert set(launcher.sweep(frozenset({"inst_1"}))) == set(family)
    assert await stray.ends() in (-signal.SIGKILL, None), "a container may be gone before it was asked how it ended"
    await stray.gone()
    await until_dead(*family)
    assert kept.running.survivors() and foreign.running.survivors()
    assert other.sweep(frozenset()) == (foreign.running.pid,)
    assert await foreign.ends() in (-signal.SIGKILL, None)
    assert launcher.sweep(frozenset()) == (kept.running.pid,)
    for started in (stray, kept, foreign):
        await started.gone()
        started.running.close()


@pytest.mark.parametrize("program", ["absent", "folder", "text"])
async def test_what_cannot_be_started_is_an_error_that_names_it(
    launcher: Launcher, tmp_path: Path, log: Path, program: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(LaunchError, match=f"{program} could not be started") as caught:
        launcher.launch(
            LaunchSpec("inst_1", (str(tmp_path / program), "-x"), {}, log, image=kinds.IMAGE), lambda code: None
        )
    assert caught.value.missing
    assert launcher.sweep(frozenset()) == ()


async def test_the_environment_is_by_allow_list_and_no_secret_is_on_a_command_line(
    launcher: Launcher, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "never-1")
    monkeypatch.setenv("UNRELATED", "never-2")
    monkeypatch.setenv("LC_GLOWPLUG", "a locale")
    env = {"LLAMA_API_KEY": "sk-secret $HOME %h \"'\\", "EMPTY": "", "LINES": "a\nb"}
    code = "import os, json, time; print(json.dumps(dict(os.environ)), 'up', flush=True); time.sleep(600)"
    started = Started(launcher, spec(log, code, env=env))
    text = await started.says("up")
    seen = json.loads(text.rpartition(" up")[0])
    assert {name: seen[name] for name in env} == env
    assert seen[MARKER].endswith(":inst_1")
    assert not {"HF_TOKEN", "UNRELATED", "INHERITED_TOKEN", "OF_THE_MANAGER"} & set(seen)
    assert not [words for words in kinds.command_lines() if b"sk-secret" in words]
    started.running.kill()
    await started.ends()
    await started.gone()
    started.running.close()


async def test_arguments_arrive_as_they_are(launcher: Launcher, log: Path) -> None:
    words = ("$HOME", "%h", "a b", "", '"', "'", "\\", "ü", "${PATH}", "-v")
    argv = (sys.executable, "-c", "import sys; print(sys.argv[1:], 'up', flush=True)", *words)
    started = Started(launcher, LaunchSpec("inst_1", argv, {"PYTHONUTF8": "1"}, log, image=kinds.IMAGE))
    assert str(list(words)) in await started.says("up")
    await started.ends()
    await started.gone()
    started.running.close()
