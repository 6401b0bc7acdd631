"""The SDKs of OpenAI and Anthropic through a real Glowplug: before llama.cpp itself, and before a provider that breaks.

The tiny model talks nonsense, so what is judged is the shape of answers, the counts, that streams end, and that errors
are the SDK's own classes.  Of the broken provider: a fault before the first word is not seen, one after it is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from glowplug.testing.fault_dialects import COMPLETION, DIALECTS, PROMPT, TEXT
from glowplug.testing.fault_scripts import Reset, Steps, pieces_of, plain, refusing, reset_after
from glowplug.testing.received import Received
from tests.e2e.conftest import Install
from tests.e2e.faulty import Faulty, faulty
from tests.e2e.installation import Installation

LOCAL = "chat-demo-llamacpp"
HI: Any = [{"role": "user", "content": "Who are you?"}]
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
FLAT_TOOL: Any = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
CLAUDE_TOOL: Any = {"name": "weather", "input_schema": SCHEMA}


def gpt(installation: Installation, **more: Any) -> openai.OpenAI:
    key = more.pop("key", installation.key)
    more = {"max_retries": 0, "timeout": 30, **more}
    return openai.OpenAI(base_url=f"{installation.base_url}/v1", api_key=key, **more)


def claude(installation: Installation, **more: Any) -> anthropic.Anthropic:
    key = more.pop("key", installation.key)
    more = {"max_retries": 0, "timeout": 30, **more}
    return anthropic.Anthropic(base_url=installation.base_url, api_key=key, **more)


# ---- before llama.cpp


@pytest.fixture(scope="module")
def demo(install_shared: Install) -> Installation:
    pytest.importorskip("xllamacpp")
    installation = install_shared()
    installation.start("demo", "--json", "--port", "0")
    return installation


@pytest.mark.parametrize("tools", [False, True], ids=["bare", "tools"])
def test_local_chat(demo: Installation, tools: bool) -> None:
    more: Any = {"tools": [TOOL]} if tools else {}
    with gpt(demo) as client:
        whole = client.chat.completions.create(model=LOCAL, messages=HI, max_tokens=12, **more)
        (choice,) = whole.choices
        assert choice.message.role == "assistant"
        assert choice.message.content or choice.message.tool_calls
        assert choice.finish_reason in ("stop", "length", "tool_calls")
        assert whole.usage is not None
        assert whole.usage.prompt_tokens > 0 and 0 < whole.usage.completion_tokens <= 12
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        chunks = list(
            client.chat.completions.create(
                model=LOCAL, messages=HI, max_tokens=12, stream=True, stream_options={"include_usage": True}, **more
            )
        )
        *said, last = chunks
        assert said[-1].choices[0].finish_reason in ("stop", "length", "tool_calls")
        assert last.choices == [] and last.usage is not None
        assert last.usage.prompt_tokens == whole.usage.prompt_tokens
        assert 0 < last.usage.completion_tokens <= 12


@pytest.mark.parametrize("tools", [False, True], ids=["bare", "tools"])
def test_local_responses(demo: Installation, tools: bool) -> None:
    more: Any = {"tools": [FLAT_TOOL]} if tools else {}
    with gpt(demo) as client:
        whole = client.responses.create(model=LOCAL, input="Who are you?", max_output_tokens=12, **more)
        assert whole.status in ("completed", "incomplete")
        assert whole.output and whole.usage is not None
        assert whole.usage.input_tokens > 0 and 0 < whole.usage.output_tokens <= 12
        events = list(
            client.responses.create(model=LOCAL, input="Who are you?", max_output_tokens=12, stream=True, **more)
        )
        kinds = [event.type for event in events]
        assert kinds[0] == "response.created"
        assert kinds[-1] in ("response.completed", "response.incomplete")
        final: Any = events[-1]
        assert final.response.usage.output_tokens > 0
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert deltas == final.response.output_text


@pytest.mark.parametrize("tools", [False, True], ids=["bare", "tools"])
def test_local_messages(demo: Installation, tools: bool) -> None:
    more: Any = {"tools": [CLAUDE_TOOL]} if tools else {}
    with claude(demo) as client:
        whole = client.messages.create(model=LOCAL, messages=HI, max_tokens=12, **more)
        assert (whole.type, whole.role) == ("message", "assistant")
        assert whole.content and whole.stop_reason in ("end_turn", "max_tokens", "tool_use")
        assert whole.usage.input_tokens > 0 and 0 < whole.usage.output_tokens <= 12
        with client.messages.stream(model=LOCAL, messages=HI, max_tokens=12, **more) as stream:
            kinds = [event.type for event in stream]
            message = stream.get_final_message()
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
        assert message.stop_reason in ("end_turn", "max_tokens", "tool_use")
        assert 0 < message.usage.output_tokens <= 12
        assert client.messages.count_tokens(model=LOCAL, messages=HI).input_tokens > 0


def test_local_streams_may_be_left(demo: Installation) -> None:
    with gpt(demo) as client:
        for _ in range(3):
            with client.chat.completions.create(model=LOCAL, messages=HI, stream=True) as stream:
                assert next(iter(stream)).choices
        assert client.chat.completions.create(model=LOCAL, messages=HI, max_tokens=3).choices


def test_errors_are_the_classes_of_the_sdks(demo: Installation) -> None:
    with gpt(demo) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="nothing", messages=HI)
        assert (missing.value.code, bool(missing.value.request_id)) == ("model_not_found", True)
        with pytest.raises(openai.NotFoundError):
            list(client.responses.create(model="nothing", input="hi", stream=True))
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=LOCAL, messages="no list")  # type: ignore[call-overload]
    with gpt(demo, key="sk-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model=LOCAL, messages=HI)
    with claude(demo) as other:
        with pytest.raises(anthropic.NotFoundError) as unknown:
            other.messages.create(model="nothing", messages=HI, max_tokens=5)
        assert unknown.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]
        with pytest.raises(anthropic.BadRequestError):
            other.messages.create(model="embed-demo-llamacpp", messages=HI, max_tokens=5)
    with claude(demo, key="sk-wrong") as other, pytest.raises(anthropic.AuthenticationError):
        other.messages.create(model=LOCAL, messages=HI, max_tokens=5)


# ---- before a provider that breaks


WIRES = {"/v1/chat/completions": "chat", "/v1/messages": "messages", "/v1/responses": "responses"}
ROADS = ("chat", "messages", "responses", "messages-chat", "responses-chat", "chat-messages", "chat-responses")
"""The client's wire, and the provider's where that differs."""


def _answer(request: Received) -> Steps:
    """What the provider does about a model `FAULT-ROAD`."""
    said = DIALECTS[WIRES[request.target.partition("?")[0]]]
    fault, _, road = request.model.partition("-")
    match fault:
        case "reset":
            return (Reset(),)
        case "cut":
            return reset_after(*said.begun, gate=road)
        case "busy" | "slow" | "slower":
            return refusing(429, "7", b'{"error":{"message":"slow down","type":"rate_limit_error"}}')
        case "over":
            return refusing(529, None, b'{"type":"error","error":{"type":"overloaded_error","message":"too much"}}')
        case _:
            return pieces_of(*said.frames) if request.json.get("stream") else plain(said.body)


@pytest.fixture(scope="module")
def broken() -> Iterator[Faulty]:
    with faulty(_answer) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def served(install_shared: Install, broken: Faulty) -> Installation:
    installation = install_shared()
    faults = ("reset", "cut", "busy", "slow", "slower", "over", "good")
    models = "\n".join(
        f"  {fault}-{road}: {{provider: broken, id: {fault}-{road}, capabilities: [{road.rpartition('-')[2]}]}}"
        for road in ROADS
        for fault in faults
    )
    aliases = "\n".join(
        f"  {fault}-then-{road}: {{targets: [{fault}-{road}, good-{road}]}}"
        for road in ROADS
        for fault in ("reset", "cut", "busy")
    )
    installation.write(f"""
