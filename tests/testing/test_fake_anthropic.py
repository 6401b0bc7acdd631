"""The stand-in for Anthropic against Anthropic's own SDK."""

from __future__ import annotations

import anthropic
import pytest

from glowplug.testing.anthropic_replies import Behaviour
from glowplug.testing.fake_anthropic import FakeAnthropic

TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
HI = [{"role": "user", "content": "hi there"}]


def client(provider: FakeAnthropic, key: str = "sk-ant") -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=key, base_url=f"http://127.0.0.1:{provider.port}", max_retries=0)


async def test_plain_streamed_and_counted() -> None:
    async with FakeAnthropic(api_key="sk-ant") as provider, client(provider) as sdk:
        asked = {"model": "claude-stand-in", "max_tokens": 99, "messages": HI}
        plain = await sdk.messages.create(**asked)
        assert plain.content[0].text == provider.behaviour.reply
        async with sdk.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
        assert (streamed.content[0].text, streamed.usage) == (plain.content[0].text, plain.usage)
        assert (await sdk.messages.count_tokens(model="claude-stand-in", messages=HI)).input_tokens == 3
        assert len(provider.requests) == 3


async def test_tools_and_thinking() -> None:
    behaviour = Behaviour(calls=2)
    async with FakeAnthropic(behaviour=behaviour) as provider, client(provider) as sdk:
        async with sdk.messages.stream(
            model="claude-stand-in", max_tokens=9999, messages=HI, tools=[TOOL],
            thinking={"type": "enabled", "budget_tokens": 1024},
        ) as stream:  # fmt: skip
            message = await stream.get_final_message()
        assert [block.type for block in message.content] == ["thinking", "tool_use", "tool_use"]
        assert message.content[1].input == {"city": "Köln"}
        assert message.stop_reason == "tool_use"


@pytest.mark.parametrize(("status", "error"), [
    (429, anthropic.RateLimitError), (529, anthropic.APIStatusError), (500, anthropic.InternalServerError),
])  # fmt: skip
async def test_errors(status: int, error: type[anthropic.APIStatusError]) -> None:
    async with FakeAnthropic(behaviour=Behaviour(status=status)) as provider, client(provider) as sdk:
        with pytest.raises(error) as caught:
            await sdk.messages.create(model="claude-stand-in", max_tokens=9, messages=HI)
        assert caught.value.status_code == status
        provider.change(status=0, breaks="error")
        with pytest.raises(anthropic.APIStatusError):
            async for _ in await sdk.messages.create(model="claude-stand-in", max_tokens=9, messages=HI, stream=True):
                pass


async def test_a_cut_stream_has_no_end() -> None:
    async with FakeAnthropic(behaviour=Behaviour(breaks="cut")) as provider, client(provider) as sdk:
        kinds = []
        stream = await sdk.messages.create(model="claude-stand-in", max_tokens=9, messages=HI, stream=True)
        with pytest.raises(Exception, match=r"incomplete|peer closed|[Cc]onnection"):
            async for event in stream:
                kinds.append(event.type)  # noqa: PERF401
        assert kinds[-1] == "content_block_delta"
