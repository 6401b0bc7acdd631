"""What Glowplug relies on in Ollama, asked of the fake always, and of a real daemon with

    OLLAMA_HOST=127.0.0.1:11434 OLLAMA_TEST_MODEL=qwen3:0.6b pytest -m engines tests/engines/test_ollama_contract.py

The model must be pulled; it is loaded and unloaded.  Without OLLAMA_TEST_MODEL the smallest one in the library is used.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from glowplug.domain.model import LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.ollama import Ollama, address
from glowplug.lifecycle.daemon_api import DaemonApi, DaemonError
from glowplug.translate import chat_to_ollama as translate
from glowplug.translate.ollama_answer import Answering, AnswerStream, whole_answer
from glowplug.wire import ollama
from tests.support.ollama import daemon

REAL = os.environ.get("OLLAMA_HOST", "")
TO = Answering("r", "m", 0, include_usage=True)


@dataclass
class Subject:
    """A daemon, and a model it has."""

    api: DaemonApi
    model: LocalModel

    async def post(self, path: str, body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self.api.name}", trust_env=False, timeout=300) as client:
            return await client.post(path, content=body, headers={"content-type": "application/json"})

    async def health(self) -> Readiness:
        async with httpx.AsyncClient(base_url=f"http://{self.api.name}", trust_env=False) as client:
            answer = await client.get(ollama.RUNNING)
        return Ollama().read_health(answer.status_code, answer.content, self.model)

    async def load(self, num_ctx: int = 4096) -> None:
        await self.api.load(self.model.id, {"num_ctx": num_ctx}, embeddings=False)

    def chat(self, **more: Any) -> bytes:
        messages = [{"role": "user", "content": "Say yes."}]
        body = {"model": self.model.id, "messages": messages, "max_tokens": 5, "seed": 1, **more}
        return translate.chat_call(json.dumps(body).encode(), {"num_ctx": 4096})


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engines)])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    if request.param == "fake":
        async with daemon(tmp_path) as fake:
            yield _subject(f"127.0.0.1:{fake.port}", "mistral:7b")
        return
    if not REAL:
        pytest.skip("OLLAMA_HOST names no daemon")
    id = os.environ.get("OLLAMA_TEST_MODEL") or await _smallest(REAL)
    made = _subject(REAL, id)
    yield made
    await made.api.unload(id)


def _subject(host: str, id: str) -> Subject:
    model = LocalModel(name="m", engine="ollama", id=id, env={"OLLAMA_HOST": host})
    return Subject(DaemonApi(*address(model)), model)


async def _smallest(host: str) -> str:
    async with httpx.AsyncClient(base_url=f"http://{host}", trust_env=False) as client:
        models = (await client.get("/api/tags")).json()["models"]
    return str(min(models, key=lambda entry: entry["size"])["name"])


async def eventually(true: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


async def test_it_says_its_version(subject: Subject) -> None:
    assert await subject.api.version()


async def test_loaded_for_ever_it_is_listed_until_it_is_unloaded(subject: Subject) -> None:
    await subject.load()
    entry = (await subject.api.running()).find(subject.model.id)
    assert entry is not None and entry.size > 0 and entry.context_length in (0, 4096)
    assert await subject.health() is Readiness.READY
    await subject.api.unload(subject.model.id)

    async def gone() -> bool:
        return (await subject.api.running()).find(subject.model.id) is None

    await eventually(gone)
    assert await subject.health() is Readiness.LOADING


async def test_the_translated_calls_leave_the_loaded_runner_alone(subject: Subject) -> None:
    await subject.load()
    before = (await subject.api.running()).find(subject.model.id)
    for stream in (False, True):
        answer = await subject.post(ollama.CHAT, subject.chat(stream=stream))
        assert answer.status_code == 200
        assert "load_duration" not in answer.text or _load_seconds(answer.text) < 1
    assert (await subject.api.running()).find(subject.model.id) == before


def _load_seconds(text: str) -> float:
    return float(json.loads(text.splitlines()[-1]).get("load_duration", 0)) / 1e9


async def test_a_stream_becomes_events_with_usage_and_an_end(subject: Subject) -> None:
    answer = await subject.post(ollama.CHAT, subject.chat(stream=True))
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    stream = AnswerStream(TO)
    out = stream.feed(answer.content) + stream.end()
    assert stream.done and not stream.broken and out.endswith(b"data: [DONE]\n\n")
    assert (
        stream.usage is not None and stream.usage.prompt_tokens > 0 and 0 < (stream.usage.completion_tokens or 0) <= 5
    )


async def test_a_whole_answer_becomes_a_completion(subject: Subject) -> None:
    answer = await subject.post(ollama.CHAT, subject.chat())
    made = json.loads(whole_answer(answer.content, TO))
    assert made["choices"][0]["finish_reason"] in ("length", "stop") and made["usage"]["total_tokens"] > 0


async def test_a_prompt_is_continued(subject: Subject) -> None:
    body = json.dumps({"model": subject.model.id, "prompt": "One, two,", "max_tokens": 3}).encode()
    answer = await subject.post(ollama.GENERATE, translate.completion_call(body, {"num_ctx": 4096}))
    assert (
        json.loads(whole_answer(answer.content, Answering("r", "m", 0, chat=False)))["usage"]["completion_tokens"] <= 3
    )


async def test_what_it_does_not_have_is_a_404_that_names_it(subject: Subject) -> None:
    with pytest.raises(DaemonError) as missing:
        await subject.api.load("no-such-model:1b", {"num_ctx": 4096}, embeddings=False)
    assert missing.value.status == 404
    failure = Ollama().classify(None, [f"glowplug: loading m failed: {missing.value}"])
    assert failure.hint == "ollama pull no-such-model:1b"


async def test_it_tells_where_the_weights_are(subject: Subject) -> None:
    assert (await subject.api.show(subject.model.id)).weights.startswith("/")


async def test_another_context_is_a_reload(subject: Subject) -> None:
    await subject.load(4096)
    await subject.load(2048)
    entry = (await subject.api.running()).find(subject.model.id)
    assert entry is not None and entry.context_length in (0, 2048)
