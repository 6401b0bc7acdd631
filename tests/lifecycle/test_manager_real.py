"""The manager with real processes: the fake engine, and llama.cpp itself where it is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import uvloop

import glowplug
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Capability, Loading, LocalModel
from glowplug.engines.registry import ENGINES
from glowplug.errors import EngineFailed
from glowplug.launchers import procfs
from glowplug.launchers.process import ProcessLauncher
from glowplug.launchers.systemd import SystemdLauncher
from glowplug.lifecycle.manager import Manager
from glowplug.lifecycle.ports import LoopScheduler, free_port
from glowplug.lifecycle.probe import HttpProber, ask
from glowplug.lifecycle.records import Records
from glowplug.wire.link import Held
from tests.lifecycle.fakes import FakeHardware
from tests.support import systemd_user
from tests.support.gguf_files import write

SOURCE = str(Path(glowplug.__file__).parents[1])
MODELS = sorted(Path(SOURCE).glob("glowplug/**/*.gguf"))


class Outbox:
    """A worker that drains at once, and remembers what it was told."""

    def __init__(self) -> None:
        self.manager: Manager | None = None
        self.granted: list[Endpoint] = []
        self.failures: list[Failure] = []
        self.loading: list[Loading] = []

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        self.granted.append(endpoint)

    def revoke(self, instance: str, worker: str | None = None) -> None:
        assert self.manager is not None and worker is not None
        asyncio.get_running_loop().call_soon(self.manager.drained, worker, instance)

    def progress(self, loading: Loading) -> None:
        self.loading.append(loading)

    def failed(self, model: str, failure: Failure) -> None:
        self.failures.append(failure)

    def changed(self, view: InstanceView) -> None:
        pass


class Bench:
    def __init__(self, directory: Path, bus: str = "") -> None:
        """`bus`: of a private manager, whose units engines are to be; else they are process groups."""
        self.directory = directory
        self.launcher = SystemdLauncher(directory, bus) if bus else ProcessLauncher(directory)
        self.kind = "systemd" if bus else "process"
        self.outbox = Outbox()
        self.weights = directory / "weights.gguf"
        write(self.weights, {"general.architecture": "llama"})

    def model(self, *switches: str, **more: object) -> LocalModel:
        settings: dict[str, object] = {
            "name": "chat-x", "engine": "llamacpp", "path": str(self.weights),
            "command": (sys.executable, "-m", "glowplug.testing.fake_engine"), "args": switches,
            "env": {"PYTHONPATH": SOURCE}, "stop_timeout": 1.0,
        }  # fmt: skip
        return LocalModel(**{**settings, **more})  # type: ignore[arg-type]

    async def start(self, model: LocalModel, pick_port: Callable[[], int] = free_port) -> Manager:
        self.manager = Manager(
            self.launcher, ENGINES, Records(self.directory), LoopScheduler(), self.outbox, FakeHardware(),
            logs=self.directory, prober=HttpProber(timeout=0.5), pick_port=pick_port,
        )  # fmt: skip
        self.outbox.manager = self.manager
        await self.manager.start([model])
        self.manager.worker_joined("w")
        return self.manager

    def alive(self) -> tuple[int, ...]:
        """Every process of this installation."""
        owner = f"{self.launcher._owner}:".encode()
        return tuple(
            stat.pid
            for stat in procfs.processes()
            if not stat.dead and (procfs.environ_value(stat.pid, b"GLOWPLUG_ENGINE") or b"").startswith(owner)
        )

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.manager.close()
    assert bench.alive() == ()


@pytest.fixture(scope="module")
def private_bus() -> Iterator[str]:
    if why := systemd_user.unavailable():
        pytest.skip(why)
    with systemd_user.running() as manager:
        yield manager.environment["DBUS_SESSION_BUS_ADDRESS"]


@pytest.fixture(params=["process", pytest.param("systemd", marks=pytest.mark.needs(*systemd_user.PROGRAMS))])
async def owned(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench with each launcher that can own an engine."""
    bench = Bench(tmp_path, request.getfixturevalue("private_bus") if request.param == "systemd" else "")
    yield bench
    await bench.manager.close()
    assert bench.alive() == ()
    if isinstance(bench.launcher, SystemdLauncher):
        bench.launcher.close()


