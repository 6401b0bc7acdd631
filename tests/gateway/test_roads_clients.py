"""The real clients on targets of the other wire: a worker's plane between Anthropic's SDK and chat completions, and
between OpenAI's SDK and Anthropic's wire."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest

from glowplug.domain.model import Capability
from glowplug.testing.anthropic_replies import Behaviour
from glowplug.testing.fake_anthropic import FakeAnthropic
from glowplug.testing.fake_provider import FakeProvider
from glowplug.testing.fault_scripts import EVENT_STREAM, Close, Send, Slices, chunk, head
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.rig import cloud
from tests.gateway.test_kinds_clients import claude, gpt
from tests.translate.test_chat_answers import COUNTS, DONE, ROLE, call
from tests.translate.test_chat_answers import chunk as said

HI: Any = [{"role": "user", "content": "hi there"}]
WEATHER: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
CLOCK: Any = {"name": "clock", "input_schema": {"type": "object", "properties": {}}}
FUNCTIONS: Any = [
    {"type": "function", "function": {"name": tool["name"], "parameters": tool["input_schema"]}}
    for tool in (WEATHER, CLOCK)
]


def chat_only(live: Live, port: int) -> None:
    live.serve(cloud("m", port, capabilities=(Capability.CHAT,)))


def messages_only(live: Live, provider: FakeAnthropic) -> None:
    provider.change(models=("up-m",), api_key="sk-cloud")
    live.serve(cloud("m", provider.port, capabilities=(Capability.MESSAGES,)))


def streamed(*parts: bytes) -> bytes:
    return head(200, EVENT_STREAM) + b"".join([chunk(part) for part in parts]) + b"0\r\n\r\n"


def test_anthropics_sdk_reads_streamed_tool_calls_of_chat_completions(live: Run) -> None:
    answer = streamed(
        ROLE, said({"reasoning_content": "hm"}), said({"content": "I look."}), said(call(0, "", "call_0", "weather")),
        said(call(0, '{"city": "K')), said(call(0, 'öln"}')), said(call(1, "", "call_1", "clock")),
        said(call(1, "{}")), said(reason="tool_calls"), COUNTS, DONE,
    )  # fmt: skip

    async def test(live: Live) -> None:
        async with FaultUpstream((Slices(answer, 7),)) as upstream, claude(live) as client:
            chat_only(live, upstream.port)
            async with client.messages.stream(
                model="m", max_tokens=50, messages=HI, tools=[WEATHER, CLOCK], system="be kind"
            ) as stream:
                message = await stream.get_final_message()
            assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
            assert message.content[2].input == {"city": "Köln"}
            assert message.content[3].input == {}
            assert (message.stop_reason, message.model) == ("tool_use", "m")
            assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (4, 6)
            sent = json.loads(upstream.requests[0].body)
            assert upstream.requests[0].target == "/v1/chat/completions"
            assert [tool["function"]["name"] for tool in sent["tools"]] == ["weather", "clock"]
            assert (sent["model"], sent["messages"][0]["role"]) == ("up-m", "system")
            (end,) = live.journal.ends
            assert (end.outcome, end.prompt_tokens, end.cached_tokens, end.completion_tokens) == ("ok", 10, 6, 4)

    live(test)


def test_anthropics_sdk_uses_a_tool_of_a_chat_provider(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FakeProvider(api_key="sk-cloud", models=("up-m",)) as provider, claude(live) as client:
            chat_only(live, provider.port)
            first = await client.messages.create(model="m", max_tokens=50, messages=HI, tools=[WEATHER])
            assert first.stop_reason == "tool_use"
            use = first.content[0]
            result = {"type": "tool_result", "tool_use_id": use.id, "content": "rain"}
            asked = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
            second = await client.messages.create(model="m", max_tokens=50, messages=asked, tools=[WEATHER])
            assert second.content[0].text == provider.behaviour.reply
            assert second.stop_reason == "end_turn"
            assert second.usage.output_tokens > 0

    live(test)


@pytest.mark.parametrize(("status", "error"), [
    (400, anthropic.BadRequestError), (404, anthropic.NotFoundError), (429, anthropic.RateLimitError),
])  # fmt: skip
def test_anthropics_sdk_hears_a_chat_providers_errors_in_its_words(
    live: Run, status: int, error: type[anthropic.APIStatusError]
) -> None:
    async def test(live: Live) -> None:
        async with FakeProvider(api_key="sk-cloud", models=("up-m",)) as provider, claude(live) as client:
            provider.change(status=status)
            chat_only(live, provider.port)
            with pytest.raises(error) as caught:
                await client.messages.create(model="m", max_tokens=50, messages=HI)
            assert caught.value.body["type"] == "error"
            assert "told to answer" in caught.value.body["error"]["message"]

    live(test)


def test_anthropics_sdk_hears_that_a_chat_stream_broke(live: Run) -> None:
    async def test(live: Live) -> None:
        broken = (Send(head(200, EVENT_STREAM) + chunk(ROLE) + chunk(said({"content": "a"}))), Close())
        async with FaultUpstream(broken) as upstream, claude(live) as client:
            chat_only(live, upstream.port)
            stream = await client.messages.create(model="m", max_tokens=5, messages=HI, stream=True)
            kinds = []
            with pytest.raises(anthropic.APIStatusError) as caught:
                async for event in stream:
                    kinds.append(event.type)  # noqa: PERF401
            assert caught.value.body["error"]["code"] == "upstream_error"
            assert "message_stop" not in kinds
            assert [end.outcome for end in live.journal.ends] == ["upstream_error"]

    live(test)


def test_openais_sdk_reads_streamed_tool_calls_of_anthropics_wire(live: Run) -> None:
    async def test(live: Live) -> None:
        behaviour = Behaviour(calls=2, cached=6)
        async with FakeAnthropic(behaviour=behaviour) as provider, gpt(live) as client:
            messages_only(live, provider)
            stream = await client.chat.completions.create(
                model="m", messages=[{"role": "system", "content": "be kind"}, *HI], tools=FUNCTIONS, stream=True,
                stream_options={"include_usage": True}, temperature=2, reasoning_effort="low",
            )  # fmt: skip
            found: dict[int, list[str]] = {}
            reasons, thoughts, usage = [], "", None
            async for event in stream:
                usage = event.usage or usage
                for choice in event.choices:
                    reasons.append(choice.finish_reason)
                    thoughts += getattr(choice.delta, "reasoning_content", None) or ""
                    for piece in choice.delta.tool_calls or ():
                        function = piece.function
                        held = found.setdefault(piece.index, [piece.id, function.name, ""])
                        held[2] += function.arguments
            assert found == {n: [f"toolu_{n}", name, '{"city": "Köln"}'] for n, name in enumerate(["weather", "clock"])}
            assert (set(reasons[:-1]), reasons[-1], thoughts) == ({None}, "tool_calls", "Let me see.")
            assert usage.prompt_tokens_details.cached_tokens == 6
            sent = provider.requests[0]
            assert sent.headers["anthropic-version"] == "2023-06-01"
            assert (sent.headers["x-api-key"], sent.json["system"]) == ("sk-cloud", "be kind")
            (end,) = live.journal.ends
            assert (end.outcome, end.path, end.cached_tokens) == ("ok", "chat", 6)
            assert (usage.prompt_tokens, usage.completion_tokens) == (end.prompt_tokens, end.completion_tokens)

    live(test)


def test_openais_sdk_uses_a_tool_of_anthropics_wire(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FakeAnthropic() as provider, gpt(live) as client:
            messages_only(live, provider)
            first = await client.chat.completions.create(model="m", messages=HI, tools=FUNCTIONS)
            (choice,) = first.choices
            assert choice.finish_reason == "tool_calls"
            (made,) = choice.message.tool_calls
            assert json.loads(made.function.arguments) == {"city": "Köln"}
            asked = [*HI, choice.message.model_dump(), {"role": "tool", "tool_call_id": made.id, "content": "rain"}]
            second = await client.chat.completions.create(model="m", messages=asked, tools=FUNCTIONS)
            assert second.choices[0].message.content == provider.behaviour.reply
            assert second.usage.total_tokens == second.usage.prompt_tokens + second.usage.completion_tokens

    live(test)


@pytest.mark.parametrize(("status", "error"), [
    (429, openai.RateLimitError), (529, openai.InternalServerError), (400, openai.BadRequestError),
])  # fmt: skip
def test_openais_sdk_hears_anthropics_errors_in_its_words(
    live: Run, status: int, error: type[openai.APIStatusError]
) -> None:
    async def test(live: Live) -> None:
        async with FakeAnthropic(behaviour=Behaviour(status=status)) as provider, gpt(live) as client:
            messages_only(live, provider)
            with pytest.raises(error) as caught:
                await client.chat.completions.create(model="m", messages=HI)
            assert caught.value.status_code == status
            assert "told to answer" in caught.value.body["message"]  # type: ignore[index]

    live(test)


@pytest.mark.parametrize("breaks", ["error", "cut"])
def test_openais_sdk_hears_that_anthropics_stream_broke(live: Run, breaks: str) -> None:
    async def test(live: Live) -> None:
        async with FakeAnthropic(behaviour=Behaviour(breaks=breaks)) as provider, gpt(live) as client:
            messages_only(live, provider)
            reasons = []
            with pytest.raises(openai.APIError):
                async for event in await client.chat.completions.create(model="m", messages=HI, stream=True):
                    reasons += [choice.finish_reason for choice in event.choices]
            assert set(reasons) == {None}
            assert [end.outcome for end in live.journal.ends] == ["upstream_error"]

    live(test)


def test_several_answers_are_refused_unsent(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FakeAnthropic() as provider, gpt(live) as client:
            messages_only(live, provider)
            with pytest.raises(openai.BadRequestError, match="`n` must be 1"):
                await client.chat.completions.create(model="m", messages=HI, n=2)
            assert not provider.requests
            assert not live.journal.records

    live(test)
