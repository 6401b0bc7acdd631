"""The whole life of a model in a daemon as the manager sees it: asked for, ready, idle, gone, broken, adopted."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Loading, LocalModel
from glowplug.engines.registry import ENGINES
from glowplug.errors import EngineFailed
from glowplug.launchers import procfs
from glowplug.launchers.process import ProcessLauncher
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.ports import LoopScheduler, free_port
from glowplug.lifecycle.records import Records
from tests.lifecycle.fakes import FakeHardware
from tests.support.ollama import COMMAND, environment
from tests.waiting import until

MISTRAL, QWEN = "chat-mistral-7b-ollama", "chat-qwen3-4b-ollama"


class Outbox:
    def __init__(self) -> None:
        self.manager: Manager | None = None
        self.granted: list[str] = []
        self.failures: list[Failure] = []
        self.stages: set[str] = set()

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        self.granted.append(endpoint.model)

    def revoke(self, instance: str, worker: str | None = None) -> None:
        assert self.manager is not None and worker is not None
        asyncio.get_running_loop().call_soon(self.manager.drained, worker, instance)

    def progress(self, loading: Loading) -> None:
        self.stages.add(loading.stage)

    def failed(self, model: str, failure: Failure) -> None:
        self.failures.append(failure)

    def leaked(self, model: str, missing: dict[str, int]) -> None:
        raise AssertionError(f"{model} kept {missing}")

    def changed(self, view: InstanceView) -> None:
        pass


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.launcher = ProcessLauncher(folder)

    def model(self, name: str, id: str, keep_alive: float = 300.0, **env: str) -> LocalModel:
        return LocalModel(
            name=name, engine="ollama", id=id, command=COMMAND, port=self.port, keep_alive=keep_alive,
            env=environment(self.port, **env), options={"num_ctx": 64}, stop_timeout=2.0,
        )  # fmt: skip

    async def start(self, *models: LocalModel) -> Manager:
        """A control process begins."""
        self.outbox = Outbox()
        self.manager = Manager(
            self.launcher, ENGINES, Records(self.folder), LoopScheduler(), self.outbox, FakeHardware(), logs=self.folder
        )
        self.outbox.manager = self.manager
        await self.manager.start(models)
        self.manager.worker_joined("w")
        return self.manager

    async def end(self, *, stop: bool) -> None:
        await self.manager.close(stop_engines=stop)

    async def state(self) -> dict[str, dict[str, int]]:
        async with httpx.AsyncClient(trust_env=False) as client:
            found: dict[str, dict[str, int]] = (await client.get(f"http://127.0.0.1:{self.port}/fake/state")).json()
        return found

    def view(self, name: str) -> InstanceView:
        return next(view for view in self.manager.views() if view.model == name)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.end(stop=True)
    assert made.launcher.sweep(frozenset()) == ()


async def test_two_models_are_ready_when_loaded_and_gone_when_stopped(bench: Bench) -> None:
    manager = await bench.start(
        bench.model(MISTRAL, "mistral:7b", FAKE_OLLAMA_LOAD="0.3"), bench.model(QWEN, "qwen3:4b")
    )
    assert not procfs.listener_of(bench.port), "nothing at rest"
    for _ in range(50):
        manager.ensure("w", MISTRAL, 1)
    manager.ensure("w", QWEN, 1)
    await until(lambda: set(bench.outbox.granted) == {MISTRAL, QWEN}, 20)
    assert (await bench.state())["loads"] == {"mistral:7b": 1, "qwen3:4b": 1}
    assert "loading weights" in bench.outbox.stages
    views = manager.views()
    assert {view.state for view in views} == {State.READY} and len({view.pid for view in views}) == 1
    assert all((view.memory or 0) > 300 << 20 for view in views)
    await manager.stop_model(MISTRAL)
    assert list((await bench.state())["runners"]) == ["qwen3:4b"]
    assert bench.view(QWEN).state is State.READY


async def test_a_model_that_is_not_pulled_fails_with_the_way_to_have_it(bench: Bench) -> None:
    manager = await bench.start(bench.model(MISTRAL, "llama9"))
    with pytest.raises(EngineFailed) as failed:
        await manager.start_model(MISTRAL)
    assert failed.value.reason == FailureKind.MISSING_FILE and failed.value.hint == "ollama pull llama9"
    assert bench.view(MISTRAL).state is State.FAILED


async def test_the_end_of_the_daemon_is_a_crash_and_the_next_request_starts_another(bench: Bench) -> None:
    manager = await bench.start(bench.model(MISTRAL, "mistral:7b"))
    first = (await manager.start_model(MISTRAL)).pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: bench.view(MISTRAL).state is State.FAILED)
    manager.ensure("w", MISTRAL, 1)
    await until(lambda: bench.view(MISTRAL).state is State.READY, 20)
    assert bench.view(MISTRAL).pid not in (first, None)


async def test_a_restarted_control_process_adopts_what_is_loaded(bench: Bench) -> None:
    models = (bench.model(MISTRAL, "mistral:7b"), bench.model(QWEN, "qwen3:4b"))
    manager = await bench.start(*models)
    pid = (await manager.start_model(MISTRAL)).pid
    await manager.start_model(QWEN)
    await bench.end(stop=False)
    await bench.start(*models)
    await until(lambda: bench.view(MISTRAL).state is State.READY and bench.view(QWEN).state is State.READY, 20)
    assert bench.view(MISTRAL).pid == pid
    assert (await bench.state())["loads"] == {"mistral:7b": 1, "qwen3:4b": 1}


async def test_an_adopted_model_with_other_options_now_is_unloaded(bench: Bench) -> None:
    manager = await bench.start(bench.model(MISTRAL, "mistral:7b"))
    await manager.start_model(MISTRAL)
    await bench.end(stop=False)
    other = bench.model(MISTRAL, "mistral:7b")
    other.options["num_ctx"] = 128
    await bench.start(other)
    await until(lambda: bench.view(MISTRAL).state is State.STOPPED)
    assert (await bench.state())["runners"] == {}


async def test_a_load_that_is_stopped_ends_in_the_daemon_too(bench: Bench) -> None:
    manager = await bench.start(bench.model(MISTRAL, "mistral:7b", FAKE_OLLAMA_LOAD="600"))
    manager.ensure("w", MISTRAL, 1)
    await until(lambda: bench.view(MISTRAL).state is State.LOADING, 20)
    view = await manager.stop_model(MISTRAL, force=True)
    assert view.state is State.STOPPED
    assert (await bench.state())["runners"] == {}
