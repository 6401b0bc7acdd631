"""What an engine takes by itself: read off a running one, started again, asked for its first token."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.candidates import free_port
from bench.engine import PORT, Launch, first_token, has_content, launch_of, run_alone
from bench.programs import HERE, BenchError

ENV = {"PYTHONPATH": str(HERE.parent / "src"), "PATH": "/usr/bin:/bin"}


def fake(*more: str) -> Launch:
    return Launch((sys.executable, "-m", "glowplug.testing.fake_engine", "--port", PORT, "--alias", "m", *more), ENV)


def test_a_slow_engine_is_slow_and_a_quick_one_is_not(tmp_path: Path) -> None:
    quick = run_alone(fake(), free_port(), "m", tmp_path / "log")
    slow = run_alone(fake("--slow-start", "0.8", "--drip", "0.3"), free_port(), "m", tmp_path / "log")
    assert quick.ready > 0
    assert slow.ready > 0.8
    assert slow.first_token > 0.3
    assert 0 < slow.stop < 10


def test_an_engine_that_ends_is_an_error_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such thing"):
        run_alone(fake("--crash-at-start", "3", "--crash-line", "no such thing"), free_port(), "m", tmp_path / "log")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    env = {"ONE": "1", "MARK": "x", "LLAMA_API_KEY": "sk-2"}
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "--port", "4711"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.communicate("")


def test_a_launch_is_read_off_a_process(sleeper: subprocess.Popen[str]) -> None:
    launch = launch_of(sleeper.pid, 4711, ("MARK",))
    assert launch.argv[-2:] == ("--port", PORT)
    assert launch.on(99)[-2:] == ["--port", "99"]
    assert {"ONE": "1", "LLAMA_API_KEY": "sk-2"}.items() <= launch.env.items()
    assert "MARK" not in launch.env
    assert launch.key == "sk-2"


def test_a_port_that_is_not_on_the_command_line_is_an_error(sleeper: subprocess.Popen[str]) -> None:
    with pytest.raises(BenchError, match="4712"):
        launch_of(sleeper.pid, 4712)


@pytest.mark.parametrize(
    ("line", "content"),
    [
        (b": heartbeat\n", False),
        (b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n', False),
        (b'data: {"choices":[]}\n', False),
        (b'data: {"choices":[{"delta":{"content":"a"}}]}\n', True),
        (b"data: [DONE]\n", False),
    ],
)
def test_only_text_is_a_token(line: bytes, content: bool) -> None:
    assert has_content(line) is content


def test_an_error_event_is_an_error() -> None:
    with pytest.raises(BenchError, match="out of memory"):
        has_content(b'data: {"error":{"message":"out of memory"}}\n')


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(BenchError, match="did not answer"):
        first_token(free_port(), "m")
