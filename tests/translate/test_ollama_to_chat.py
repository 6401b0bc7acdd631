"""Ollama's requests in OpenAI's words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.translate import chat_to_ollama, ollama_to_chat
from glowplug.translate.base import Asked

ENGINE = Asked(id="r1", model="m", created=1_700_000_000, local=True)
PROVIDER = Asked(id="r1", model="m", created=1_700_000_000)
HI = [{"role": "user", "content": "hi"}]


def chat(asked: Asked = ENGINE, **body: Any) -> dict[str, Any]:
    data = json.dumps({"model": "m", "messages": HI, **body}).encode()
    return dict(json.loads(ollama_to_chat.chat_to_chat(data, asked).request))


def generate(asked: Asked = ENGINE, *, raw: bool = False, **body: Any) -> dict[str, Any]:
    make = ollama_to_chat.generate_to_completions if raw else ollama_to_chat.generate_to_chat
    return dict(json.loads(make(json.dumps({"model": "m", **body}).encode(), asked).request))


def test_a_stream_asks_for_usage_itself() -> None:
    streamed = {"model": "m", "messages": HI, "stream": True, "stream_options": {"include_usage": True}}
    assert chat() == chat(stream=True) == chat(stream=None) == streamed
    assert chat(stream=False) == {"model": "m", "messages": HI, "stream": False}


@pytest.mark.parametrize(("asked", "made"), [
    ({"options": {"num_predict": 9, "temperature": 0, "top_p": 0.5, "seed": 7, "stop": ["x"], "num_ctx": 9}},
     {"max_tokens": 9, "temperature": 0, "top_p": 0.5, "seed": 7, "stop": ["x"]}),
    ({"options": {"num_predict": -1, "frequency_penalty": 0.1, "presence_penalty": 0.2}},
     {"frequency_penalty": 0.1, "presence_penalty": 0.2}),
    ({"options": None}, {}), ({"options": [1]}, {}), ({"options": {"temperature": "hot"}}, {}),
    ({"format": "json"}, {"response_format": {"type": "json_object"}}), ({"format": ""}, {}),
    ({"format": {"type": "object"}},
     {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}}),
    ({"think": "high"}, {"reasoning_effort": "high"}),
    ({"think": None}, {}), ({"think": "rarely"}, {}),
    ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}), ({"top_logprobs": 3}, {}),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]},
     {"tools": [{"type": "function", "function": {"name": "f"}}]}),
    ({"template": "x", "context": [1], "truncate": True, "shift": False, "never_heard_of": {}}, {}),
])  # fmt: skip
def test_members(asked: dict[str, Any], made: dict[str, Any]) -> None:
    body = chat(PROVIDER, stream=False, **asked)
    assert body == {"model": "m", "messages": HI, "stream": False, **made}


@pytest.mark.parametrize(("asked", "made"), [
    ({"options": {"top_k": 5, "min_p": 0.1, "typical_p": 0.9, "repeat_penalty": 1.1}},
     {"top_k": 5, "min_p": 0.1, "typical_p": 0.9, "repeat_penalty": 1.1}),
    ({"think": False}, {"chat_template_kwargs": {"enable_thinking": False}}),
    ({"think": True}, {"chat_template_kwargs": {"enable_thinking": True}}),
    ({"think": "low"},
     {"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": True, "reasoning_effort": "low"}}),
])  # fmt: skip
def test_what_only_engines_here_are_told(asked: dict[str, Any], made: dict[str, Any]) -> None:
    plain = {"model": "m", "messages": HI, "stream": False}
    assert chat(ENGINE, stream=False, **asked) == {**plain, **made}
    others = {name: value for name, value in made.items() if name == "reasoning_effort"}
    assert chat(PROVIDER, stream=False, **asked) == {**plain, **others}


@pytest.mark.parametrize(("begin", "kind"), [
    ("/9j/4AAQ", "jpeg"), ("iVBORw0K", "png"), ("R0lGODlh", "gif"), ("UklGRh4A", "webp"), ("AAAA", "png"),
])  # fmt: skip
def test_images(begin: str, kind: str) -> None:
    (message,) = chat(messages=[{"role": "user", "content": "what?", "images": [begin]}])["messages"]
    url = f"data:image/{kind};base64,{begin}"
    assert message["content"] == [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}]
    (message,) = chat(messages=[{"role": "user", "content": "", "images": [url]}])["messages"]
    assert message["content"] == [{"type": "image_url", "image_url": {"url": url}}]


def test_results_find_the_calls_they_answer() -> None:
    calls = [{"function": {"name": name, "arguments": {"n": n}}} for n, name in enumerate(("f", "g", "f"))]
    messages = [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "1", "tool_name": "g"},
        {"role": "tool", "content": "2", "tool_name": "f"},
        {"role": "tool", "content": "3"},
        {"role": "tool", "content": "4"},
    ]
    first, *results = chat(messages=messages)["messages"]
    ids = [call["id"] for call in first["tool_calls"]]
    assert len(set(ids)) == 3 and first["content"] is None
    assert [call["function"]["arguments"] for call in first["tool_calls"]] == ['{"n":0}', '{"n":1}', '{"n":2}']
    assert [result["tool_call_id"] for result in results[:3]] == [ids[1], ids[0], ids[2]]
    assert results[3]["tool_call_id"], "a result too many still has one"


def test_ids_that_are_given_stay() -> None:
    messages = [
        {"role": "assistant", "tool_calls": [{"id": "c9", "function": {"name": "f", "arguments": '{"a":1}'}}]},
        {"role": "tool", "content": "x", "tool_call_id": "c9"},
    ]
    call, result = chat(messages=messages)["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "c9"
    assert call["tool_calls"][0]["function"]["arguments"] == '{"a":1}'


def test_thoughts_go_back_to_engines_only() -> None:
    message = {"role": "assistant", "content": "b", "thinking": "a"}
    assert chat(ENGINE, messages=[message])["messages"][0]["reasoning_content"] == "a"
    assert "reasoning_content" not in chat(PROVIDER, messages=[message])["messages"][0]


@pytest.mark.parametrize("body", [
    {"messages": "x"}, {"messages": [1]}, {"messages": [{"content": "x"}]}, {"format": 7}, {"format": "yaml"},
    {"messages": [{"role": "user", "content": 5}]}, {"messages": [{"role": "user", "images": "x"}]},
    {"messages": [{"role": "user", "images": [1]}]}, {"messages": [{"role": "assistant", "tool_calls": 1}]},
    {"messages": [{"role": "assistant", "tool_calls": [{}]}]},
])  # fmt: skip
def test_what_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        chat(**body)


def test_a_completion_is_what_a_user_says() -> None:
    body = generate(prompt="p", system="s", images=["iVBORw0K"], stream=False, options={"num_predict": 3})
    assert body["messages"][0] == {"role": "system", "content": "s"}
    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "image_url"]
    assert (body["max_tokens"], body["stream"]) == (3, False)


def test_a_raw_completion_is_continued_as_it_is() -> None:
    body = generate(raw=True, prompt="p", suffix="t", stream=False, think="low", logprobs=True, options={"seed": 1})
    assert body == {"model": "m", "prompt": "p", "suffix": "t", "stream": False, "seed": 1}
    assert generate(raw=True, prompt="p", system="s")["prompt"] == "s\n\np"
    data = json.dumps({"model": "m", "prompt": "p", "system": "s", "raw": True}).encode()
    assert json.loads(ollama_to_chat.generate_to_completions(data, ENGINE).request)["prompt"] == "p"


def test_embeddings() -> None:
    many = ollama_to_chat.embed_to_embeddings(b'{"model":"m","input":["a","b"],"dimensions":3,"truncate":true}', ENGINE)
    assert json.loads(many.request) == {"model": "m", "input": ["a", "b"], "dimensions": 3}
    one = ollama_to_chat.embeddings_to_embeddings(b'{"model":"m","prompt":"a"}', ENGINE)
    assert json.loads(one.request) == {"model": "m", "input": "a"}


_TEXTS = st.text(min_size=1, max_size=12)
_OBJECTS = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(-9, 9), st.booleans(), st.text(max_size=5)))


@st.composite
def _conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Conversations in OpenAI's words, as far as both wires can say them."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(_TEXTS)}]
    for turn in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(_TEXTS)})
        names = draw(st.lists(st.sampled_from(["f", "g"]), max_size=2))
        calls = []
        for number, name in enumerate(names):
            text = json.dumps(draw(_OBJECTS), separators=(",", ":"), ensure_ascii=False)
            calls.append({"id": f"c{turn}{number}", "type": "function", "function": {"name": name, "arguments": text}})
        if calls:
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            messages += [{"role": "tool", "content": draw(_TEXTS), "tool_call_id": call["id"]} for call in calls]
        messages.append({"role": "assistant", "content": draw(_TEXTS)})
    return messages


@given(_conversations())
def test_there_and_back_says_the_same(messages: list[dict[str, Any]]) -> None:
    there = chat_to_ollama.chat_call(json.dumps({"model": "m", "messages": messages, "seed": 5}).encode(), {})
    back = json.loads(ollama_to_chat.chat_to_chat(there, ENGINE).request)
    assert (back["messages"], back["seed"]) == (messages, 5)


@given(_conversations())
def test_results_without_ids_are_matched_as_they_were_called(messages: list[dict[str, Any]]) -> None:
    """Home Assistant's results come in the order of their calls and name nothing."""
    there = json.loads(chat_to_ollama.chat_call(json.dumps({"model": "m", "messages": messages}).encode(), {}))
    for message in there["messages"]:
        message.pop("tool_call_id", None)
        message.pop("tool_name", None)
    back = json.loads(ollama_to_chat.chat_to_chat(json.dumps(there).encode(), ENGINE).request)
    assert back["messages"] == messages