providers:
  broken: {{base_url: "{broken.base_url}", api_key: sk-broken}}
models:
{models}
aliases:
{aliases}
""")
    installation.start()
    return installation


def said_whole(served: Installation, road: str, model: str) -> tuple[str, int, int]:
    """(text, tokens in, tokens out) of a plain answer."""
    if road.startswith("messages"):
        with claude(served) as client:
            message = client.messages.create(model=model, messages=HI, max_tokens=50)
            text = "".join(block.text for block in message.content if block.type == "text")
            return text, message.usage.input_tokens, message.usage.output_tokens
    with gpt(served) as client:
        if road.startswith("responses"):
            response = client.responses.create(model=model, input="hi")
            assert response.usage is not None
            return response.output_text, response.usage.input_tokens, response.usage.output_tokens
        answer = client.chat.completions.create(model=model, messages=HI)
        assert answer.usage is not None
        return answer.choices[0].message.content or "", answer.usage.prompt_tokens, answer.usage.completion_tokens


def stream_of(served: Installation, road: str, model: str) -> Iterator[tuple[str, bool]]:
    """(some text, whether this is the end) as it comes."""
    if road.startswith("messages"):
        with claude(served) as client:
            for event in client.messages.create(model=model, messages=HI, max_tokens=50, stream=True):
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text, False
                elif event.type == "message_stop":
                    yield "", True
        return
    with gpt(served) as client:
        if road.startswith("responses"):
            for piece in client.responses.create(model=model, input="hi", stream=True):
                if piece.type == "response.output_text.delta":
                    yield piece.delta, False
                elif piece.type == "response.completed":
                    yield "", True
            return
        for chunk in client.chat.completions.create(model=model, messages=HI, stream=True):
            for choice in chunk.choices:
                yield choice.delta.content or "", choice.finish_reason == "stop"


@pytest.mark.parametrize("fault", ["reset", "busy"])
@pytest.mark.parametrize("road", ROADS)
def test_a_fault_before_the_first_word_is_not_seen(served: Installation, broken: Faulty, road: str, fault: str) -> None:
    model = f"{fault}-then-{road}"
    assert said_whole(served, road, model) == (TEXT, PROMPT, COMPLETION)
    pieces = list(stream_of(served, road, model))
    assert "".join(text for text, _ in pieces) == TEXT
    assert [end for _, end in pieces].count(True) == 1
    asked = broken.asked(f"{fault}-{road}")
    assert asked == 1 if fault == "busy" else asked >= 2, "who asks for a pause is left alone"
    assert broken.asked(f"good-{road}") >= 2


@pytest.mark.parametrize("road", ROADS)
def test_a_reset_after_the_first_word_is_raised_and_not_swallowed(
    served: Installation, broken: Faulty, road: str
) -> None:
    before = broken.asked(f"good-{road}")
    heard: list[str] = []
    error: type[Exception] = anthropic.APIError if road.startswith("messages") else openai.APIError
    with pytest.raises(error) as caught:
        for text, end in stream_of(served, road, f"cut-then-{road}"):
            assert not end, "a broken answer looks like a whole one"
            heard.append(text)
            if "".join(heard):
                broken.let(road)
    assert "".join(heard) and TEXT.startswith("".join(heard))
    assert "did not answer" in str(caught.value)
    assert broken.asked(f"good-{road}") == before, "somebody else went on with half an answer"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("road", ROADS)
def test_the_last_429_is_the_sdks_with_its_retry_after(
    served: Installation, broken: Faulty, road: str, stream: bool
) -> None:
    error: type[Any] = anthropic.RateLimitError if road.startswith("messages") else openai.RateLimitError
    model = f"{'slower' if stream else 'slow'}-{road}"

    def ask() -> Any:
        with pytest.raises(error) as caught:
            if stream:
                list(stream_of(served, road, model))
            else:
                said_whole(served, road, model)
        return caught.value

    first = ask()
    assert first.response.headers["retry-after"] == "7"
    assert "slow down" in str(first)
    again = ask()
    assert 1 <= int(again.response.headers["retry-after"]) <= 8
    assert "asks for fewer requests" in str(again)
    assert broken.asked(model) == 1, "it is left alone for as long as it asked for"


@pytest.mark.parametrize("road", ROADS)
def test_the_last_529_is_an_error_of_the_server(served: Installation, road: str) -> None:
    error: type[Any] = anthropic.APIStatusError if road.startswith("messages") else openai.InternalServerError
    with pytest.raises(error) as caught:
        said_whole(served, road, f"over-{road}")
    assert caught.value.status_code == 529
    assert "too much" in str(caught.value)


@pytest.mark.parametrize("road", ROADS)
def test_alone_a_reset_is_an_error_of_the_server(served: Installation, road: str) -> None:
    error: type[Any] = anthropic.InternalServerError if road.startswith("messages") else openai.InternalServerError
    with pytest.raises(error) as caught:
        said_whole(served, road, f"reset-{road}")
    assert caught.value.status_code == 502
    assert "connection was closed" in str(caught.value)


def test_the_ledger_has_each_attempt_once_and_only_the_good_ones_count(served: Installation) -> None:
    """After everything above (the order of the module)."""
    rows = served.ledger()
    assert rows
    assert len({(row["request"], row["attempt"]) for row in rows}) == len(rows)
    assert {row["state"] for row in rows} == {"closed"}
    for row in rows:
        if row["outcome"] == "ok":
            assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (PROMPT, COMPLETION, 0)
        elif not row["model"].startswith("cut-"):
            assert row["completion_tokens"] == 0
