"""The manager with a program of every kind of engine."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.domain.instance import State
from glowplug.domain.model import Ready, Stop
from tests.lifecycle.test_manager_real import Bench

PY = (sys.executable, "-m")
LLAMACPP, VLLM, SGLANG = (f"glowplug.testing.{name}" for name in ("fake_engine", "fake_vllm", "fake_sglang"))
AS_LLAMACPP = {"command": (*PY, LLAMACPP), "args": ("-m", "{path}", "--port", "{port}", "--alias", "{model}")}
MODELS: dict[str, dict[str, object]] = {
    "vllm": {"engine": "vllm", "command": (*PY, VLLM, "serve"), "sleep": True},
    "sglang": {"engine": "sglang", "command": (*PY, SGLANG), "sleep": True},
    "command by log": {"engine": "command", **AS_LLAMACPP, "ready": Ready(log=r"server is listening on http://.*:\d+")},
    "command by path": {"engine": "command", **AS_LLAMACPP, "ready": Ready(http="/health"), "stop": Stop(signal="INT")},
    "command by port": {
        "engine": "command",
        "command": (*PY, VLLM, "serve", "{path}"),
        "args": ("--port", "{port}", "--served-model-name", "{model}"),
    },
}
KINDS = pytest.mark.parametrize("given", MODELS.values(), ids=MODELS)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    yield bench
    await bench.manager.close()
    assert bench.alive() == ()


@KINDS
async def test_it_is_started_granted_taken_over_and_stopped(bench: Bench, given: dict[str, object]) -> None:
    model = bench.model(path=str(bench.directory / "model"), **given)
    first = await bench.start(model)
    view = await first.start_model("chat-x")
    (pid,) = bench.alive()
    assert view.state is State.READY and view.pid == pid
    assert len(bench.outbox.granted) == 1
    await first.close(stop_engines=False)

    second = await bench.start(model)
    await bench.until(lambda: second.views()[0].state is State.READY)
    assert bench.alive() == (pid,), "taken over, not started anew"
    assert (await second.stop_model("chat-x")).state is State.STOPPED
    assert bench.alive() == ()


@KINDS
async def test_its_death_is_seen_and_the_next_request_starts_another(bench: Bench, given: dict[str, object]) -> None:
    manager = await bench.start(bench.model(path=str(bench.directory / "model"), **given))
    await manager.start_model("chat-x")
    (pid,) = bench.alive()
    os.kill(pid, 9)
    await bench.until(lambda: manager.views()[0].state is State.FAILED)
    manager.ensure("w", "chat-x", 1)
    await bench.until(lambda: manager.views()[0].state is State.READY)
    assert bench.alive() not in ((), (pid,))
