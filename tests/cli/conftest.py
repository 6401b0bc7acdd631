from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glowplug.cli.main import main
from tests.cli.fake_server import ADMIN, FakeServer, Running
from tests.cli.script import Script


@dataclass(frozen=True)
class Said:
    """What one run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails when there is more or less than one."""
        return json.loads(self.out)


Glowplug = Callable[..., Said]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("GLOWPLUG_", "_GLOWPLUG_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def glowplug(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Glowplug:
    """Runs the command in this process: `glowplug("ps", "--json", stdin="…")`."""

    def run(*args: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfd.readouterr()
        code = main(list(args))
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.close()


@pytest.fixture
def server(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A fake server that the command finds as it finds a real one: through the state directory."""
    state = install(tmp_path / "state", running.url)
    monkeypatch.setenv("GLOWPLUG_STATE_DIR", str(state))
    return running.fake


@pytest.fixture
def script(glowplug: Glowplug, running: Running, server: FakeServer) -> Script:
    """Plays the scripts beside the tests against the fake server."""
    return Script(glowplug, running)


def install(state: Path, url: str, pid: int | None = None) -> Path:
    """What a running server leaves in its state directory for the command line."""
    from glowplug.paths import state_paths

    paths = state_paths(state)
    paths.prepare()
    paths.endpoint.write_text(json.dumps({"base_url": url, "pid": pid or os.getpid()}))
    paths.cli_key.write_text(ADMIN + "\n")
    return state