async def test_200_requests_start_one_engine_and_a_stop_leaves_nothing(owned: Bench) -> None:
    manager = await owned.start(owned.model("--slow-start", "0.6"))
    for _ in range(200):
        manager.ensure("w", "chat-x", 1)
    await owned.until(lambda: owned.outbox.granted)
    (pid,) = owned.alive()
    (view,) = manager.views()
    assert view.state is State.READY and view.pid == pid and (view.memory or 0) > 1_000_000
    assert any(loading.progress for loading in owned.outbox.loading)
    assert "server is listening" in manager.log_file("chat-x").read_text().splitlines()[-1]
    status, _ = await ask(owned.outbox.granted[0], "/props")
    assert status == 200
    view = await manager.stop_model("chat-x")
    assert view.state is State.STOPPED and owned.alive() == ()


async def test_a_crash_at_start_says_why(owned: Bench) -> None:
    line = "ggml_cuda: cudaMalloc failed: out of memory"
    manager = await owned.start(owned.model("--crash-at-start", "3", "--crash-line", line, "--log-lines", "30"))
    with pytest.raises(EngineFailed) as caught:
        await manager.start_model("chat-x")
    assert caught.value.reason == FailureKind.OUT_OF_MEMORY
    assert caught.value.log_tail[-1] == line and len(caught.value.log_tail) == 20
    assert "exit code 3" in caught.value.message
    assert owned.alive() == ()


async def test_a_bad_flag_is_named_and_not_tried_again(bench: Bench) -> None:
    manager = await bench.start(bench.model("--no-such-flag"))
    manager.ensure("w", "chat-x", 1)
    await bench.until(lambda: bench.outbox.failures)
    (failure,) = bench.outbox.failures
    assert failure.kind is FailureKind.BAD_FLAG and failure.permanent and "--no-such-flag" in failure.message


async def test_what_ignores_sigterm_and_what_it_spawned_is_gone_after_a_stop(owned: Bench) -> None:
    manager = await owned.start(owned.model("--ignore-sigterm", "--spawn-child", stop_timeout=0.3))
    await manager.start_model("chat-x")
    assert len(owned.alive()) == 2
    await manager.stop_model("chat-x")
    assert owned.alive() == ()


async def test_a_child_of_a_killed_engine_goes_with_it(owned: Bench) -> None:
    manager = await owned.start(owned.model("--spawn-child", stop_timeout=0.2))
    view = await manager.start_model("chat-x")
    assert view.pid is not None
    os.kill(view.pid, signal.SIGKILL)
    await owned.until(lambda: manager.views()[0].state is State.FAILED)
    assert owned.alive() == ()
    assert "signal 9 (SIGKILL)" in owned.outbox.failures[0].message
    manager.ensure("w", "chat-x", 1)
    await owned.until(lambda: manager.views()[0].state is State.READY)


async def test_a_new_manager_adopts_the_running_engine(owned: Bench) -> None:
    manager = await owned.start(owned.model())
    view = await manager.start_model("chat-x")
    endpoint = owned.outbox.granted[0]
    await manager.close(stop_engines=False)
    owned.outbox.granted.clear()
    manager = await owned.start(owned.model(keep_alive=7.0))
    manager.worker_joined("w", [Held(endpoint, 1)])
    await owned.until(lambda: owned.outbox.granted)
    again = manager.views()[0]
    assert (again.pid, again.instance, again.state) == (view.pid, view.instance, State.BUSY)
    assert (again.launcher, again.unit) == (view.launcher, view.unit)
    assert view.launcher == owned.kind and bool(view.unit) == (owned.kind == "systemd")
    await manager.close(stop_engines=False)
    await owned.start(owned.model("--tokens", "3"))
    await owned.until(lambda: owned.manager.views()[0].state is State.STOPPED)
    assert owned.alive() == (), "its command line is not what is asked for now"


