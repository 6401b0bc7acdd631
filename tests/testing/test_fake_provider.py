"""The fake provider against the real OpenAI SDK, and byte by byte where the SDK cannot look."""

from __future__ import annotations

import asyncio
import json
import math
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import openai
import pytest
import uvloop

import glowplug
from glowplug.testing.fake_provider import REPLY, Behaviour, FakeProvider
from glowplug.testing.received import Received

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}},
]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(glowplug.__file__).parents[1])}
HELLO = [{"role": "user", "content": "hello there you"}]


def client(provider: FakeProvider, key: str = "sk-cloud") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=provider.base_url, api_key=key, max_retries=0)


async def test_chat_answers_with_the_reply_and_usage_that_adds_up() -> None:
    async with FakeProvider(api_key="sk-cloud") as provider, client(provider) as sdk:
        answer = await sdk.chat.completions.create(model="stand-in", messages=HELLO)
        assert answer.choices[0].message.content == REPLY
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage is not None
        assert answer.usage.prompt_tokens == 3
        assert answer.usage.completion_tokens == len(REPLY.split())
        assert answer.usage.total_tokens == 3 + len(REPLY.split())
        seen = provider.requests[0]
        assert (seen.method, seen.path, seen.model) == ("POST", "/v1/chat/completions", "stand-in")
        assert seen.headers["authorization"] == "Bearer sk-cloud"
        assert seen.json["messages"] == HELLO


