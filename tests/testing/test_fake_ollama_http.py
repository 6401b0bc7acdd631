"""The fake Ollama's API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ollama import Daemon, daemon

HI = [{"role": "user", "content": "hi there"}]


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with daemon(tmp_path) as running:
        yield running


def lines(answer: httpx.Response) -> list[Any]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_it_says_what_it_is_and_has(fake: Daemon) -> None:
    assert (await fake.client.get("/")).text == "Ollama is running"
    assert (await fake.get("/api/version"))["version"].startswith("0.33")
    names = [entry["name"] for entry in (await fake.get("/api/tags"))["models"]]
    assert names == ["mistral:7b", "qwen3:4b", "moondream:latest", "nomic-embed-text:latest"]
    assert len((await fake.get("/v1/models"))["data"]) == 4
    assert (await fake.get("/api/ps")) == {"models": []}
    shown = (await fake.post("/api/show", model="nomic-embed-text")).json()
    assert shown["capabilities"] == ["embedding"] and "\nFROM /fake/blobs/sha256-" in shown["modelfile"]
    assert (await fake.client.get("/health")).status_code == 404


async def test_an_empty_prompt_loads_and_keep_alive_zero_unloads(fake: Daemon) -> None:
    loaded = await fake.post("/api/generate", model="mistral:7b", keep_alive=-1, options={"num_ctx": 8192})
    assert loaded.json()["done_reason"] == "load"
    [entry] = (await fake.get("/api/ps"))["models"]
    assert entry["context_length"] == 8192 and entry["expires_at"].startswith("2318")
    assert entry["size"] == entry["size_vram"] > 400 << 20
    unloaded = await fake.post("/api/generate", model="mistral:7b", keep_alive=0)
    assert unloaded.json()["done_reason"] == "unload"
    await becomes(fake, [])


async def becomes(fake: Daemon, expected: list[str]) -> None:
    """What is loaded is, or soon is, this."""
    async with asyncio.timeout(20):
        while await fake.loaded() != expected:
            await asyncio.sleep(0.005)


async def test_a_chat_streams_lines_unless_told_not_to(fake: Daemon) -> None:
    streamed = lines(await fake.post("/api/chat", model="mistral:7b", messages=HI))
    assert "".join(line["message"]["content"] for line in streamed) == " ".join(f"token{n}" for n in range(1, 9))
    assert streamed[-1]["done"] is True and streamed[-1]["done_reason"] == "stop"
    assert (streamed[-1]["prompt_eval_count"], streamed[-1]["eval_count"]) == (2, 8)
    options = {"num_predict": 2}
    whole = (await fake.post("/api/chat", model="mistral:7b", messages=HI, stream=False, options=options)).json()
    assert whole["message"]["content"] == "token1 token2" and whole["done_reason"] == "length"


async def test_thoughts_and_tools(fake: Daemon) -> None:
    tools = [{"type": "function", "function": {"name": "clock"}}]
    asked = {"model": "qwen3:4b", "messages": HI, "stream": False}
    thought = (await fake.post("/api/chat", **asked)).json()
    assert thought["message"]["thinking"] == "let me think"
    assert "thinking" not in (await fake.post("/api/chat", **asked, think=False)).json()["message"]
    called = (await fake.post("/api/chat", **asked, tools=tools)).json()["message"]["tool_calls"]
    assert called[0]["function"] == {"index": 0, "name": "clock", "arguments": {"n": 1}}


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "nope", "messages": HI}, 404, "model 'nope' not found"),
        ("/api/generate", {"model": "nomic-embed-text"}, 400, '"nomic-embed-text" does not support generate'),
        ("/api/chat", {"model": "mistral:7b", "messages": HI, "think": True}, 400,
         '"mistral:7b" does not support thinking'),
        ("/api/embed", {"model": "nomic-embed-text", "input": [1]}, 400, "invalid input type"),
        ("/api/chat", {"model": "glm-4.6:cloud", "messages": HI}, 401, "unauthorized"),
        ("/api/chat", {"messages": HI}, 400, "model is required"),
        ("/api/chat", {"model": "mistral:7b", "keep_alive": "soon"}, 400, "not a duration"),
    ],
)  # fmt: skip
async def test_refusals(fake: Daemon, path: str, body: dict[str, Any], status: int, error: str) -> None:
    answer = await fake.post(path, **body)
    assert answer.status_code == status and error in answer.json()["error"]


async def test_embeddings(fake: Daemon) -> None:
    assert (await fake.post("/api/embed", model="nomic-embed-text", input=[])).json()["embeddings"] == []
    answer = (
        await fake.post("/api/embed", model="nomic-embed-text", input=["a b", "c"], options={"num_ctx": 9999})
    ).json()
    assert len(answer["embeddings"]) == 2 and answer["prompt_eval_count"] == 3
    [entry] = (await fake.get("/api/ps"))["models"]
    assert entry["context_length"] == 2048, "what the model was made for"


async def test_openais_wire_reloads_what_was_loaded_with_another_context(fake: Daemon) -> None:
    await fake.post("/api/generate", model="mistral:7b", keep_alive=-1, options={"num_ctx": 8192})
    answer = (await fake.post("/v1/chat/completions", model="mistral:7b", messages=HI)).json()
    assert answer["choices"][0]["message"]["content"].startswith("token1")
    assert (await fake.state())["reloads"] == {"mistral:7b": 1}
    streamed = (await fake.post("/v1/chat/completions", model="mistral:7b", messages=HI, stream=True)).text
    assert streamed.endswith("data: [DONE]\n\n")
    whole = (await fake.post("/v1/completions", model="mistral:7b", prompt="x", max_tokens=1)).json()
    assert whole["choices"][0]["text"] == "token1"
    vectors = (await fake.post("/v1/embeddings", model="nomic-embed-text", input="x")).json()
    assert len(vectors["data"][0]["embedding"]) == 8


async def test_it_tells_what_it_received(fake: Daemon) -> None:
    await fake.post("/api/generate", model="mistral:7b", keep_alive="10m")
    state = await fake.state()
    assert state["received"] == [{"path": "/api/generate", "body": {"model": "mistral:7b", "keep_alive": "10m"}}]
    assert state["loads"] == {"mistral:7b": 1} and list(state["runners"]) == ["mistral:7b"]


async def test_broken_streams(tmp_path: Path) -> None:
    async with daemon(tmp_path, FAKE_OLLAMA_ERROR_AFTER="2") as fake:
        said = lines(await fake.post("/api/chat", model="mistral:7b", messages=HI))
        assert len(said) == 3 and "CUDA error" in said[-1]["error"]
    async with daemon(tmp_path, FAKE_OLLAMA_CUT_AFTER="2") as fake:
        with pytest.raises(httpx.RemoteProtocolError):
            await fake.post("/api/chat", model="mistral:7b", messages=HI)


async def test_a_client_that_leaves_ends_its_answer(tmp_path: Path) -> None:
    async with daemon(tmp_path, FAKE_OLLAMA_DRIP="0.1", FAKE_OLLAMA_TOKENS="9999") as fake:
        async with fake.client.stream("POST", "/api/generate", json={"model": "mistral:7b", "prompt": "x"}) as _:
            pass
        await fake.post("/api/generate", model="mistral:7b", keep_alive=0)
        await becomes(fake, [])


async def test_a_load_is_listed_from_its_beginning_and_ends_with_its_client(tmp_path: Path) -> None:
    async with daemon(tmp_path, FAKE_OLLAMA_LOAD="30") as fake:
        load = asyncio.ensure_future(fake.post("/api/generate", model="mistral:7b"))
        await becomes(fake, ["mistral:7b"])
        load.cancel()
        await becomes(fake, [])
        assert (await fake.state())["cancelled"] == 1
