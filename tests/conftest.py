"""Shared by all tests.

- Nothing here may reach the network: connecting, listening or sending anywhere but loopback fails the test.
- `@pytest.mark.needs("nginx")` skips where that program is not installed, and the summary says how to install it.
- `fake_nvml` is a driver of NVIDIA's without GPUs, for this process and those that get its `env`; skipped without `cc`.
- `state_dir` is a fresh state directory with a path short enough for Unix sockets.
- `postgres_server` is a real PostgreSQL, started when the first test asks for it.
- No test sees this user's configuration, keys or proxies.
- What is compiled is kept, here and in every process of a test, also where the environment says that it is not to be.
- Ctrl-C reaches the programs of tests, also where a shell runs them in the background and has it ignored.
- Hypothesis has no deadline: how long an example takes says more about the machine than about the code.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from glowplug.testing.fake_nvml import FakeNvml
from tests.support import network, programs
from tests.support.postgres import Postgres, postgres

_HOME = pytest.StashKey[Path]()
_PREPARED = ("GLOWPLUG_VLLM_PYTHON",)
"""Real engines that somebody prepared for `make test-engines`: where they are."""


hypothesis.settings.register_profile("glowplug", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("glowplug")
    for name in list(os.environ):
        ours = name.startswith(("GLOWPLUG_", "OPENAI_", "ANTHROPIC_")) and name not in _PREPARED
        if ours or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # programs inherit what is ignored, and nothing else
    home = Path(tempfile.mkdtemp(prefix="glowplug-tests-"))
    config.stash[_HOME] = home
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    network.forbid()


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(_HOME, None)
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    wanted = [str(name) for mark in item.iter_markers("needs") for name in mark.args]
    missing = programs.missing(wanted)
    if missing:
        pytest.skip(programs.reason(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)]
    for line in programs.summary(reasons):
        terminalreporter.write_line(line, yellow=True, bold=True)


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The imitation of NVIDIA's library, built once."""
    if missing := programs.missing(["cc"]):
        pytest.skip(programs.reason(missing))
    return FakeNvml(tmp_path_factory.mktemp("nvml")).build()


@pytest.fixture
def fake_nvml(nvml_library: Path, tmp_path: Path) -> Iterator[FakeNvml]:
    with FakeNvml(tmp_path, nvml_library) as nvml:
        yield nvml


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL of this test process."""
    with postgres() as server:
        yield server


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A fresh, private state directory; `tmp_path` can be too long for a Unix socket.  Removed after the test."""
    path = Path(tempfile.mkdtemp(prefix="gp-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
