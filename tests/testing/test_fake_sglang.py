"""The fake beside the source of SGLang 0.5.23.  As an engine: tests/engines/test_contract_processes.py."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

import glowplug
from glowplug.lifecycle.ports import free_port
from tests.waiting import until

ENV = {**os.environ, "PYTHONPATH": str(Path(glowplug.__file__).parents[1])}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@asynccontextmanager
async def running(log: Path, *more: str) -> AsyncIterator[tuple[httpx.AsyncClient, subprocess.Popen[bytes]]]:
    """A fake and a client of it, once it listens."""
    port = free_port()
    argv = [sys.executable, "-m", "glowplug.testing.fake_sglang", "--model-path", "/w", "--port", str(port)]
    argv += ["--served-model-name", "m", "--api-key", "k", "--context-length", "512", *more]
    with log.open("wb") as file:
        process = await asyncio.to_thread(subprocess.Popen, argv, env=ENV, stdout=file, stderr=file)
    with process:
        await until(lambda: "Loading safetensors" in log.read_text(), 20)
        headers = {"Authorization": "Bearer k"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as client:
            yield client, process
        process.kill()


async def test_it_listens_while_it_loads_and_the_key_guards_all_but_health(tmp_path: Path) -> None:
    async with running(tmp_path / "log", "--slow-start", "600") as (client, _):
        bare = {"Authorization": ""}
        assert (await client.get("/health", headers=bare)).status_code == 503
        assert (await client.get("/v1/models", headers=bare)).status_code == 401
        assert (await client.get("/v1/models")).status_code == 503


async def test_what_it_says_of_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with running(log) as (client, _):
        await until(lambda: "ready to roll" in log.read_text(), 20)
        assert (await client.get("/health")).content == b""
        [entry] = (await client.get("/v1/models")).json()["data"]
        assert (entry["id"], entry["owned_by"], entry["max_model_len"]) == ("m", "sglang", 512)
        assert (await client.get("/model_info")).json() == {"model_path": "/w", "served_model_name": "m"}
        assert (await client.get("/server_info")).json()["version"] == "0.5.23"
        assert (await client.post("/release_memory_occupation", json={})).status_code == 400


async def test_told_to_release_memory_at_work_it_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with running(log, "--enable-memory-saver", "--drip", "600") as (client, process):
        await until(lambda: "ready to roll" in log.read_text(), 20)
        assert (await client.post("/release_memory_occupation", json={})).status_code == 200
        assert (await client.post("/resume_memory_occupation", json={})).status_code == 200
        async with client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
            assert answer.status_code == 200
            async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers, trust_env=False) as other:
                with suppress(httpx.RemoteProtocolError):
                    await other.post("/release_memory_occupation", json={})
        assert await asyncio.to_thread(process.wait, 20) == 1
        assert "no ongoing request" in log.read_text()
