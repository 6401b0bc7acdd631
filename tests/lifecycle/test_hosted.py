"""Models in a daemon as processes: loaded, listed, unloaded, lost, adopted.  Only the daemon is not a real one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.ollama import Ollama
from glowplug.launchers import procfs
from glowplug.launchers.process import ProcessLauncher
from glowplug.lifecycle import daemon as daemons
from glowplug.lifecycle.daemon import LINGER, POLL
from glowplug.lifecycle.hosted import HostedModel, HostProber, Hosts
from glowplug.lifecycle.ports import free_port
from glowplug.lifecycle.probe import look
from glowplug.lifecycle.records import InstanceRecord
from glowplug.testing.clock import VirtualClock
from tests.support.ollama import COMMAND, environment
from tests.support.ollama import daemon as foreign
from tests.waiting import until

MISTRAL, EMBED = "mistral:7b", "nomic-embed-text"


class Place:
    """A machine with an address for Ollama, and the control processes that come and go on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.clock = VirtualClock()
        self.exits: dict[str, list[int | None]] = {}
        self.hosts = self.control()
        self.pids: set[int] = set()

    def control(self) -> Hosts:
        """A control process that begins."""
        launcher = ProcessLauncher(self.folder)
        self.hosts = Hosts(Ollama(), launcher, self.clock, self.folder / "hosts", self.folder)
        return self.hosts

    def model(self, id: str = MISTRAL, env: dict[str, str] | None = None, **changes: Any) -> LocalModel:
        given = {"name": f"chat-{id}", "command": COMMAND, "port": self.port, "options": {"num_ctx": 64}}
        return LocalModel(
            **{**given, "engine": "ollama", "id": id, "env": {**environment(self.port), **(env or {})}, **changes}
        )

    def launch(self, model: LocalModel, instance: str = "i1") -> tuple[HostedModel, Endpoint]:
        exits = self.exits[instance] = []
        return self.hosts.launch(model, instance, self.log(instance), exits.append)

    async def load(self, model: LocalModel, instance: str = "i1") -> HostedModel:
        running, _ = self.launch(model, instance)
        await until(lambda: not running.loading or bool(self.exits[instance]))
        assert not self.exits[instance], self.log(instance).read_text()
        self.pids |= {running.pid} - {0}
        return running

    def log(self, instance: str) -> Path:
        return self.folder / f"{instance}.log"

    def failure(self, instance: str = "i1") -> Any:
        return Ollama().classify(None, self.log(instance).read_text().splitlines())

    def record(self, running: HostedModel) -> InstanceRecord:
        return InstanceRecord(
            instance=running.instance, model="m", engine="ollama", pid=running.pid, start_time=running.start_time,
            host="127.0.0.1", port=self.port, key="", digest="", log=str(self.log(running.instance)),
        )  # fmt: skip

    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"http://127.0.0.1:{self.port}{path}")).json()

    async def post(self, path: str, **body: Any) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(f"http://127.0.0.1:{self.port}{path}", json=body)

    @property
    def answers(self) -> bool:
        return bool(procfs.listener_of(self.port))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    await made.hosts.close(stop=True)
    ProcessLauncher(tmp_path).sweep(frozenset())


def gone(pid: int) -> bool:
    stat = procfs.read_stat(pid)
    return stat is None or stat.dead


