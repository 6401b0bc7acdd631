from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glowplug.errors import CANNOT_LISTEN, STORE_AWAY, ConfigError, Conflict, GlowplugError, StoreError
from tests.cli.conftest import Glowplug
from tests.cli.fake_runtime import Runtime


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    runtime = Runtime()
    monkeypatch.setitem(sys.modules, "glowplug.runtime", runtime)
    monkeypatch.setattr("glowplug.runtime", runtime, raising=False)
    return runtime


def test_up_runs_the_runtime_and_ends_as_it_ends(glowplug: Glowplug, runtime: Runtime) -> None:
    assert glowplug("up").code == 7
    assert glowplug("up", "--config", "c.yaml", "--host", "::1", "--port", "0", "--workers", "2").code == 7
    assert runtime.calls == [
        ("up", None, None, None, None, None),
        ("up", Path("c.yaml"), None, "::1", 0, 2),
    ]


def test_a_port_that_is_none(glowplug: Glowplug, runtime: Runtime) -> None:
    assert glowplug("up", "--port", "70000").code == 2
    assert runtime.calls == []


def test_up_on_a_foreign_file(glowplug: Glowplug, runtime: Runtime) -> None:
    assert glowplug("up", "--litellm-config", "l.yaml").code == 7
    assert glowplug("up", "--llama-swap-config", "s.yaml", "--port", "0").code == 7
    assert runtime.calls == [
        ("up", Path("l.yaml"), None, None, None, None, "litellm"),
        ("up", Path("s.yaml"), None, None, 0, None, "llama-swap"),
    ]
    assert glowplug("up", "--litellm-config", "l.yaml", "--config", "c.yaml").code == 2
    assert glowplug("up", "--litellm-config", "l.yaml", "--llama-swap-config", "s.yaml").code == 2


@pytest.mark.parametrize(("error", "code"), [
    (ConfigError("line 2: no such engine"), 78), (StoreError("of a later release"), 78),
    (ConfigError("the port is taken", code=CANNOT_LISTEN), 1), (StoreError("nobody answers", code=STORE_AWAY), 1),
    (Conflict("it is running already"), 1),
])  # fmt: skip
def test_what_would_fail_again_says_so_to_a_service_manager(
    glowplug: Glowplug, runtime: Runtime, error: GlowplugError, code: int
) -> None:
    runtime.fails = error
    said = glowplug("up")
    assert said.code == code and error.message in said.err
