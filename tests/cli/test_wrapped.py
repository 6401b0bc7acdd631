"""Commands that run in our place.  What is sent to us as a process is tested in a process of its own (test_lease)."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from time import monotonic

import pytest

from glowplug.cli import wrapped
from glowplug.errors import GlowplugError, NotFound


def run(*words: str, stdout: int = 1, until: float | None = None) -> tuple[int, int]:
    """The exit code, and how often its time was over."""
    times: list[float] = []
    code = wrapped.run(words, stdout, until, lambda: times.append(monotonic()))
    return code, len(times)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (7, 7), (255, 255)])
def test_its_exit_code_is_ours(code: int, expected: int) -> None:
    assert run("sh", "-c", f"exit {code}") == (expected, 0)


def test_a_command_that_a_signal_ends() -> None:
    assert run("sh", "-c", "kill -TERM $$") == (128 + 15, 0)


def test_its_output_goes_where_it_was_told(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        assert run("echo", "hello", stdout=file.fileno()) == (0, 0)
    assert (tmp_path / "out").read_text() == "hello\n"


def test_when_its_time_is_over_that_is_said_once_and_it_goes_on(tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    times: list[int] = []

    def over() -> None:
        times.append(1)
        go.write_text("x")  # lets the command end, and nothing before does

    assert wrapped.run(("cat", str(go)), 2, monotonic() + 0.01, over) == 0
    assert times == [1]


def test_it_starts_with_no_signal_blocked_and_broken_pipes_end_it() -> None:
    code = (
        "import signal, sys\n"
        "blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])\n"
        "pipe = [line.split()[1] for line in open('/proc/self/status') if line.startswith('SigCgt')]\n"
        "sys.exit(len(blocked))"
    )
    assert run(*python(code)) == (0, 0)
    assert run("sh", "-c", "kill -PIPE $$") == (128 + signal.SIGPIPE, 0)


def test_afterwards_our_own_signals_are_as_they_were() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    run("true")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no program 'no-such-program'") as caught:
        wrapped.check(["no-such-program"])
    assert "PATH" in caught.value.hint
    wrapped.check(["sh"])
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pytest.raises(GlowplugError, match="cannot be started"):
        run(str(broken))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