async def test_the_first_model_starts_a_daemon_and_the_last_one_ends_it_half_a_minute_later(place: Place) -> None:
    running, endpoint = place.launch(place.model())
    assert (endpoint.host, endpoint.port, endpoint.key, endpoint.prefix) == ("127.0.0.1", place.port, "", "/api")
    assert running.launcher == "hosted" and running.survivors()
    await until(lambda: not running.loading)
    pid = running.pid
    assert pid and running.start_time and not place.exits["i1"]
    state = await place.get("/fake/state")
    assert state["loads"] == {MISTRAL: 1}
    assert state["env"].items() >= {"OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_MAX_LOADED_MODELS": "1024"}.items()
    [call] = state["received"]
    assert call["body"] == {"model": MISTRAL, "stream": False, "keep_alive": -1, "options": {"num_ctx": 64}}

    running.terminate()
    await until(lambda: place.exits["i1"] == [0])
    assert running.survivors() == ()
    assert (await place.get("/api/ps"))["models"] == []
    running.close()
    place.clock.advance(LINGER - 1)
    assert not gone(pid)
    place.clock.advance(1)
    await until(lambda: gone(pid))
    await until(lambda: not list((place.folder / "hosts").glob("*.json")))


async def test_two_models_share_one_start(place: Place) -> None:
    chat, _ = place.launch(place.model(), "i1")
    embed, _ = place.launch(place.model(EMBED, capabilities=(Capability.EMBEDDINGS,)), "i2")
    await until(lambda: not chat.loading and not embed.loading)
    assert chat.pid == embed.pid != 0
    state = await place.get("/fake/state")
    assert state["loads"] == {MISTRAL: 1, EMBED: 1}
    assert {call["path"] for call in state["received"]} == {"/api/generate", "/api/embed"}
    chat.terminate()
    await until(lambda: place.exits["i1"] == [0])
    place.clock.advance(LINGER * 2)
    await asyncio.sleep(0)
    assert [entry["name"] for entry in (await place.get("/api/ps"))["models"]] == [f"{EMBED}:latest"]
    assert not place.exits["i2"]


async def test_its_memory_is_what_the_daemon_says(place: Place) -> None:
    running = await place.load(place.model())
    [entry] = (await place.get("/api/ps"))["models"]
    assert running.memory() == running.device_memory == entry["size"] > 400 << 20
    before = running.sample()
    assert before.cpu_ticks > 0 and before.log_bytes > 0


async def test_a_daemon_that_runs_is_used_and_never_stopped(place: Place, tmp_path: Path) -> None:
    async with foreign(tmp_path) as theirs:
        place.port = theirs.port
        running = await place.load(place.model(command=("no-such-program",)))
        assert running.pid == 0
        running.terminate()
        await until(lambda: place.exits["i1"] == [0])
        place.clock.advance(LINGER * 2)
        await place.hosts.close(stop=True)
        assert theirs.process.poll() is None and await theirs.loaded() == []


async def test_it_is_loading_until_the_daemon_says_otherwise_although_it_is_listed(place: Place) -> None:
    running, endpoint = place.launch(model := place.model(env={"FAKE_OLLAMA_LOAD": "1"}))
    seen: list[Readiness] = []

    class Direct:
        def probe(self, engine: Any, model: LocalModel, endpoint: Endpoint, done: Any) -> None:
            done(Readiness.READY, "")

        def close(self) -> None:
            seen.append(Readiness.WRONG)

    prober = HostProber(Direct(), place.hosts)
    await until(lambda: place.answers)
    async with asyncio.timeout(10):
        while not (await place.get("/api/ps"))["models"]:
            await asyncio.sleep(0.01)
    assert await look(Ollama(), model, endpoint) == (Readiness.READY, ""), "to the eye it is there"
    prober.probe(Ollama(), model, endpoint, lambda readiness, _: seen.append(readiness))
    await until(lambda: bool(seen))
    assert seen == [Readiness.LOADING] and running.loading
    await until(lambda: not running.loading)
    prober.probe(Ollama(), model, endpoint, lambda readiness, _: seen.append(readiness))
    prober.close()
    assert seen == [Readiness.LOADING, Readiness.READY, Readiness.WRONG]


async def test_a_load_that_is_cancelled_ends_in_ollama_too(place: Place) -> None:
    running, _ = place.launch(place.model(env={"FAKE_OLLAMA_LOAD": "60"}))
    await until(lambda: place.answers)
    async with asyncio.timeout(10):
        while not (await place.get("/api/ps"))["models"]:
            await asyncio.sleep(0.01)
    running.terminate()
    await until(lambda: place.exits["i1"] == [0])
    assert (await place.get("/fake/state"))["cancelled"] == 1