async def test_a_process_that_is_not_what_its_record_says_is_not_adopted(owned: Bench) -> None:
    """Another boot can give the same pid and start time to something else; this one carries our mark, so it goes."""
    manager = await owned.start(owned.model())
    await manager.start_model("chat-x")
    (record,) = Records(owned.directory).load()
    assert record.argv_hash == procfs.argv_hash(record.pid) != ""
    await manager.close(stop_engines=False)
    Records(owned.directory).save(msgspec.structs.replace(record, argv_hash="0" * 16))
    manager = await owned.start(owned.model())
    assert manager.views()[0].state is State.STOPPED
    await owned.until(lambda: not owned.alive())


async def test_an_engine_without_a_record_is_swept(owned: Bench) -> None:
    manager = await owned.start(owned.model())
    await manager.start_model("chat-x")
    await manager.close(stop_engines=False)
    (owned.directory / "chat-x.json").unlink()
    await owned.start(owned.model())
    await owned.until(lambda: not owned.alive())


async def test_a_fixed_port_that_is_taken_names_the_holder(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        manager = await bench.start(bench.model(port=port))
        with pytest.raises(EngineFailed) as caught:
            await manager.start_model("chat-x")
    assert caught.value.reason == FailureKind.PORT_TAKEN
    assert f"port {port} is taken by" in caught.value.message and f"(pid {os.getpid()})" in caught.value.message


async def test_a_free_port_that_was_taken_meanwhile_is_replaced(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken, free = holder.getsockname()[1], free_port()
        manager = await bench.start(bench.model(), iter([taken, free]).__next__)
        view = await manager.start_model("chat-x")
    assert view.port == free and bench.outbox.failures == []


async def test_a_load_that_hangs_is_given_up(owned: Bench) -> None:
    manager = await owned.start(owned.model("--hang", load_stall=0.9))
    with pytest.raises(EngineFailed) as caught:
        await manager.start_model("chat-x")
    assert caught.value.reason == FailureKind.HANG and "no progress" in caught.value.message
    await manager.stop_model("chat-x")


async def test_an_engine_that_answers_nothing_any_more_is_killed(bench: Bench) -> None:
    manager = await bench.start(bench.model("--hang-after", "1", "--ignore-sigterm"))
    view = await manager.start_model("chat-x")
    end = bench.outbox.granted[0]
    reader, writer = await asyncio.open_connection(end.host, end.port)
    body = b'{"messages":[]}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer {end.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    assert b"token1" in await reader.readuntil(b"token8")
    writer.close()
    manager.suspect(view.instance, "first byte timeout")
    await bench.until(lambda: manager.views()[0].state is State.FAILED)
    assert "does not answer" in bench.outbox.failures[0].message


async def test_another_server_on_the_port_is_not_mistaken_for_the_engine(bench: Bench) -> None:
    manager = await bench.start(bench.model("--wrong-model"))
    with pytest.raises(EngineFailed, match="some-other-model"):
        await manager.start_model("chat-x")


def test_it_works_on_uvloop_too(tmp_path: Path) -> None:
    async def story() -> None:
        bench = Bench(tmp_path)
        manager = await bench.start(bench.model("--spawn-child", stop_timeout=0.2))
        await manager.start_model("chat-x")
        await manager.stop_model("chat-x")
        assert bench.alive() == ()
        await manager.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


@pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None
    or importlib.util.find_spec("glowplug.engines.llamacpp_inproc") is None,
    reason="no llama.cpp here: pip install 'glowplug[demo]'",
)
async def test_llama_cpp_itself(bench: Bench) -> None:
    if not MODELS:
        pytest.skip("no demo model is built into this checkout")
    command = (sys.executable, "-m", "glowplug.engines.llamacpp_inproc")
    kind = Capability.EMBEDDINGS if "embed" in MODELS[0].name else Capability.CHAT
    manager = await bench.start(
        bench.model(
            path=str(MODELS[0]), command=command, capabilities=(kind,), options={"ctx_size": 512, "parallel": 1}
        )
    )
    view = await manager.start_model("chat-x")
    assert view.state is State.READY
    assert (await ask(bench.outbox.granted[0], "/v1/models"))[0] == 200
    await manager.stop_model("chat-x")
    write(bench.weights, {"general.architecture": "nothing-known"})
    manager.configure([bench.model(command=command)])
    with pytest.raises(EngineFailed) as caught:
        await manager.start_model("chat-x")
    assert caught.value.reason == FailureKind.BAD_MODEL
    assert "'nothing-known'" in str(caught.value)
