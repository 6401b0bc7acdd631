"""Chat requests as messages: what Anthropic insists on is there, and a request survives the way there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.gateway.roads import EDGES
from glowplug.translate.base import Asked
from glowplug.translate.chat_to_messages import DEFAULT_MAX_TOKENS, ChatToMessages
from glowplug.translate.messages_to_chat import MessagesToChat

ASKED = Asked(id="r1", model="alias", created=1_780_000_000)
HI = {"role": "user", "content": "hi"}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
PNG_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
CALL = {"id": "c.1", "type": "function", "function": {"name": "look", "arguments": '{"x":"ü"}'}}
USE = {"type": "tool_use", "id": "c_1", "name": "look", "input": {"x": "ü"}}
RESULT = {"role": "tool", "tool_call_id": "c.1", "content": "seen"}
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": {"properties": {}}}}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}


def ask(**members: Any) -> Any:
    return json.loads(ChatToMessages(json.dumps({"model": "m", "messages": [HI], **members}).encode(), ASKED).request)


def said(*messages: Any) -> Any:
    return ask(messages=list(messages))["messages"]


def text(words: str) -> Any:
    return {"type": "text", "text": words}


def test_the_smallest_request() -> None:
    assert ask() == {"model": "m", "max_tokens": DEFAULT_MAX_TOKENS, "messages": [HI]}


def test_system_and_developer_come_first_wherever_they_stand() -> None:
    asked = ask(messages=[{"role": "system", "content": "a"}, HI, {"role": "developer", "content": [text("b")]}])
    assert (asked["system"], asked["messages"]) == ("a\nb", [HI])


def test_a_conversation_of_the_system_alone_is_asked_by_the_user() -> None:
    asked = ask(messages=[{"role": "system", "content": "a"}])
    assert asked["messages"] == [{"role": "user", "content": "a"}]
    assert "system" not in asked


@pytest.mark.parametrize(("content", "became"), [
    ([text("a"), PNG], [text("a"), PNG_BLOCK]),
    ([{"type": "image_url", "image_url": "https://x.invalid/a"}],
     [{"type": "image", "source": {"type": "url", "url": "https://x.invalid/a"}}]),
    ([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}],
     [{"type": "document", "title": "a.pdf",
       "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}]),
    ([text("a"), text(""), {"type": "new"}], "a"),
])  # fmt: skip
def test_what_a_user_says(content: Any, became: Any) -> None:
    assert said({"role": "user", "content": content}) == [{"role": "user", "content": became}]


def test_roles_alternate_and_results_follow_their_calls() -> None:
    assert said(HI, HI, {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
                RESULT, {**RESULT, "tool_call_id": "c2"}, HI, {"role": "assistant", "content": "a "},
                {"role": "assistant", "content": "b "}) == [
        {"role": "user", "content": [text("hi"), text("hi")]},
        {"role": "assistant", "content": [USE, {**USE, "id": "c2"}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c_1", "content": "seen"},
            {"type": "tool_result", "tool_use_id": "c2", "content": "seen"}, text("hi"),
        ]},
        {"role": "assistant", "content": [text("a "), text("b")]},
    ]  # fmt: skip


def test_the_first_is_the_users_and_nothing_is_empty() -> None:
    first, second = said({"role": "assistant", "content": "a"}, {"role": "user", "content": ""})
    assert (first["role"], second) == ("user", {"role": "assistant", "content": "a"})


@pytest.mark.parametrize(("choice", "parallel", "became"), [
    (None, None, None), ("auto", None, {"type": "auto"}), ("required", None, {"type": "any"}),
    ("none", False, {"type": "none"}), (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ({"type": "function", "function": {"name": "look"}}, False,
     {"type": "tool", "name": "look", "disable_parallel_tool_use": True}),
    ({"type": "function", "function": {"name": "absent"}}, None, None),
])  # fmt: skip
def test_tools(choice: Any, parallel: Any, became: Any) -> None:
    asked = ask(tools=[FUNCTION, {"type": "custom", "custom": {}}], tool_choice=choice, parallel_tool_calls=parallel)
    assert asked["tools"] == [TOOL]
    assert asked.get("tool_choice") == became


def test_tools_that_were_called_are_declared() -> None:
    asked = ask(messages=[HI, {"role": "assistant", "tool_calls": [CALL]}, RESULT])
    assert (asked["tools"], asked["tool_choice"]) == ([TOOL], {"type": "none"})


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(("members", "became"), [
    ({"max_tokens": 5}, {"max_tokens": 5}), ({"max_completion_tokens": 6, "max_tokens": 5}, {"max_tokens": 6}),
    ({"temperature": 1.5, "top_p": 0.5}, {"temperature": 1.0}),
    ({"top_p": 0.5, "top_k": 3}, {"top_p": 0.5, "top_k": 3}),
    ({"stop": "a"}, {"stop_sequences": ["a"]}), ({"stop": ["a", " "]}, {"stop_sequences": ["a"]}),
    ({"user": "u"}, {"metadata": {"user_id": "u"}}), ({"stream": True}, {"stream": True}),
    ({"n": 1, "seed": 1, "logprobs": True, "newest": 1, "frequency_penalty": 1}, {}),
    ({"reasoning_effort": "minimal"},
     {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "max_tokens": 2 * DEFAULT_MAX_TOKENS}),
    ({"reasoning_effort": "xhigh", "max_tokens": 5000, "temperature": 0},
     {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}, "max_tokens": 5000}),
    ({"reasoning_effort": "none"}, {}),
    ({"response_format": {"type": "text"}}, {}),
    ({"response_format": {"type": "json_object"}}, {"system": "Answer with one JSON object and nothing else."}),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}},
     {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
])  # fmt: skip
def test_settings(members: Any, became: Any) -> None:
    assert ask(**members) == {**ask(), **became}


def test_a_schema_that_is_not_strict_is_an_instruction() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    system = ask(messages=[{"role": "system", "content": "be kind"}, HI], response_format=form)["system"]
    assert system.startswith("be kind\nAnswer with JSON")
    assert json.loads(system.rpartition("\n")[2]) == SCHEMA


@pytest.mark.parametrize("more", [
    {"messages": [HI, {"role": "assistant", "tool_calls": [CALL]}, RESULT]},
    {"tools": [FUNCTION], "tool_choice": "required"},
    {"messages": [HI, {"role": "assistant", "content": "a"}]},
])  # fmt: skip
def test_thinking_is_not_asked_for_where_it_would_be_refused(more: Any) -> None:
    assert "thinking" not in ask(reasoning_effort="high", **more)


@pytest.mark.parametrize("members", [
    {"n": 2}, {"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "wav"}},
    {"messages": []}, {"messages": ["x"]}, {"messages": [{"role": "user", "content": ""}]},
    {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,x"}}]}]},
    {"messages": [HI, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "oops"}}]}]},
    {"messages": [HI, {"role": "assistant", "tool_calls": [{"id": "x"}]}]},
])  # fmt: skip
def test_what_would_make_the_answer_wrong_is_refused(members: Any) -> None:
    with pytest.raises(RequestError):
        ask(**members)


def test_errors_are_openais() -> None:
    step = ChatToMessages(json.dumps({"model": "m", "messages": [HI]}).encode(), ASKED)
    error = json.loads(step.failure(529, b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'))
    assert error == {"error": {"message": "busy", "type": "overloaded_error", "param": None, "code": None}}


def test_it_has_its_row() -> None:
    assert [edge.into for edge in EDGES if edge.translate is ChatToMessages] == ["messages"]


# ---- there and back

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(lambda t: t.strip() == t)
images = st.binary(min_size=1, max_size=4).map(
    lambda data: {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data.hex()}"}}
)
users = st.builds(
    lambda content: {"role": "user", "content": content},
    words | st.lists(words.map(text) | images, min_size=1, max_size=3),
)
arguments = st.dictionaries(st.sampled_from("abc"), st.integers() | words, max_size=2)


@st.composite
def turns(draw: st.DrawFn) -> list[Any]:
    """A user, and what the assistant did: said something, or called tools and got their results."""
    count = draw(st.integers(0, 2))
    ids = [f"call_{draw(st.integers(0, 99))}_{number}" for number in range(count)]
    calls = [
        {"id": id, "type": "function", "function": {"name": "f", "arguments": json.dumps(draw(arguments))}}
        for id in ids
    ]
    answer: dict[str, Any] = {"role": "assistant", "content": draw(words)}
    if calls:
        answer["tool_calls"] = calls
    results = [{"role": "tool", "tool_call_id": id, "content": draw(words)} for id in ids]
    return [draw(users), answer, *results]


def contents(messages: list[Any]) -> list[Any]:
    """Texts, images, calls and results in their order, whatever messages they are in."""
    found: list[Any] = []
    for message in messages:
        content = message["content"]
        parts = content if isinstance(content, list) else [text(content)] if content else []
        for part in parts:
            if part["type"] != "text":
                found.append(part["image_url"]["url"])
            elif (
                found and isinstance(found[-1], list) and found[-1][0] == message["role"] and message["role"] != "tool"
            ):
                found[-1][1] += "\n" + part["text"]
            else:
                found.append([message["role"], part["text"]])
        calls = message.get("tool_calls", [])
        found += [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]
        found += [message["tool_call_id"]] if "tool_call_id" in message else []
    return found


@given(words, st.lists(turns(), min_size=1, max_size=3), users)
def test_there_and_back_keeps_texts_images_and_tools(system: str, parts: list[list[Any]], last: Any) -> None:
    messages = [{"role": "system", "content": system}, *[message for turn in parts for message in turn], last]
    body = {"model": "m", "messages": messages, "tools": [FUNCTION], "max_tokens": 9, "stop": ["x"], "stream": True}
    there = ChatToMessages(json.dumps(body).encode(), ASKED).request
    back = json.loads(MessagesToChat(there, ASKED).request)
    assert contents(back["messages"]) == contents(messages)
    assert back["tools"][0]["function"]["name"] == "look"
    assert {key: back[key] for key in ("max_tokens", "stop", "stream")} == {
        "max_tokens": 9,
        "stop": ["x"],
        "stream": True,
    }