async def test_a_start_that_is_cancelled_leaves_a_daemon_that_ends_by_itself(place: Place) -> None:
    running, _ = place.launch(place.model(env={"FAKE_OLLAMA_START": "0.3"}))
    await until(lambda: running.pid != 0)
    pid = running.pid
    running.terminate()
    await until(lambda: place.exits["i1"] == [0])
    await until(lambda: place.clock.pending == 1)
    assert not gone(pid) and place.answers
    place.clock.advance(LINGER)
    await until(lambda: gone(pid))


@pytest.mark.parametrize(
    ("changes", "kind", "hint"),
    [
        ({"id": "llama9"}, FailureKind.MISSING_FILE, "ollama pull llama9"),
        ({"env": {"FAKE_OLLAMA_DEVICE_MIB": "100"}}, FailureKind.OUT_OF_MEMORY, "num_ctx"),
        ({"env": {"FAKE_OLLAMA_LOAD_ERROR": "unable to load model: /x"}}, FailureKind.BAD_MODEL, "pull"),
        ({"id": EMBED}, FailureKind.BAD_FLAG, "capabilities"),
        ({"command": ("no-such-program",)}, FailureKind.MISSING_PROGRAM, "install"),
        ({"command": ("false",)}, FailureKind.CRASH, "log"),
    ],
)
async def test_a_load_that_fails_says_why(place: Place, changes: dict[str, Any], kind: FailureKind, hint: str) -> None:
    place.launch(place.model(**changes))
    await until(lambda: place.exits["i1"] == [None])
    failure = place.failure()
    assert (failure.kind, hint in failure.hint) == (kind, True), failure


async def test_an_address_with_something_else_on_it(place: Place) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", place.port)
    place.launch(place.model())
    await until(lambda: place.exits["i1"] == [None])
    assert place.failure().kind is FailureKind.PORT_TAKEN
    server.close()


async def test_a_model_that_ollama_unloads_by_itself_is_noticed(place: Place) -> None:
    await place.load(place.model())
    await place.post("/api/generate", model=MISTRAL, keep_alive=0)
    place.clock.advance(POLL)
    await until(lambda: place.exits["i1"] == [None])
    assert "unloaded it unasked" in place.failure().message


async def test_a_model_that_stays_loaded_is_left_alone(place: Place) -> None:
    running = await place.load(place.model())
    for _ in range(3):
        before = len((await place.get("/fake/state"))["received"])
        place.clock.advance(POLL)
        await asyncio.sleep(0.05)
    assert not place.exits["i1"] and not running.over
    state = await place.get("/fake/state")
    assert len(state["received"]) == before == 1, "looking neither loads nor extends anything"


async def test_the_end_of_the_daemon_is_the_end_of_its_models_and_of_its_runners(place: Place) -> None:
    running = await place.load(place.model())
    other = await place.load(place.model("qwen3:4b"), "i2")
    runners = (await place.get("/fake/state"))["runners"].values()
    os.kill(running.pid, signal.SIGKILL)
    await until(lambda: place.exits == {"i1": [-9], "i2": [-9]})
    await until(lambda: running.survivors() == other.survivors() == ())
    assert all(gone(pid) for pid in runners)
    again = await place.load(place.model(), "i3")
    assert again.pid != 0 and not place.exits["i3"]


