"""What every engine must keep as a process: start, ready, answer, crash, hang, sleep, end.  Real launcher, real prober,
fake programs.  To add an engine: its row in PROGRAMS.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

import glowplug
from glowplug.domain.footprint import Place
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import LocalModel, Ready, Stop
from glowplug.engines.base import Engine, Readiness, Request
from glowplug.engines.placeholders import launch_environment
from glowplug.engines.programs import FlagCatalogue
from glowplug.engines.registry import ENGINES
from glowplug.launchers.base import LaunchSpec
from glowplug.launchers.process import ProcessGroup, ProcessLauncher
from glowplug.lifecycle.asking import send
from glowplug.lifecycle.ports import free_port
from glowplug.lifecycle.probe import look
from glowplug.lifecycle.stopping import ask_to_end
from glowplug.testing.fake_nvml_state import VARIABLE, FakeGpus
from tests.support.gguf_files import write
from tests.waiting import until

GIB = 1 << 30
SOURCE = str(Path(glowplug.__file__).parents[1])
CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
PATIENCE = 30.0


def module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"glowplug.testing.{name}")


@dataclass(frozen=True)
class Case:
    """An engine and a program that plays it.  `fields`: of the model."""

    engine: str
    command: tuple[str, ...]
    fields: dict[str, object] = field(default_factory=dict)
    early: bool = True
    """It listens before it is ready."""


_LIKE_LLAMACPP = ("--model", "{path}", "--port", "{port}", "--alias", "{model}")
_LIKE_VLLM = ("{path}", "--port", "{port}", "--served-model-name", "{model}")
PROGRAMS = {
    "llamacpp": Case("llamacpp", module("fake_engine")),
    "vllm": Case("vllm", (*module("fake_vllm"), "serve"), early=False),
    "vllm-module": Case("vllm", module("fake_vllm"), early=False),
    "sglang": Case("sglang", module("fake_sglang")),
    "command-http": Case(
        "command",
        module("fake_engine"),
        {"args": _LIKE_LLAMACPP, "ready": Ready(http="/health"), "stop": Stop(signal="INT")},
    ),
    "command-tcp": Case("command", (*module("fake_vllm"), "serve"), {"args": _LIKE_VLLM}, early=False),
}
CASES = pytest.mark.parametrize("case", PROGRAMS.values(), ids=PROGRAMS)
WITH_IDENTITY = [case for case in PROGRAMS.values() if ENGINES[case.engine].identity_path]
WITH_SLEEP = [case for case in PROGRAMS.values() if case.engine in ("vllm", "sglang")]


class Instance:
    """One launched program."""

    def __init__(self, engine: Engine, model: LocalModel, endpoint: Endpoint, log: Path) -> None:
        self.engine, self.model, self.endpoint, self.log = engine, model, endpoint, log
        self.exit: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.group: ProcessGroup
        self.seen: set[Readiness] = set()

    async def look(self) -> Readiness:
        found, _ = await look(self.engine, self.model, self.endpoint)
        self.seen.add(found)
        return found

    async def ready(self) -> Instance:
        async with asyncio.timeout(PATIENCE):
            while await self.look() is not Readiness.READY:
                assert not self.exit.done(), self.log.read_text()
                await asyncio.sleep(0.01)
        return self

    async def chat(self, **more: object) -> tuple[int, bytes]:
        body = json.dumps({**CHAT, "model": self.model.name, **more}).encode()
        return await send(self.endpoint, Request("POST", "/v1/chat/completions", body))

    async def ended(self) -> int | None:
        code = await asyncio.wait_for(asyncio.shield(self.exit), PATIENCE)
        await until(lambda: not self.group.survivors(), PATIENCE)
        return code

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()


Start = Callable[..., Awaitable[Instance]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a case's program: switches as keywords, `fields` of the model, `place`, `port`, `known` flags."""
    launcher, started = ProcessLauncher(tmp_path), list[Instance]()
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    write(weights / "model.gguf", {})

    async def launch(
        case: Case,
        *,
        fields: dict[str, object] | None = None,
        place: Place | None = None,
        port: int = 0,
        known: frozenset[str] | None = None,
        **switches: object,
    ) -> Instance:
        engine, number = ENGINES[case.engine], len(started)
        env = {
            f"FAKE_ENGINE_{name.upper()}": str(int(value) if value is True else value)
            for name, value in switches.items()
        }
        path = weights / "model.gguf" if engine.name == "llamacpp" else weights
        given: dict[str, object] = {"path": str(path), "command": case.command, "env": {"PYTHONPATH": SOURCE, **env}}
        given |= {**case.fields, **(fields or {})}
        if fields and "env" in fields:
            given["env"] = {"PYTHONPATH": SOURCE, **env, **fields["env"]}  # type: ignore[dict-item]
        model = LocalModel(name="chat-x", engine=engine.name, **given)  # type: ignore[arg-type]
        assert engine.preflight(model, known) is None
        endpoint = Endpoint(
            instance=f"inst_{number}",
            model="chat-x",
            host="127.0.0.1",
            port=port or free_port(),
            key=f"secret-{number}",
        )
        instance = Instance(engine, model, endpoint, tmp_path / f"log{number}")
        argv = engine.argv(model, endpoint, known, place)
        spec = LaunchSpec(endpoint.instance, argv, launch_environment(engine, model, endpoint, place), instance.log)
        instance.group = launcher.launch(spec, instance.exit.set_result)
        started.append(instance)
        return instance

    yield launch
    for instance in started:
        instance.group.kill()
        await instance.ended()
        instance.group.close()
    launcher.sweep(frozenset())


