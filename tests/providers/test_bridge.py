"""The bridge, with a library that imitates any-llm; and as a process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from glowplug.providers.bridge import CHAT, KEY_VARIABLE, MISSING, Bridge, Library, load
from glowplug.testing import fake_any_llm

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Bridge(cast(Library, fake_any_llm), "fake", "k").app()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": "Bearer k"}
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge/v1", headers=headers) as made:
        yield made


async def chat(client: httpx.AsyncClient, model: str = "echo", **more: Any) -> httpx.Response:
    return await client.post("/chat/completions", json={"model": model, "messages": HI, **more})


def events(answer: httpx.Response) -> list[str]:
    return [block.removeprefix("data: ") for block in answer.text.split("\n\n") if block]


async def test_a_chat(client: httpx.AsyncClient) -> None:
    answer = await chat(client, temperature=0.5, tools=[])
    assert answer.status_code == 200
    body = answer.json()
    assert body["choices"][0]["message"]["content"] == "hi" and body["usage"]["total_tokens"] == 5
    assert body["given"] == {"provider": "fake", "stream": False, "temperature": 0.5, "tools": []}


@pytest.mark.parametrize("member", ["api_key", "api_base", "client_args", "provider", "timeout", "extra_body", "top_k"])
async def test_no_member_that_says_where_the_key_goes_reaches_the_library(
    client: httpx.AsyncClient, member: str
) -> None:
    assert member not in CHAT
    given = (await chat(client, **{member: "evil"})).json()["given"]
    assert given == {"provider": "fake", "stream": False}


async def test_a_stream(client: httpx.AsyncClient) -> None:
    answer = await chat(client, stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, usage, done = events(answer)
    assert done == "[DONE]"
    assert json.loads(usage)["usage"]["completion_tokens"] == 2
    said = [json.loads(chunk)["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(said) == "Hello there"


async def test_a_stream_that_breaks_has_no_end(client: httpx.AsyncClient) -> None:
    _, last = events(await chat(client, "breaks", stream=True))
    assert json.loads(last)["error"]["message"] == "the provider went away"


@pytest.mark.parametrize(
    ("model", "status", "message"),
    [
        ("limited", 429, "slow down"),
        ("unknown", 404, "no such model"),
        ("odd", 502, "what it sent"),
        ("vendor", 404, "no such model there"),
        ("crashes", 502, "the library failed: KeyError"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors(client: httpx.AsyncClient, model: str, status: int, message: str, stream: bool) -> None:
    answer = await chat(client, model, stream=stream)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"] and "secret" not in answer.text
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


async def test_embeddings(client: httpx.AsyncClient) -> None:
    answer = await client.post("/embeddings", json={"model": "e", "input": "x", "dimensions": 2, "api_base": "evil"})
    assert answer.json()["data"][0]["embedding"] == [0.5, 0.25]
    assert answer.json()["given"] == {"provider": "fake", "dimensions": 2}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"model": "echo"}', b'{"model": 1, "messages": []}'])
async def test_what_is_no_request(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("/chat/completions", content=body)).status_code == 400


async def test_who_has_no_key_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("/chat/completions", "/embeddings"):
        answer = await client.post(path, json={"model": "echo", "messages": HI}, headers={"authorization": "Bearer x"})
        assert answer.status_code == 401


def process(*args: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "glowplug.providers.bridge", "--provider", "fake", *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_the_library_it_says_what_to_install() -> None:
    assert load("glowplug_no_such_library") is None
    told = process("--port", "1", "--library", "glowplug_no_such_library")
    _, said = told.communicate(timeout=60)
    assert told.returncode == MISSING
    assert "glowplug[bridge]" in said and "Traceback" not in said


async def test_as_a_process() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = process("--port", str(port), "--library", "glowplug.testing.fake_any_llm", **{KEY_VARIABLE: "k"})
    try:
        deadline = time.monotonic() + 60
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while True:
                try:
                    healthy = await client.get("/health")
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < deadline and served.poll() is None
                    await asyncio.sleep(0.05)
            assert healthy.json()["provider"] == "fake"
            client.headers["authorization"] = "Bearer k"
            client.base_url = httpx.URL(f"http://127.0.0.1:{port}/v1")
            assert events(await chat(client, stream=True))[-1] == "[DONE]"
    finally:
        served.terminate()
        served.communicate(timeout=30)
