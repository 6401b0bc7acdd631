from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import glowplug
from glowplug.lifecycle.ports import free_port
from glowplug.testing.fake_engine import switches_from

ENV = {**os.environ, "PYTHONPATH": str(Path(glowplug.__file__).parents[1])}
COMMAND = [sys.executable, "-m", "glowplug.testing.fake_engine"]
CHAT = {"messages": [{"role": "user", "content": "hi"}]}


class Engine:
    def __init__(self, log: Path, *switches: str) -> None:
        self.log = log
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        argv = [*COMMAND, "-m", "w", "--port", str(port), "--alias", "m", "--api-key", "k", "-np", "2", *switches]
        with log.open("wb") as file:
            self.process = subprocess.Popen(argv, env=ENV, stdout=file, stderr=file)
        self.client = httpx.AsyncClient(base_url=self.url, headers={"Authorization": "Bearer k"}, trust_env=False)

    async def says(self, text: str) -> None:
        async with asyncio.timeout(20):
            while text not in self.log.read_text():
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.client.aclose()
        self.process.kill()
        await asyncio.to_thread(self.process.wait)


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[list[Engine]]:
    started: list[Engine] = []
    yield started
    for engine in started:
        await engine.close()


async def start(engines: list[Engine], log: Path, *switches: str) -> Engine:
    engines.append(Engine(log / "log", *switches))
    await engines[-1].says("server is listening")
    return engines[-1]


def events(text: str) -> list[dict[str, object]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


async def test_it_answers_like_llama_server(engines: list[Engine], tmp_path: Path) -> None:
    http = (await start(engines, tmp_path)).client
    assert (await http.get("/health", headers={"Authorization": ""})).json() == {"status": "ok"}
    assert (await http.get("/v1/models", headers={"Authorization": "Bearer x"})).status_code == 401
    assert (await http.get("/v1/models")).json()["data"][0]["id"] == "m"
    assert (await http.get("/props")).json()["build_info"] == "b11549"
    assert len((await http.get("/slots")).json()) == 2
    assert (await http.post("/tokenize", json={"content": "a b c"})).json() == {"tokens": [0, 1, 2]}
    assert (await http.get("/nowhere")).status_code == 404

    whole = (await http.post("/v1/chat/completions", json=CHAT)).json()
    assert whole["choices"][0]["message"]["content"] == " ".join(f"token{n}" for n in range(1, 9))
    assert whole["choices"][0]["finish_reason"] == "stop" and whole["usage"]["completion_tokens"] == 8
    cut = (await http.post("/v1/completions", json={"prompt": "x", "max_tokens": 2})).json()
    assert (cut["choices"][0]["text"], cut["choices"][0]["finish_reason"]) == ("token1 token2", "length")

    body = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    stream = events((await http.post("/v1/chat/completions", json=body)).text)
    said = "".join(e["choices"][0]["delta"].get("content") or "" for e in stream if e["choices"])  # type: ignore[index]
    assert said == whole["choices"][0]["message"]["content"]
    assert stream[-1]["choices"] == [] and stream[-1]["usage"] == whole["usage"]
    assert "usage" not in events((await http.post("/v1/chat/completions", json={**CHAT, "stream": True})).text)[-1]

    plain = (await http.post("/v1/embeddings", json={"input": ["a", "b"]})).json()
    packed = (await http.post("/v1/embeddings", json={"input": "a", "encoding_format": "base64"})).json()
    vector = struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"]))
    assert vector == pytest.approx(plain["data"][0]["embedding"])
    assert plain["data"][0]["embedding"] != plain["data"][1]["embedding"]


async def test_slow_start_is_loading_first(engines: list[Engine], tmp_path: Path) -> None:
    engine = Engine(tmp_path / "log", "--slow-start", "30")
    engines.append(engine)
    await engine.says("load_tensors")
    await engine.says("..")
    assert (await engine.client.get("/health")).status_code == 503
    assert (await engine.client.post("/v1/chat/completions", json=CHAT)).json()["error"]["message"] == "Loading model"


async def test_a_client_that_leaves_cancels_the_generation(engines: list[Engine], tmp_path: Path) -> None:
    engine = await start(engines, tmp_path, "--drip", "5")
    with pytest.raises(httpx.ReadTimeout):
        await engine.client.post("/v1/chat/completions", json=CHAT, timeout=0.3)
    await engine.says("cancel task")
    assert (await engine.client.get("/metrics")).text == "llamacpp:requests_processing 0\n"


async def test_crash_after_happens_in_the_middle_of_a_stream(engines: list[Engine], tmp_path: Path) -> None:
    engine = await start(engines, tmp_path, "--crash-after", "1")
    assert (await engine.client.post("/v1/chat/completions", json=CHAT)).status_code == 200
    heard = ""
    with pytest.raises(httpx.RemoteProtocolError):
        async with engine.client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
            async for text in answer.aiter_text():
                heard += text
    assert "token4" in heard and "token5" not in heard
    assert await asyncio.to_thread(engine.process.wait) == 134


async def test_status_hang_after_and_sigterm(engines: list[Engine], tmp_path: Path) -> None:
    failing = await start(engines, tmp_path, "--status", "500", "--ignore-sigterm")
    assert (await failing.client.post("/v1/completions", json={})).status_code == 500
    failing.process.terminate()
    assert (await failing.client.get("/health")).status_code == 200
    (tmp_path / "2").mkdir()
    hanging = await start(engines, tmp_path / "2", "--hang-after", "0")
    with pytest.raises(httpx.ReadTimeout):
        await hanging.client.get("/health", timeout=0.2)
    hanging.process.terminate()
    assert await asyncio.to_thread(hanging.process.wait) == 0


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], env=ENV, capture_output=True, text=True, timeout=30, check=False)


def test_it_ends_as_llama_server_ends() -> None:
    unknown = run("--no-mmap")
    assert unknown.returncode == 1 and "error: invalid argument: --no-mmap" in unknown.stderr
    crash = run("--crash-at-start", "7", "--crash-line", "boom", "--log-lines", "2")
    assert crash.returncode == 7 and crash.stderr.splitlines()[1:] == ["log line 0", "log line 1", "boom"]
    assert "--slow-start" in run("--help").stdout


def test_switches_come_from_the_environment_too() -> None:
    env = {"FAKE_ENGINE_SLOW_START": "2", "FAKE_ENGINE_HANG": "1", "FAKE_ENGINE_SPAWN_CHILD": "0", "OTHER": "x"}
    assert switches_from(env) == ["--slow-start", "2", "--hang"]