@CASES
async def test_it_becomes_ready_and_answers(case: Case, start: Start) -> None:
    instance = await start(case, slow_start=0.5)
    await instance.ready()
    assert Readiness.WRONG not in instance.seen
    loading = Readiness.LOADING if case.early else Readiness.REFUSED
    assert loading in instance.seen
    status, body = await instance.chat()
    answer = json.loads(body)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "token1 token2 token3")
    assert answer["usage"]["completion_tokens"] == 3
    stages = {instance.engine.progress(instance.lines()[:count]).stage for count in range(len(instance.lines()) + 1)}
    assert case.engine == "command" or "loading weights" in stages


@CASES
async def test_a_stream_is_whole(case: Case, start: Start) -> None:
    instance = await (await start(case)).ready()
    status, body = await instance.chat(stream=True, stream_options={"include_usage": True})
    events = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    assert status == 200 and events[-1] == b"[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
    assert text == "token1 token2 token3" and chunks[-1]["usage"]["completion_tokens"] == 3
    assert [c["choices"][0].get("finish_reason") for c in chunks if c["choices"]][-1] in ("length", "stop")


@pytest.mark.parametrize("case", WITH_IDENTITY, ids=lambda case: " ".join(case.command[2:])[18:])
async def test_another_server_on_its_port_is_not_taken_for_it(case: Case, start: Start) -> None:
    theirs = await (await start(case)).ready()
    ours = msgspec.structs.replace(theirs.endpoint, key="of-another-launch")
    assert (await look(theirs.engine, theirs.model, ours))[0] is Readiness.WRONG
    other = await start(case, wrong_model=True)
    async with asyncio.timeout(PATIENCE):
        while (found := await other.look()) not in (Readiness.READY, Readiness.WRONG):
            await asyncio.sleep(0.01)
    assert found is Readiness.WRONG


@CASES
async def test_nobody_can_read_the_key_but_the_program(case: Case, start: Start) -> None:
    instance = await (await start(case)).ready()
    line = await asyncio.to_thread(Path(f"/proc/{instance.group.pid}/cmdline").read_bytes)
    assert b"secret" not in line and b"weights" in line


@CASES
async def test_an_end_while_it_loads_is_a_crash_with_its_last_words(case: Case, start: Start) -> None:
    instance = await start(case, crash_at_start=3, crash_line="its last words")
    code = await instance.ended()
    failure = instance.engine.classify(code, instance.lines())
    assert (code, failure.kind) == (3, FailureKind.CRASH) and failure.log_tail[-1] == "its last words"


@CASES
async def test_lack_of_memory_is_told_from_a_crash(case: Case, start: Start) -> None:
    instance = await start(case, crash_at_start=1, crash_line="torch.OutOfMemoryError: CUDA out of memory.")
    failure = instance.engine.classify(await instance.ended(), instance.lines())
    assert failure.kind is FailureKind.OUT_OF_MEMORY


@CASES
async def test_a_port_that_is_taken_and_a_flag_that_is_none(case: Case, start: Start) -> None:
    first = await (await start(case)).ready()
    second = await start(case, port=first.endpoint.port)
    assert second.engine.classify(await second.ended(), second.lines()).kind is FailureKind.PORT_TAKEN
    odd = await start(case, fields={"args": (*case.fields.get("args", ()), "--no-such-flag")})  # type: ignore[misc]
    failure = odd.engine.classify(await odd.ended(), odd.lines())
    assert failure.kind is FailureKind.BAD_FLAG and "--no-such-flag" in failure.message


@CASES
async def test_an_end_in_the_middle_of_an_answer(case: Case, start: Start) -> None:
    instance = await (await start(case, crash_after=0)).ready()
    with pytest.raises(ConnectionError):
        await instance.chat()
    assert await instance.ended() == 134
    assert await instance.look() is Readiness.REFUSED


@CASES
async def test_one_that_hangs_is_never_ready_and_can_be_killed(case: Case, start: Start) -> None:
    instance = await start(case, hang=True)
    await until(lambda: instance.log.exists() and instance.log.read_text() != "", PATIENCE)
    for _ in range(5):
        assert await instance.look() in (Readiness.REFUSED, Readiness.LOADING)
    instance.group.kill()
    assert await instance.ended() == -signal.SIGKILL


@CASES
async def test_one_that_stops_answering_is_silent(case: Case, start: Start) -> None:
    if case.fields.get("ready") is None and case.engine == "command":
        pytest.skip("its port is all that is asked for, and that stays open")
    instance = await (await start(case, hang_after=1)).ready()
    assert (await instance.chat())[0] == 200
    found, _ = await look(instance.engine, instance.model, instance.endpoint, limit=0.3)
    assert found is Readiness.SILENT


