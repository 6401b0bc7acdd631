from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Glowplug
from tests.cli.fake_runtime import Runtime


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    runtime = Runtime()
    monkeypatch.setitem(sys.modules, "glowplug.runtime", runtime)
    monkeypatch.setattr("glowplug.runtime", runtime, raising=False)
    return runtime


def test_demo_runs_the_runtime(glowplug: Glowplug, runtime: Runtime, tmp_path: Path) -> None:
    assert glowplug("--json", "demo", "--port", "1", "--state-dir", str(tmp_path)).code == 0
    assert glowplug("demo", "--host", "::1").code == 0
    assert runtime.calls == [("demo", tmp_path, 1, None, True), ("demo", None, None, "::1", False)]
