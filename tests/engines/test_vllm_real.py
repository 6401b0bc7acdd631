"""The adapter with the real vLLM: `make test-engines`, with GLOWPLUG_VLLM_PYTHON naming a Python that has it.

vLLM's CPU build is enough.  A tiny model with random weights is made first, with the same Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.hardware import HOST
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Readiness, Request
from glowplug.engines.placeholders import launch_environment
from glowplug.engines.programs import FlagCatalogue
from glowplug.engines.vllm import Vllm
from glowplug.engines.vllm_options import OPTIONS
from glowplug.launchers.base import LaunchSpec
from glowplug.launchers.process import ProcessGroup, ProcessLauncher
from glowplug.lifecycle.asking import send
from glowplug.lifecycle.ports import free_port
from glowplug.lifecycle.probe import look
from glowplug.lifecycle.stopping import ask_to_end
from tests.waiting import until

VLLM_PYTHON = os.environ.get("GLOWPLUG_VLLM_PYTHON", "")
ROOT = Path(__file__).parents[2]
GIB = 1 << 30
ENGINE = Vllm()
PLACE = Place(claim={HOST: 5 * GIB}, totals={HOST: 16 * GIB})
PATIENCE = 300.0

pytestmark = [
    pytest.mark.engines,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not VLLM_PYTHON, reason="GLOWPLUG_VLLM_PYTHON names no Python that has vLLM"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiny")
    script = ROOT / "tools" / "models" / "make_tiny_hf.py"
    subprocess.run([VLLM_PYTHON, script, made], check=True, timeout=PATIENCE, capture_output=True)
    return made


def model(folder: Path, **options: object) -> LocalModel:
    given = {"max_model_len": 512, "max_num_seqs": 4, "enforce_eager": True, "dtype": "bfloat16", **options}
    command = (VLLM_PYTHON, "-m", "vllm.entrypoints.openai.api_server")
    return LocalModel(name="chat-tiny", engine="vllm", path=str(folder), command=command, options=given)  # type: ignore[arg-type]


class Started:
    """A launched vLLM."""

    def __init__(self, launcher: ProcessLauncher, model: LocalModel, log: Path, known: frozenset[str] | None) -> None:
        self.model, self.log = model, log
        self.exit: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.endpoint = Endpoint(instance="inst_1", model=model.name, host="127.0.0.1", port=free_port(), key="secret")
        argv = ENGINE.argv(model, self.endpoint, known, PLACE)
        env = launch_environment(ENGINE, model, self.endpoint, PLACE)
        self.group: ProcessGroup = launcher.launch(LaunchSpec("inst_1", argv, env, log), self.exit.set_result)

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()

    async def ended(self) -> int | None:
        code = await asyncio.wait_for(asyncio.shield(self.exit), PATIENCE)
        await until(lambda: not self.group.survivors(), 30)
        return code


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[ProcessLauncher]:
    launcher = ProcessLauncher(tmp_path)
    yield launcher
    launcher.sweep(frozenset())


async def test_it_starts_answers_streams_and_leaves_nothing(
    launcher: ProcessLauncher, folder: Path, tmp_path: Path
) -> None:
    one = model(folder)
    environment = launcher.environment(ENGINE.env(one))
    known = await FlagCatalogue().learn(one.command, ENGINE.help_argument, environment)
    assert known is not None and "--enable-sleep-mode" in known
    assert {option.flags[0] for option in OPTIONS.values() if option.flags} <= known
    assert ENGINE.preflight(one, known) is None

    began = time.monotonic()
    started = Started(launcher, one, tmp_path / "log", known)
    seen, stages = set(), set()
    async with asyncio.timeout(PATIENCE):
        while (found := (await look(ENGINE, one, started.endpoint))[0]) is not Readiness.READY:
            assert not started.exit.done(), "\n".join(started.lines()[-30:])
            seen.add(found)
            stages.add(ENGINE.progress(started.lines()).stage if started.log.exists() else "")
            await asyncio.sleep(0.05)
    print(f"ready after {time.monotonic() - began:.1f} s")
    print(f"{len(started.group.survivors())} processes")
    print(f"{(started.group.memory() or 0) / 1e9:.2f} GB resident")
    assert seen == {Readiness.REFUSED}, "nobody listens until it is ready"
    assert {"starting the engine"} <= stages <= {
        "", "starting the engine", "loading weights", "allocating the cache", "starting the server",
    }  # fmt: skip

    stranger = Endpoint(instance="i", model=one.name, host="127.0.0.1", port=started.endpoint.port, key="another")
    assert (await look(ENGINE, one, stranger))[0] is Readiness.WRONG
    status, listed = await send(started.endpoint, Request("GET", ENGINE.report_path))
    report = ENGINE.report(one, PLACE, started.lines(), listed)
    assert status == 200 and report.failure is None and report.warnings == ()
    await talks(started)

    began = time.monotonic()
    await ask_to_end(ENGINE.stopping(one, started.endpoint), started.endpoint, started.group, environment)
    assert await started.ended() == 0
    print(f"gone after {time.monotonic() - began:.2f} s")
    started.group.close()


async def talks(started: Started) -> None:
    """It answers at once and in a stream."""
    body = {"model": "chat-tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4, "ignore_eos": True}
    ask = Request("POST", "/v1/chat/completions", json.dumps(body).encode(), timeout=60.0)
    status, answer = await send(started.endpoint, ask)
    assert status == 200 and json.loads(answer)["usage"]["completion_tokens"] == 4
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    ask = Request("POST", "/v1/chat/completions", json.dumps(streamed).encode(), timeout=60.0)
    status, answer = await send(started.endpoint, ask)
    events = [line.removeprefix(b"data: ") for line in answer.split(b"\n\n") if line]
    assert status == 200 and events[-1] == b"[DONE]"
    assert json.loads(events[0])["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("flag", FailureKind.BAD_FLAG),
        ("architecture", FailureKind.BAD_MODEL),
        ("cut", FailureKind.BAD_MODEL),
        ("port", FailureKind.PORT_TAKEN),
    ],
)
async def test_why_it_ended_is_told(
    launcher: ProcessLauncher, folder: Path, tmp_path: Path, damage: str, kind: FailureKind
) -> None:
    broken = tmp_path / "model"
    shutil.copytree(folder, broken)
    one = model(broken)
    if damage == "architecture":
        config = broken / "config.json"
        config.write_text(config.read_text().replace("LlamaForCausalLM", "NoSuchForCausalLM"))
    if damage == "cut":
        os.truncate(broken / "model.safetensors", 1000)
    if damage == "flag":
        one = model(broken, dtype="int3")  # not through preflight, which would see it
    taken = None
    if damage == "port":
        taken = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    try:
        started = (
            Started(launcher, one, tmp_path / "log", None) if taken is None else _on(launcher, one, tmp_path, taken)
        )
        failure = ENGINE.classify(await started.ended(), started.lines())
    finally:
        if taken is not None:
            taken.close()
    started.group.close()
    assert failure.kind is kind and failure.hint and failure.log_tail


def _on(launcher: ProcessLauncher, model: LocalModel, folder: Path, taken: asyncio.Server) -> Started:
    """Started on a port where somebody listens."""
    fixed = msgspec.structs.replace(model, args=("--port", str(taken.sockets[0].getsockname()[1])))
    return Started(launcher, fixed, folder / "log", None)