@CASES
async def test_asked_to_end_it_ends_with_everything_it_is(case: Case, start: Start) -> None:
    instance = await (await start(case, **({"workers": True} if case.engine != "llamacpp" else {}))).ready()
    stopping = instance.engine.stopping(instance.model, instance.endpoint)
    await ask_to_end(stopping, instance.endpoint, instance.group, {"PATH": os.environ["PATH"]})
    assert await instance.ended() == 0


@CASES
async def test_one_that_does_not_want_to_end_is_killed(case: Case, start: Start) -> None:
    instance = await (await start(case, ignore_sigterm=True)).ready()
    instance.group.terminate()
    assert await instance.look() is Readiness.READY
    instance.group.kill()
    assert await instance.ended() == -signal.SIGKILL


@pytest.mark.parametrize("name", [name for name in PROGRAMS if not name.startswith(("llamacpp", "command-http"))])
async def test_a_worker_that_outlives_its_parent_is_found_and_its_memory_comes_back(
    name: str, start: Start, tmp_path: Path
) -> None:
    memory = card(tmp_path, 8 * GIB)
    instance = await start(PROGRAMS[name], fields={"env": {VARIABLE: str(memory.path)}}, escaped_worker=True)
    await instance.ready()
    held = memory.used(0)
    assert held > 6 * GIB
    os.kill(instance.group.pid, signal.SIGKILL)
    await asyncio.wait_for(asyncio.shield(instance.exit), PATIENCE)
    assert len(instance.group.survivors()) == 1 and memory.used(0) == held
    instance.group.kill()
    await instance.ended()
    # One that has left the session is found by its environment, which the kernel takes away a moment before its end.
    await until(lambda: memory.used(0) == 0, PATIENCE)


def card(directory: Path, size: int) -> FakeGpus:
    gpus = FakeGpus(directory / "devices")
    gpus.add_gpu("NVIDIA RTX 4090", "GPU-1", size)
    return gpus


def on_card(memory: FakeGpus, claim: int) -> Place:
    total = memory.total(0)
    free = total - memory.used(0)
    return Place(claim={"gpu0": claim}, totals={"gpu0": total}, free={"gpu0": free}, indexes={"gpu0": 0}, kind="nvidia")


@pytest.mark.parametrize("case", WITH_SLEEP, ids=lambda case: " ".join(case.command[2:])[18:])
async def test_it_takes_what_it_was_given_sleeps_and_wakes(case: Case, start: Start, tmp_path: Path) -> None:
    memory = card(tmp_path, 24 * GIB)
    engine = ENGINES[case.engine]
    known = frozenset({"--enable-sleep-mode", "--enable-memory-saver", "--enable-weights-cpu-backup"})
    known |= {flag for option in engine.options.values() for flag in option.flags}
    place = on_card(memory, 10 * GIB)
    fields = {"env": {VARIABLE: str(memory.path)}, "sleep": True}
    instance = await (await start(case, fields=fields, place=place, known=known)).ready()
    awake = memory.used(0)
    assert place.claim["gpu0"] * 0.75 < awake <= place.claim["gpu0"]

    sleeping = engine.sleeping(instance.model, known)
    assert sleeping is not None
    for request in sleeping.sleep:
        assert (await send(instance.endpoint, request))[0] == 200
    assert memory.used(0) <= awake * sleeping.residual
    assert await instance.look() is Readiness.READY, "asleep it says that it is well"
    waiting = asyncio.create_task(instance.chat())
    for request in sleeping.wake:
        assert (await send(instance.endpoint, request))[0] == 200
    assert memory.used(0) == awake and (await waiting)[0] == 200

    for request in sleeping.sleep:
        await send(instance.endpoint, request)
    memory.hold(0, os.getpid(), 23 * GIB)
    assert (await send(instance.endpoint, sleeping.wake[0]))[0] == 500, "somebody took its memory meanwhile"
    memory.hold(0, os.getpid(), 0)


@pytest.mark.parametrize("case", WITH_SLEEP, ids=lambda case: " ".join(case.command[2:])[18:])
async def test_without_its_flag_it_cannot_sleep(case: Case, start: Start) -> None:
    instance = await (await start(case)).ready()
    for path in ("/sleep", "/wake_up", "/release_memory_occupation"):
        assert (await send(instance.endpoint, Request("POST", path)))[0] in (400, 404)
    assert (await instance.chat())[0] == 200


@pytest.mark.parametrize("case", [PROGRAMS["llamacpp"], PROGRAMS["vllm"], PROGRAMS["sglang"]], ids=lambda c: c.engine)
async def test_its_help_lists_the_flags_that_are_used(case: Case) -> None:
    engine = ENGINES[case.engine]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE}
    known = await FlagCatalogue().learn(case.command, engine.help_argument, env)
    assert known is not None and "--port" in known
    if engine.name != "llamacpp":  # its fake takes only what the tests use
        assert {option.flags[0] for option in engine.options.values() if option.flags} <= known