async def test_killing_one_model_kills_its_runner_and_no_other(place: Place) -> None:
    stuck = await place.load(place.model(env={"FAKE_OLLAMA_DRIP": "60"}))
    await place.load(place.model("qwen3:4b"), "i2")
    runners = (await place.get("/fake/state"))["runners"]
    with suppress(httpx.ReadTimeout):
        async with httpx.AsyncClient(trust_env=False, timeout=0.2) as client:
            url = f"http://127.0.0.1:{place.port}/api/generate"
            await client.post(url, json={"model": MISTRAL, "prompt": "x", "options": {"num_ctx": 64}})
    stuck.kill()
    await until(lambda: gone(runners[MISTRAL]))
    await until(lambda: place.exits["i1"] == [0])
    assert not gone(runners["qwen3:4b"]) and not place.exits["i2"]


async def test_a_daemon_that_hangs_is_killed_with_everything(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from glowplug.lifecycle import daemon_api

    running = await place.load(place.model())
    monkeypatch.setattr(daemon_api, "QUICK", 0.1)
    pid = running.pid
    os.kill(pid, signal.SIGSTOP)
    running.terminate()
    await asyncio.sleep(0.3)
    assert place.exits["i1"] == [] and running.survivors() == (running.pid,)
    running.kill()
    await until(lambda: len(place.exits["i1"]) == 1 and gone(pid))
    await until(lambda: running.survivors() == ())


async def test_a_new_control_process_adopts_daemon_and_models(place: Place) -> None:
    running = await place.load(place.model())
    record = place.record(running)
    running.close()
    await place.hosts.close(stop=False)

    hosts = place.control()
    keep = hosts.recover()
    assert len(keep) == 1 and ProcessLauncher(place.folder).sweep(keep) == ()
    exits: list[int | None] = []
    adopted = hosts.adopt(record, exits.append)
    assert adopted is not None and adopted.pid == record.pid
    await until(lambda: adopted.memory() is not None)
    place.clock.advance(LINGER * 2)
    await asyncio.sleep(0.05)
    assert exits == [] and (await place.get("/fake/state"))["loads"] == {MISTRAL: 1}
    adopted.terminate()
    await until(lambda: exits == [0])
    place.clock.advance(LINGER)
    await until(lambda: gone(record.pid))


async def test_a_model_that_was_unloaded_meanwhile_is_not_adopted_for_long(place: Place) -> None:
    running = await place.load(place.model())
    record = place.record(running)
    running.close()
    await place.hosts.close(stop=False)
    await place.post("/api/generate", model=MISTRAL, keep_alive=0)
    hosts = place.control()
    hosts.recover()
    exits: list[int | None] = []
    assert hosts.adopt(record, exits.append) is not None
    await until(lambda: exits == [None])


async def test_a_daemon_that_ended_meanwhile_is_forgotten(place: Place) -> None:
    running = await place.load(place.model())
    record = place.record(running)
    running.close()
    await place.hosts.close(stop=False)
    os.killpg(record.pid, signal.SIGKILL)
    await asyncio.to_thread(os.waitpid, record.pid, 0)
    hosts = place.control()
    assert hosts.recover() == frozenset()
    assert hosts.adopt(record, lambda _: None) is None
    assert not list((place.folder / "hosts").glob("*.json"))


async def test_a_daemon_nobody_adopts_a_model_in_ends_by_itself(place: Place) -> None:
    running = await place.load(place.model())
    pid = running.pid
    running.close()
    await place.hosts.close(stop=False)
    place.control().recover()
    place.clock.advance(LINGER)
    await until(lambda: gone(pid))


async def test_a_model_wanted_while_its_daemon_ends_gets_a_new_one(place: Place) -> None:
    running = await place.load(place.model())
    first = running.pid
    running.terminate()
    await until(lambda: place.exits["i1"] == [0])
    place.clock.advance(LINGER)
    again = await place.load(place.model(), "i2")
    assert again.pid != first and gone(first)


async def test_a_daemon_that_does_not_come_up_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemons, "START_LIMIT", -1.0)
    running, _ = place.launch(place.model(env={"FAKE_OLLAMA_START": "60"}))
    await until(lambda: place.exits["i1"] == [None])
    assert "does not answer" in place.failure().message
    assert running.over
