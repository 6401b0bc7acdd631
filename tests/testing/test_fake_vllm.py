"""The fake beside what vLLM 0.32.0 was seen to answer.  As an engine: tests/engines/test_contract_processes.py."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import glowplug
from glowplug.lifecycle.ports import free_port
from glowplug.testing.fake_nvml_state import VARIABLE, FakeGpus
from glowplug.testing.fake_vllm import main, too_little
from tests.waiting import until

ENV = {**os.environ, "PYTHONPATH": str(Path(glowplug.__file__).parents[1]), "VLLM_API_KEY": "k"}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
GIB = 1 << 30


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    port, log = free_port(), tmp_path / "log"
    argv = [sys.executable, "-m", "glowplug.testing.fake_vllm", "serve", "/w", "--port", str(port)]
    argv += ["--host", "127.0.0.1", "--served-model-name", "m", "--max-model-len", "512", "--enable-sleep-mode"]
    env = {**ENV, "VLLM_SERVER_DEV_MODE": "1"}
    with log.open("wb") as file:
        process = await asyncio.to_thread(subprocess.Popen, argv, env=env, stdout=file, stderr=file)
    with process:
        await until(lambda: "startup complete" in log.read_text(), 20)
        headers = {"Authorization": "Bearer k"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as client:
            yield client
        process.kill()


async def test_what_the_key_guards(client: httpx.AsyncClient) -> None:
    bare = {"Authorization": ""}
    for path, status in (
        ("/health", 200),
        ("/version", 200),
        ("/metrics", 200),
        ("/is_sleeping", 200),
        ("/v1/models", 401),
    ):
        assert (await client.get(path, headers=bare)).status_code == status, path
    health = await client.get("/health")
    assert health.content == b"" and (await client.get("/version")).json() == {"version": "0.32.0"}
    assert 'vllm:num_requests_running{engine="0",model_name="m"} 0.0' in (await client.get("/metrics")).text


async def test_the_model_list_and_an_answer_have_its_members(client: httpx.AsyncClient) -> None:
    [entry] = (await client.get("/v1/models")).json()["data"]
    assert {**entry, "created": 0} == {
        "id": "m", "object": "model", "created": 0, "owned_by": "vllm", "root": "/w", "parent": None,
        "max_model_len": 512, "permission": [],
    }  # fmt: skip
    answer = (await client.post("/v1/chat/completions", json=CHAT)).json()
    assert answer["object"] == "chat.completion" and answer["system_fingerprint"].startswith("vllm-0.32.0-")
    assert answer["choices"][0]["stop_reason"] is None and answer["usage"]["prompt_tokens_details"] is None


async def test_its_stream(client: httpx.AsyncClient) -> None:
    body = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    text = (await client.post("/v1/chat/completions", json=body)).text
    chunks: list[dict[str, Any]] = [json.loads(line[6:]) for line in text.split("\n\n")[:-2]]
    first, *tokens, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["delta"] for chunk in tokens] == [
        {"content": "token1"}, {"content": " token2"}, {"content": " token3"},
    ]  # fmt: skip
    assert tokens[-1]["choices"][0]["finish_reason"] == "length" and tokens[-1]["choices"][0]["stop_reason"] is None
    assert usage["choices"] == [] and usage["usage"]["completion_tokens"] == 3


async def test_it_sleeps_and_wakes_in_its_two_ways(client: httpx.AsyncClient) -> None:
    async def post(path: str, body: object = None) -> object:
        return (await client.post(path, json=body)).json()

    async def asleep() -> bool:
        return bool((await client.get("/is_sleeping")).json()["is_sleeping"])

    assert not await asleep()
    assert await post("/sleep?level=2") == {"status": "sleeping", "level": 2}
    assert await asleep()
    assert await post("/wake_up?tags=weights") == {"status": "sleeping", "tags": ["weights"]}
    assert await post("/collective_rpc", {"method": "reload_weights"}) == {"results": [None]}
    assert await asleep()
    assert await post("/wake_up?tags=kv_cache") == {"status": "awake", "tags": ["kv_cache"]}
    assert await post("/reset_prefix_cache") == {"success": True}
    assert not await asleep()
    await post("/sleep")
    assert await post("/wake_up") == {"status": "awake", "tags": None}
    assert (await client.get("/sleep")).status_code == 404


def test_it_does_not_start_when_less_than_its_share_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    memory = FakeGpus(tmp_path / "devices")
    memory.add_gpu("NVIDIA RTX 4090", "GPU-1", 24 * GIB)
    monkeypatch.setenv(VARIABLE, str(memory.path))
    assert too_little(0.9) == ""
    memory.hold(0, os.getpid(), 20 * GIB)
    assert main(["serve", "/w"]) == 1
    said = capfd.readouterr().err
    assert (
        "Free memory on device cuda:0 (4.00/24.00 GiB) on startup is less than desired GPU memory utilization" in said
    )
    assert main(["--help=all"]) == 0
    assert "--gpu-memory-utilization" in capfd.readouterr().out