async def test_a_stream_reports_usage_only_when_asked() -> None:
    async with FakeProvider() as provider, client(provider) as sdk:
        plain = [e async for e in await sdk.chat.completions.create(model="stand-in", messages=HELLO, stream=True)]
        asked = [
            e
            async for e in await sdk.chat.completions.create(
                model="stand-in", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        ]
        assert "".join(e.choices[0].delta.content or "" for e in plain) == REPLY
        assert all("usage" not in e.model_fields_set for e in plain)
        assert len(asked) == len(plain) + 1
        assert asked[-1].choices == []
        assert asked[-1].usage is not None
        assert asked[-1].usage.completion_tokens == len(REPLY.split())
        assert all(e.choices and "usage" in e.model_fields_set and e.usage is None for e in asked[:-1])
        assert plain[-1].choices[0].finish_reason == "stop"


async def test_no_usage_means_none_even_when_asked() -> None:
    async with FakeProvider(behaviour=Behaviour(usage=False)) as provider, client(provider) as sdk:
        stream = await sdk.chat.completions.create(
            model="stand-in", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        assert all(e.usage is None and e.choices for e in [e async for e in stream])
        assert (await sdk.chat.completions.create(model="stand-in", messages=HELLO)).usage is None


async def test_the_last_line_of_a_stream_is_done() -> None:
    async with FakeProvider() as provider, httpx.AsyncClient() as http:
        body = {"model": "stand-in", "messages": HELLO, "stream": True}
        text = (await http.post(provider.base_url + "/chat/completions", json=body)).text
    blocks = text.split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    assert all(b.startswith("data: {") for b in blocks[:-2])


@pytest.mark.parametrize(
    ("choice", "called", "finish"),
    [
        (None, "get_weather", "tool_calls"),
        ("auto", "get_weather", "tool_calls"),
        ("required", "get_weather", "tool_calls"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time", "stop"),
        ("none", "", "stop"),
    ],
)
async def test_tool_choice_is_honoured_plain_and_streamed(choice: object, called: str, finish: str) -> None:
    extra = {} if choice is None else {"tool_choice": choice}
    async with FakeProvider() as provider, client(provider) as sdk:
        plain = await sdk.chat.completions.create(model="stand-in", messages=HELLO, tools=TOOLS, **extra)
        stream = await sdk.chat.completions.create(model="stand-in", messages=HELLO, tools=TOOLS, stream=True, **extra)
        deltas = [e.choices[0] async for e in stream]
    calls = plain.choices[0].message.tool_calls or []
    assert [(c.function.name, c.function.arguments) for c in calls] == ([(called, "{}")] if called else [])
    assert plain.choices[0].finish_reason == finish
    parts = [c for d in deltas for c in d.delta.tool_calls or []]
    assert "".join(p.function.name or "" for p in parts) == called
    assert "".join(p.function.arguments or "" for p in parts) == ("{}" if called else "")
    assert deltas[-1].finish_reason == finish


async def test_a_tool_result_is_answered_with_words() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [{"id": "call_standin0", "type": "function",
                                              "function": {"name": "get_weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_standin0", "content": "rain"},
    ]  # fmt: skip
    async with FakeProvider() as provider, client(provider) as sdk:
        answer = await sdk.chat.completions.create(model="stand-in", messages=messages, tools=TOOLS)
    assert answer.choices[0].message.content == REPLY


async def test_max_tokens_cuts_and_says_length() -> None:
    async with FakeProvider() as provider, client(provider) as sdk:
        answer = await sdk.chat.completions.create(model="stand-in", messages=HELLO, max_tokens=2)
    assert answer.choices[0].message.content == " ".join(REPLY.split()[:2])
    assert answer.choices[0].finish_reason == "length"


async def test_completions_plain_batched_and_streamed() -> None:
    async with FakeProvider() as provider, client(provider) as sdk:
        batch = await sdk.completions.create(model="stand-in", prompt=["a b", "c"])
        assert [c.text for c in batch.choices] == [REPLY, REPLY]
        assert batch.usage is not None
        assert batch.usage.prompt_tokens == 3
        stream = await sdk.completions.create(
            model="stand-in", prompt="a", stream=True, stream_options={"include_usage": True}
        )
        events = [e async for e in stream]
    assert "".join(e.choices[0].text for e in events[:-1]) == REPLY
    assert events[-1].choices == []


async def test_embeddings_are_unit_vectors_and_the_same_in_both_encodings() -> None:
    async with FakeProvider() as provider, client(provider) as sdk:
        coded = await sdk.embeddings.create(model="stand-in", input=["one", "two", "one"])
        plain = await sdk.embeddings.create(model="stand-in", input="one", encoding_format="float")
        short = await sdk.embeddings.create(model="stand-in", input=[1, 2, 3], dimensions=8)
    assert json.loads(provider.requests[0].body)["encoding_format"] == "base64"
    one, two, again = (d.embedding for d in coded.data)
    assert one == again != two
    assert math.isclose(sum(v * v for v in one), 1.0, rel_tol=1e-5)
    assert one == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert len(one) == 256
    assert len(short.data) == 1
    assert len(short.data[0].embedding) == 8
    assert short.usage.prompt_tokens == 3


async def test_models_are_listed_and_found() -> None:
    async with FakeProvider(models=("a", "b")) as provider, client(provider) as sdk:
        assert [m.id async for m in sdk.models.list()] == ["a", "b"]
        assert (await sdk.models.retrieve("b")).id == "b"
        with pytest.raises(openai.NotFoundError):
            await sdk.models.retrieve("c")


@pytest.mark.parametrize(
    ("method", "path", "key", "body", "status", "code"),
    [
        ("POST", "/chat/completions", "", {"model": "stand-in", "messages": HELLO}, 401, None),
        ("POST", "/chat/completions", "sk-wrong", {"model": "stand-in", "messages": HELLO}, 401, "invalid_api_key"),
        ("GET", "/models", "sk-wrong", None, 401, "invalid_api_key"),
        ("POST", "/chat/completions", "sk-cloud", {"model": "other", "messages": HELLO}, 404, "model_not_found"),
        ("POST", "/chat/completions", "sk-cloud", {"messages": HELLO}, 400, None),
        ("POST", "/chat/completions", "sk-cloud", {"model": "stand-in"}, 400, "missing_required_parameter"),
        ("POST", "/chat/completions", "sk-cloud", ["no object"], 400, None),
        ("POST", "/chat/completions", "sk-cloud",
         {"model": "stand-in", "messages": HELLO, "stream_options": {"include_usage": True}}, 400, None),
        ("POST", "/embeddings", "sk-cloud", {"model": "stand-in"}, 400, None),
        ("POST", "/embeddings", "sk-cloud", {"model": "stand-in", "input": "x", "dimensions": -1}, 400, None),
        ("POST", "/audio/speech", "sk-cloud", {}, 404, None),
        ("GET", "/chat/completions", "sk-cloud", None, 405, "method_not_supported"),
        ("DELETE", "/models", "sk-cloud", None, 405, "method_not_supported"),
    ],
)  # fmt: skip
async def test_refusals_have_the_shape_of_openai(
    method: str, path: str, key: str, body: object, status: int, code: str | None
) -> None:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with FakeProvider(api_key="sk-cloud") as provider, httpx.AsyncClient() as http:
        answer = await http.request(method, provider.base_url + path, json=body, headers=headers)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert "sk-wrong" not in error["message"]


async def test_fail_first_then_answers() -> None:
    async with FakeProvider(behaviour=Behaviour(status=429, fail_first=2)) as provider, client(provider) as sdk:
        for _ in range(2):
            with pytest.raises(openai.RateLimitError) as caught:
                await sdk.chat.completions.create(model="stand-in", messages=HELLO)
            assert caught.value.response.headers["retry-after"] == "1"
        assert (await sdk.chat.completions.create(model="stand-in", messages=HELLO)).choices
        provider.change(status=500, fail_first=0)
        with pytest.raises(openai.InternalServerError):
            await sdk.chat.completions.create(model="stand-in", messages=HELLO)


async def test_a_client_that_leaves_mid_stream_is_counted() -> None:
    released = asyncio.Event()

    async def pace(index: int) -> None:
        if index == 3:
            await released.wait()

    async with FakeProvider(pace=pace) as provider, client(provider) as sdk:
        stream = await sdk.chat.completions.create(model="stand-in", messages=HELLO, stream=True)
        async for _ in stream:
            break
        await provider.arrived(1)
        assert provider.disconnected == 0
        await stream.close()
        await provider.left(1)
        assert provider.disconnected == 1
        released.set()
        await sdk.chat.completions.create(model="stand-in", messages=HELLO)
    assert provider.disconnected == 1  # leaving after the answer is not leaving midway


async def test_delay_is_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    behaviour = Behaviour(delay=7.0, event_gap=0.5, reply="a b")
    async with FakeProvider(behaviour=behaviour) as provider, httpx.AsyncClient() as http:
        monkeypatch.setattr("glowplug.testing.fake_provider.asyncio.sleep", sleep)
        body = {"model": "stand-in", "messages": HELLO, "stream": True}
        await http.post(provider.base_url + "/chat/completions", json=body)
        monkeypatch.undo()
    assert [s for s in slept if s] == [7.0, 0.5, 0.5, 0.5, 0.5, 0.5]  # role, two words, finish, [DONE]


def _post(path: str, body: object, *extra: str, version: str = "1.1") -> bytes:
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/{version}", "host: x", f"content-length: {len(data)}", *extra]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


async def _exchange(provider: FakeProvider, send: Callable[[asyncio.StreamWriter], None]) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
    send(writer)
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    return data


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with FakeProvider(behaviour=Behaviour(reply="x", models=("a", "b"))) as provider:
        first = _post("/v1/completions", {"model": "b", "prompt": "1"})
        second = _post("/v1/completions", {"model": "a", "prompt": "1"}, "connection: close")
        data = await _exchange(provider, lambda w: w.write(first + second))
    assert data.count(b"HTTP/1.1 200 OK") == 2
    assert data.index(b'"model":"b"') < data.index(b'"model":"a"')
    assert [r.connection for r in provider.requests] == [0, 0]


async def test_a_body_byte_by_byte_after_a_hundred_continue() -> None:
    raw = _post("/v1/completions", {"model": "stand-in", "prompt": "1"}, "expect: 100-continue", "connection: close")
    head, body = raw.split(b"\r\n\r\n")

    async with FakeProvider() as provider:
        reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()


async def test_an_http_1_0_stream_ends_with_the_connection() -> None:
    body = {"model": "stand-in", "prompt": "1", "stream": True}
    async with FakeProvider() as provider:
        data = await _exchange(provider, lambda w: w.write(_post("/v1/completions", body, version="1.0")))
    head, _, rest = data.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert rest.endswith(b"data: [DONE]\n\n")
    assert provider.disconnected == 0


async def test_nonsense_is_refused() -> None:
    async with FakeProvider() as provider:
        data = await _exchange(provider, lambda w: w.write(b"NONSENSE\r\n\r\n"))
    assert data.startswith(b"HTTP/1.1 400 Bad Request")
    assert provider.requests == []


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "glowplug.testing.fake_provider", "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


def test_the_command_says_where_it_listens_and_ends_at_once_on_sigterm() -> None:
    with _start("--api-key", "K", "--model", "m", "--reply", "good day", "--delay", "0.001") as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["pid"] == process.pid
            with openai.OpenAI(base_url=ready["base_url"], api_key="K") as sdk:
                assert ready["base_url"] == f"http://127.0.0.1:{ready['port']}/v1"
                answer = sdk.chat.completions.create(model="m", messages=HELLO)
                assert answer.choices[0].message.content == "good day"
                process.send_signal(signal.SIGTERM)  # with a connection still open
                assert process.wait(timeout=5) == 0
        finally:
            process.kill()


def test_it_ends_when_its_parent_is_gone() -> None:
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'glowplug.testing.fake_provider', '--with-parent'],"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(p.stdout.readline(), end='', flush=True)\n"
    )
    # The parent leaves as soon as the child listens; the child's end closes the pipe that it inherited.
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]
        assert parent.wait(timeout=5) == 0
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # gone already
    try:
        assert select.select([handle], [], [], 5)[0], "the provider outlived its parent"
    finally:
        os.close(handle)


def test_a_taken_port_is_said_in_one_line() -> None:
    with _start() as first:
        try:
            assert first.stdout is not None
            port = json.loads(first.stdout.readline())["port"]
            command = [sys.executable, "-m", "glowplug.testing.fake_provider", "--port", str(port)]
            second = subprocess.run(command, capture_output=True, text=True, timeout=20, env=ENVIRONMENT)
        finally:
            first.kill()
    assert second.returncode == 1
    assert second.stderr.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert len(second.stderr.splitlines()) == 1


def test_it_runs_on_uvloop_too() -> None:
    async def main() -> int:
        async with FakeProvider() as provider, httpx.AsyncClient() as http:
            return (await http.get(provider.base_url + "/models")).status_code

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == 200


async def test_what_was_answered_is_told_with_whether_it_was_taken() -> None:
    told: list[tuple[str, bool]] = []
    third = asyncio.Event()

    async def hold(index: int) -> None:
        if index == 2:
            third.set()
            await asyncio.Event().wait()

    def answered(request: Received, whole: bool) -> None:
        told.append((request.json["messages"][0]["content"], whole))

    async with FakeProvider(answered=answered) as provider:
        async with httpx.AsyncClient(base_url=provider.base_url) as http:
            for model, text in (("stand-in", "one"), ("nobody", "refused")):
                body = {"model": model, "messages": [{"role": "user", "content": text}]}
                await http.post("/chat/completions", json=body)
            await http.get("/models")
            provider.pace = hold
            body = {"model": "stand-in", "stream": True, "messages": [{"role": "user", "content": "left"}]}
            async with http.stream("POST", "/chat/completions", json=body):
                await third.wait()
        await provider.left(1)
        assert told == [("one", True), ("left", False)]
