"""The HTTP side that the fakes of vLLM and SGLang share, served in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from glowplug.testing.fake_engine_http import Behaviour
from glowplug.testing.fake_openai_http import Memory, OpenAiServer, send_json

TOLD = Behaviour(
    model="m", path="/w", key="k", build="1", context=512, slots=1, tokens=4, drip=0.0, status=0, hang_after=-1,
    crash_after=-1, crash_line="",
)  # fmt: skip
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


class Server(OpenAiServer):
    def guarded(self, path: str) -> bool:
        return path.startswith("/v1")

    def entry(self) -> dict[str, Any]:
        return {"id": self.behaviour.model}

    async def special(self, method: str, path: str, query: str, writer: asyncio.StreamWriter) -> bool:
        if path == "/sleep":
            self.sleep(writer, {"did": [method, query]})
        elif path == "/wake":
            self.wake(writer, {}, whole=query != "half")
        else:
            return False
        return True


class Bench:
    def __init__(self) -> None:
        self.free = True
        self.did: list[str] = []
        self.server = Server(TOLD, Memory(lambda: self.did.append("release"), self.resume))
        self.client = httpx.AsyncClient(headers={"Authorization": "Bearer k"}, trust_env=False)

    def resume(self) -> None:
        if not self.free:
            raise MemoryError("no room")
        self.did.append("resume")

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.client.post(path, json=body)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench, tasks, writers = Bench(), list[asyncio.Task[None]](), list[asyncio.StreamWriter]()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.append(asyncio.get_running_loop().create_task(bench.server.connection(reader, writer)))

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0)
    bench.client.base_url = httpx.URL(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    async with bench.client:
        yield bench
    listening.close()
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_the_key_guards_and_a_missing_page_is_one(bench: Bench) -> None:
    for headers in ({"Authorization": "Bearer x"}, {"Authorization": ""}):
        refused = await bench.client.get("/v1/models", headers=headers)
        assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})
    assert (await bench.client.get("/v1/models")).json() == {"object": "list", "data": [{"id": "m"}]}
    gone = await bench.client.get("/else")
    assert (gone.status_code, gone.json(), gone.headers["server"]) == (404, {"detail": "Not Found"}, "uvicorn")


async def test_answers_and_streams_count_to_the_letter(bench: Bench) -> None:
    whole = (await bench.post("/v1/chat/completions", {**CHAT, "max_tokens": 2})).json()
    assert whole["choices"][0]["message"]["content"] == "token1 token2"
    assert whole["choices"][0]["finish_reason"] == "length"
    text = (await bench.post("/v1/chat/completions", {**CHAT, "stream": True})).text
    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    chunks = [json.loads(event) for event in events[:-1]]
    assert events[-1] == "[DONE]" and chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, None, "stop"]
    assert chunks[-1]["choices"][0]["delta"] == {"content": " token4"}, "its last token comes with the reason to stop"
    completion = (await bench.post("/v1/completions", {"model": "m", "prompt": "x", "max_tokens": 1})).json()
    assert completion["choices"][0]["text"] == "token1"
    assert len((await bench.post("/v1/embeddings", {"model": "m", "input": ["a", "b"]})).json()["data"]) == 2


async def test_another_model_is_refused(bench: Bench) -> None:
    refused = await bench.post("/v1/chat/completions", {**CHAT, "model": "other"})
    assert refused.status_code == 404
    assert refused.json()["error"]["type"] == "NotFoundError" and refused.json()["error"]["param"] == "model"


async def test_asleep_generations_wait(bench: Bench) -> None:
    assert (await bench.client.post("/sleep?level=1")).json() == {"did": ["POST", "level=1"]}
    waiting = asyncio.create_task(bench.post("/v1/chat/completions", CHAT))
    bench.free = False
    assert (await bench.client.post("/wake")).status_code == 500
    bench.free = True
    assert (await bench.client.post("/wake?half")).status_code == 200
    assert not waiting.done() and bench.server.answered == 0
    await bench.client.post("/wake")
    assert (await waiting).status_code == 200
    assert bench.did == ["release", "resume", "resume"]


async def test_a_kind_of_engine_has_to_say_what_is_different() -> None:
    plain = OpenAiServer(TOLD, Memory())
    plain.memory.release()
    plain.memory.resume()
    with pytest.raises(NotImplementedError):
        plain.guarded("/")
    with pytest.raises(NotImplementedError):
        plain.entry()
    assert send_json is not None
