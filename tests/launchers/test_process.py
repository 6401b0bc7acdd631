from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.launchers import procfs
from glowplug.launchers.base import LaunchError, LaunchSpec
from glowplug.launchers.process import MARKER, ProcessGroup, ProcessLauncher, clean_environment

STUBBORN_CHILD = (
    "import subprocess, sys, time, signal\n"
    "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)'\n"
    "code += '; time.sleep(600)'\n"
    "child = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE{more})\n"
    "child.stdout.readline(); print('up', flush=True)\n"
    "signal.pause()\n"
)


class Started:
    """A launched program with its exit code to wait for."""

    def __init__(self, launcher: ProcessLauncher, log: Path, code: str, env: dict[str, str] | None = None) -> None:
        self.exit: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.log = log
        spec = LaunchSpec("inst_1", (sys.executable, "-c", code), env or {}, log)
        self.group: ProcessGroup = launcher.launch(spec, self.exit.set_result)

    async def says(self, word: str) -> None:
        async with asyncio.timeout(20):
            while word not in self.log.read_text():
                await asyncio.sleep(0.01)

    async def gone(self) -> None:
        async with asyncio.timeout(20):
            while self.group.survivors():
                await asyncio.sleep(0.01)


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[ProcessLauncher]:
    launcher = ProcessLauncher(tmp_path)
    yield launcher
    launcher.sweep(frozenset())


def test_the_environment_is_clean() -> None:
    source = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "0", "GGML_X": "1", "OPENAI_API_KEY": "s",
        "LLAMA_API_KEY": "s", "GLOWPLUG_API_KEY": "s", "AWS_SECRET": "s", "PYTHONPATH": "/p", "HF_TOKEN": "s",
        "OLLAMA_MODELS": "/m", "OLLAMA_API_KEY": "s",
    }  # fmt: skip
    kept = clean_environment(source, {"MINE": "1"})
    assert kept == {
        "PATH": "/bin",
        "HOME": "/h",
        "LC_ALL": "C",
        "CUDA_VISIBLE_DEVICES": "0",
        "GGML_X": "1",
        "OLLAMA_MODELS": "/m",
        "MINE": "1",
    }


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)])
async def test_the_exit_code_is_seen_and_the_leader_reaped(
    launcher: ProcessLauncher, tmp_path: Path, code: str, expected: int
) -> None:
    started = Started(launcher, tmp_path / "log", code)
    assert await asyncio.wait_for(started.exit, 20) == expected
    assert started.group.survivors() == ()
    assert procfs.read_stat(started.group.pid) is not None, "kept as a zombie, so that its number stays taken"
    started.group.close()
    assert procfs.read_stat(started.group.pid) is None


async def test_output_goes_to_the_log_input_is_empty_and_the_session_is_its_own(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("earlier\n")
    code = (
        "import os, sys; print(repr(sys.stdin.read()), os.getsid(0) == os.getpid())\n"
        "print(sorted(os.environ), file=sys.stderr)"
    )
    started = Started(launcher, log, code, {"EXTRA": "1"})
    await started.exit
    started.group.close()
    lines = log.read_text().splitlines()
    assert lines[0] == "earlier"
    assert "'' True" in lines
    assert any(MARKER in line and "EXTRA" in line for line in lines)


async def test_terminate_reaches_the_whole_group_and_kill_what_ignores_it(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    started = Started(launcher, tmp_path / "log", STUBBORN_CHILD.format(more=""))
    await started.says("up")
    assert len(started.group.survivors()) == 2
    assert (started.group.memory() or 0) > 1_000_000
    started.group.terminate()
    assert await asyncio.wait_for(started.exit, 20) == -signal.SIGTERM
    (child,) = started.group.survivors()
    started.group.kill()
    await started.gone()
    started.group.close()
    assert (stat := procfs.read_stat(child)) is None or stat.dead


async def test_a_child_that_left_the_session_is_found_by_its_mark(launcher: ProcessLauncher, tmp_path: Path) -> None:
    started = Started(launcher, tmp_path / "log", STUBBORN_CHILD.format(more=", start_new_session=True"))
    await started.says("up")
    started.group.terminate()
    await asyncio.wait_for(started.exit, 20)
    (child,) = started.group.survivors()
    assert os.getsid(child) != started.group.pid
    started.group.kill()
    await started.gone()
    started.group.close()


async def test_a_process_that_is_not_our_child_is_adopted(launcher: ProcessLauncher, tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from glowplug.launchers.base import LaunchSpec\n"
        "from glowplug.launchers.process import ProcessLauncher\n"
        "async def main():\n"
        "    here = pathlib.Path(sys.argv[1])\n"
        "    argv = (sys.executable, '-c', 'import time; time.sleep(600)')\n"
        "    g = ProcessLauncher(here).launch(LaunchSpec('inst_9', argv, {}, here / 'log'), print)\n"
        "    print(g.pid, g.start_time, flush=True)\n"
        "asyncio.run(main())\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, str(tmp_path)], env=env, capture_output=True, text=True, check=True
    )
    pid, start = map(int, done.stdout.split())
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    assert launcher.adopt("inst_9", pid, start + 1, tmp_path / "log", ended.set_result) is None
    group = launcher.adopt("inst_9", pid, start, tmp_path / "log", ended.set_result)
    assert group is not None and group.survivors() == (pid,)
    assert launcher.sweep(frozenset({"inst_9"})) == ()
    group.terminate()
    assert await asyncio.wait_for(ended, 20) is None
    assert group.survivors() == ()
    group.close()
    assert launcher.adopt("inst_9", pid, start, tmp_path / "log", ended.set_result) is None


async def test_sweep_kills_what_no_record_knows_and_only_of_this_installation(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    started = Started(launcher, tmp_path / "log", "print('up', flush=True); import time; time.sleep(600)")
    await started.says("up")
    assert ProcessLauncher(tmp_path / "other").sweep(frozenset()) == ()
    assert launcher.sweep(frozenset()) == (started.group.pid,)
    assert await asyncio.wait_for(started.exit, 20) == -signal.SIGKILL
    started.group.close()


async def test_work_shows_in_the_sample(launcher: ProcessLauncher, tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); print('up', flush=True)\n"
        "signal.sigwait([signal.SIGUSR1]); end = time.process_time() + 0.1\n"
        "while time.process_time() < end: pass\n"
        "print('done', flush=True); time.sleep(600)"
    )
    started = Started(launcher, tmp_path / "log", code)
    await started.says("up")
    before = started.group.sample()
    os.kill(started.group.pid, signal.SIGUSR1)
    await started.says("done")
    after = started.group.sample()
    assert after.cpu_ticks - before.cpu_ticks >= 5
    assert after.log_bytes > before.log_bytes
    started.group.kill()
    await started.exit
    started.group.close()


async def test_what_cannot_be_started_is_an_error(launcher: ProcessLauncher, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="absent could not be started"):
        launcher.launch(LaunchSpec("i", (str(tmp_path / "absent"),), {}, tmp_path / "log"), print)
