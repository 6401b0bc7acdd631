"""The real clients on the endpoints: they take comments, content and errors as those of the provider they know."""

from __future__ import annotations

import asyncio
import json
from time import monotonic

import anthropic
import openai
import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.testing.fault_scripts import EVENT_STREAM, Reset, Send, Wait, chunk, head, plain
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.endpoints import ALL, SOUND, event, stream_of
from tests.gateway.live import Live, Run
from tests.gateway.rig import KEY, cloud, local

MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "x",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}
EVENTS = (
    event("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("ping"),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"}),
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7}),
    event("message_stop"),
)
RESPONSE = {
    "id": "r", "object": "response", "created_at": 1, "model": "x", "output": [], "parallel_tool_calls": False,
    "tool_choice": "auto", "tools": [], "status": "completed",
    "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 0},
              "output_tokens_details": {"reasoning_tokens": 0}},
}  # fmt: skip
PROMPT = [{"role": "user", "content": "hi"}]
DEAD = Failure(kind=FailureKind.CRASH, message="it crashed", hint="look at the log", log_tail=("x",), until=4e9)


def claude(live: Live) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=KEY, base_url=f"http://127.0.0.1:{live.port}", max_retries=0)


def gpt(live: Live) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=KEY, base_url=f"http://127.0.0.1:{live.port}/v1", max_retries=0)


async def waiting(live: Live) -> None:
    """Until a request waits; then a second has passed for it."""
    while not any(target.waiters for target in live.plane.tables.targets.values()):
        await asyncio.sleep(0)
    live.plane.sweep(monotonic() + 1.1)


def test_anthropic_plain_and_count(live: Run) -> None:
    async def test(live: Live) -> None:
        answers = {0: plain(json.dumps(MESSAGE).encode()), 1: plain(b'{"input_tokens": 9}')}
        async with FaultUpstream(answers) as upstream, claude(live) as client:
            live.serve(cloud("m", upstream.port, capabilities=ALL, provider="anthropic"))
            message = await client.messages.create(model="m", max_tokens=5, messages=PROMPT)
            assert message.content[0].text == "Hi"
            assert message._request_id
            counted = await client.messages.count_tokens(model="m", messages=PROMPT)
            assert counted.input_tokens == 9
            fields = upstream.requests[0].headers
            assert fields["anthropic-version"]
            assert fields["x-api-key"] == "sk-cloud"
            assert "authorization" not in fields
            assert [(end.prompt_tokens, end.completion_tokens) for end in live.journal.ends] == [(5, 7), (0, 0)]

    live(test)


def test_anthropic_stream_after_a_cold_start(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream((Send(stream_of(*EVENTS)),)) as upstream, claude(live) as client:
            live.serve(local("local", capabilities=ALL))

            async def ask() -> tuple[str, anthropic.types.Message]:
                async with client.messages.stream(model="local", max_tokens=5, messages=PROMPT) as stream:
                    text = "".join([piece async for piece in stream.text_stream])
                    return text, await stream.get_final_message()

            task = asyncio.create_task(ask())
            await waiting(live)
            live.grant(upstream.port)
            text, message = await task
            assert (text, message.stop_reason, message.usage.output_tokens) == ("Hi", "end_turn", 7)
            (end,) = live.journal.ends
            assert (end.outcome, end.prompt_tokens, end.completion_tokens) == ("ok", 5, 7)

    live(test)


@pytest.mark.parametrize("beats", [False, True])
def test_anthropic_hears_why_a_load_failed(live: Run, beats: bool) -> None:
    async def test(live: Live) -> None:
        async with claude(live) as client:
            live.serve(local("local", capabilities=ALL))

            async def ask() -> None:
                stream = await client.messages.create(model="local", max_tokens=5, messages=PROMPT, stream=True)
                async for _ in stream:
                    pass

            task = asyncio.create_task(ask())
            if beats:
                await waiting(live)
            while not live.plane.tables.targets["local"].waiters:
                await asyncio.sleep(0)
            live.plane.grants.fail("local", DEAD)
            with pytest.raises(anthropic.APIStatusError) as caught:
                await task
            assert caught.value.body["error"]["type"] == "api_error"
            assert caught.value.body["error"]["reason"] == "crash"
            assert caught.value.request_id
            assert caught.value.status_code == (200 if beats else 503)

    live(test)


@pytest.mark.parametrize(("key", "model", "error"), [
    (KEY, "nobody", anthropic.NotFoundError), ("no", "local", anthropic.AuthenticationError),
])  # fmt: skip
def test_anthropic_refusals_have_its_own_classes(
    live: Run, key: str, model: str, error: type[anthropic.APIStatusError]
) -> None:
    async def test(live: Live) -> None:
        async with claude(live) as client:
            live.serve(local("local", capabilities=ALL))
            with pytest.raises(error) as caught:
                await client.with_options(api_key=key).messages.create(model=model, max_tokens=5, messages=PROMPT)
            assert caught.value.body["type"] == "error"

    live(test)


def test_anthropic_hears_of_a_broken_stream(live: Run) -> None:
    async def test(live: Live) -> None:
        broken = (Send(head(200, EVENT_STREAM) + chunk(EVENTS[0])), Wait("go"), Reset())
        async with FaultUpstream(broken) as upstream, claude(live) as client:
            live.serve(cloud("m", upstream.port, capabilities=ALL))
            stream = await client.messages.create(model="m", max_tokens=5, messages=PROMPT, stream=True)
            with pytest.raises(anthropic.APIStatusError) as caught:
                async for found in stream:
                    assert found.type == "message_start"
                    upstream.let("go")
            assert caught.value.body["error"]["code"] == "upstream_error"

    live(test)


def test_responses_stream_after_a_cold_start(live: Run) -> None:
    events = (
        event("response.created", response={**RESPONSE, "usage": None}, sequence_number=0),
        event(
            "response.output_text.delta", delta="Hi", item_id="i", output_index=0, content_index=0, sequence_number=1
        ),
        event("response.completed", response=RESPONSE, sequence_number=2),
    )

    async def test(live: Live) -> None:
        async with FaultUpstream((Send(stream_of(*events)),)) as upstream, gpt(live) as client:
            live.serve(local("local", capabilities=ALL))

            async def ask() -> list[str]:
                stream = await client.responses.create(model="local", input="hi", stream=True)
                return [found.type async for found in stream]

            task = asyncio.create_task(ask())
            await waiting(live)
            live.grant(upstream.port)
            assert await task == ["response.created", "response.output_text.delta", "response.completed"]
            (end,) = live.journal.ends
            assert (end.outcome, end.prompt_tokens, end.completion_tokens) == ("ok", 5, 7)

    live(test)


def test_responses_hears_why_a_load_failed(live: Run) -> None:
    async def test(live: Live) -> None:
        async with gpt(live) as client:
            live.serve(local("local", capabilities=ALL))

            async def ask() -> None:
                async for _ in await client.responses.create(model="local", input="hi", stream=True):
                    pass

            task = asyncio.create_task(ask())
            await waiting(live)
            live.plane.grants.fail("local", DEAD)
            with pytest.raises(openai.APIError) as caught:
                await task
            assert caught.value.body["reason"] == "crash"  # type: ignore[index]

    live(test)


def test_sound_in_and_out(live: Run) -> None:
    top = head(200, {"content-type": "audio/mpeg", "transfer-encoding": "chunked"})
    spoken = (Send(top + chunk(SOUND[:700])), Send(chunk(SOUND[700:]) + b"0\r\n\r\n"))

    async def test(live: Live) -> None:
        text = plain(b'{"text":"hello","usage":{"type":"tokens","input_tokens":5,"output_tokens":1,"total_tokens":6}}')
        async with FaultUpstream({0: text, 1: spoken}) as upstream, gpt(live) as client:
            live.serve(cloud("m", upstream.port, capabilities=ALL))
            heard = await client.audio.transcriptions.create(model="m", file=("a.wav", SOUND, "audio/wav"))
            assert heard.text == "hello"
            sent = upstream.requests[0].body
            assert b"up-m" in sent
            assert SOUND in sent
            said = await client.audio.speech.create(model="m", voice="alloy", input="hi")
            assert said.content == SOUND
            assert said.response.headers["content-type"] == "audio/mpeg"
            assert live.journal.ends[0].prompt_tokens == 5

    live(test)
