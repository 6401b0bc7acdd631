"""OpenAI requests in, Ollama calls out."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.translate import chat_to_ollama as translate

LOADED = {"num_ctx": 8192, "num_gpu": 99}
HI = [{"role": "user", "content": "hi"}]
PIXEL = base64.b64encode(b"png").decode()
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CLOCK = {"type": "function", "function": {"name": "clock"}}


def chat(**more: Any) -> Any:
    body = {"model": "mistral:7b", "messages": HI, **more}
    return msgspec.json.decode(translate.chat_call(msgspec.json.encode(body), LOADED))


def completion(**more: Any) -> Any:
    body = {"model": "mistral:7b", "prompt": "Once", **more}
    return msgspec.json.decode(translate.completion_call(msgspec.json.encode(body), LOADED))


def embedding(**more: Any) -> Any:
    body = {"model": "nomic", "input": "x", **more}
    return msgspec.json.decode(translate.embedding_call(msgspec.json.encode(body), LOADED))


def test_every_call_says_all_that_could_reload_or_unload() -> None:
    for call in (chat(), chat(stream=True), completion(), completion(stream=True), embedding()):
        assert call["keep_alive"] == -1
        assert call["options"].items() >= LOADED.items()
    assert chat()["stream"] is False and chat(stream=True)["stream"] is True
    assert completion()["stream"] is False and completion(stream=None)["stream"] is False


def test_a_request_cannot_change_what_the_runner_was_loaded_with() -> None:
    call = chat(options={"num_ctx": 1}, num_ctx=2, keep_alive=0)
    assert call["options"] == LOADED and call["keep_alive"] == -1


def called(arguments: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}]


def pictured(**image: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", **image}]}]


def test_the_smallest_chat() -> None:
    assert chat() == {
        "model": "mistral:7b", "messages": [{"role": "user", "content": "hi"}], "stream": False, "keep_alive": -1,
        "options": LOADED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"temperature": 0, "top_p": 0.5}, {"temperature": 0, "top_p": 0.5}),
        ({"max_tokens": 7}, {"num_predict": 7}),
        ({"max_tokens": 7, "max_completion_tokens": 9}, {"num_predict": 9}),
        ({"max_tokens": None, "seed": None, "stop": None}, {}),
        ({"seed": 42, "top_k": 3.0}, {"seed": 42, "top_k": 3}),
        ({"stop": "END"}, {"stop": ["END"]}),
        ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"frequency_penalty": 0.1, "presence_penalty": -1}, {"frequency_penalty": 0.1, "presence_penalty": -1}),
        ({"min_p": 0.1, "repeat_penalty": 1.1}, {"min_p": 0.1, "repeat_penalty": 1.1}),
        ({"typical_p": 0.2}, {"typical_p": 0.2}),
        ({"user": "me", "metadata": {"a": 1}, "logit_bias": {"1": 2}, "store": True, "n": 1, "made_up": [1]}, {}),
    ],
)  # fmt: skip
def test_what_steers_the_answer_becomes_an_option(given: dict[str, Any], options: dict[str, Any]) -> None:
    for call in (chat(**given), completion(**given)):
        assert call["options"] == {**options, **LOADED}
        assert not {"user", "metadata", "logit_bias", "store", "n", "made_up"} & set(call)


@pytest.mark.parametrize(
    ("given", "member", "value"),
    [
        ({"response_format": {"type": "json_object"}}, "format", "json"),
        ({"response_format": {"type": "text"}}, "format", None),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
         "format", {"type": "object"}),
        ({"reasoning_effort": "none"}, "think", False),
        ({"reasoning_effort": "minimal"}, "think", "low"),
        ({"reasoning_effort": "high"}, "think", "high"),
        ({"reasoning": {"effort": "medium"}}, "think", "medium"),
        ({"think": True}, "think", True),
        ({"think": "low", "reasoning_effort": "high"}, "think", "low"),
        ({"logprobs": True}, "logprobs", True),
        ({"logprobs": True, "top_logprobs": 3}, "top_logprobs", 3),
        ({"logprobs": False, "top_logprobs": 3}, "top_logprobs", None),
        ({"tools": [WEATHER]}, "tools", [WEATHER]),
        ({"tools": [WEATHER], "tool_choice": "required"}, "tools", [WEATHER]),
        ({"tools": [WEATHER], "tool_choice": "none"}, "tools", None),
        ({"tools": []}, "tools", None),
        ({"tools": [WEATHER, CLOCK], "tool_choice": {"type": "function", "function": {"name": "clock"}}}, "tools",
         [CLOCK]),
    ],
)  # fmt: skip
def test_members_of_a_chat(given: dict[str, Any], member: str, value: object) -> None:
    assert chat(**given).get(member) == value


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"role": "developer", "content": "be brief"}, {"role": "system", "content": "be brief"}),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
         {"role": "user", "content": "a\nb"}),
        ({"role": "user", "content": [
            {"type": "text", "text": "what is it?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            {"type": "image_url", "image_url": f"DATA:;base64,{PIXEL}"}]},
         {"role": "user", "content": "what is it?", "images": [PIXEL, PIXEL]}),
        ({"role": "assistant", "content": "4", "reasoning_content": "2+2"},
         {"role": "assistant", "content": "4", "thinking": "2+2"}),
        ({"role": "assistant", "content": None,
          "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": [1]}'}},
                         {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
         {"role": "assistant", "content": "", "tool_calls": [
             {"id": "c1", "function": {"name": "f", "arguments": {"a": [1]}, "index": 0}},
             {"id": "c2", "function": {"name": "g", "arguments": {}, "index": 1}}]}),
        ({"role": "tool", "tool_call_id": "nobody's", "content": "4"},
         {"role": "tool", "content": "4", "tool_call_id": "nobody's"}),
        ({"role": "tool", "name": "f", "content": "4"}, {"role": "tool", "content": "4", "tool_name": "f"}),
    ],
)  # fmt: skip
def test_messages(message: dict[str, Any], said: dict[str, Any]) -> None:
    assert chat(messages=[message])["messages"] == [said]


def test_a_result_names_the_function_that_was_called() -> None:
    called = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": "{}"}}]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
    assert chat(messages=[called, result])["messages"][1]["tool_name"] == "weather"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": "hi"}, "at least one message"),
        ({"messages": ["hi"]}, "an object"),
        ({"messages": [{"content": "hi"}]}, "role"),
        ({"messages": [{"role": "user", "content": 3}]}, "`content`"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_audio"),
        ({"messages": pictured(image_url={"url": "https://h.invalid/a"})}, "data: URL"),
        ({"messages": pictured(image_url={"url": "data:image/png,a"})}, "base64"),
        ({"messages": pictured()}, "url"),
        ({"messages": called("{")}, "call of f"),
        ({"messages": called("[]")}, "call of f"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "tool call"),
        ({"n": 2}, "`n`"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "wav"}}, "audio"),
        ({"temperature": "hot"}, "`temperature`"),
        ({"temperature": True}, "`temperature`"),
        ({"max_tokens": 1.5}, "`max_tokens`"),
        ({"stop": [1]}, "`stop`"),
        ({"stream": "yes"}, "`stream`"),
        ({"reasoning_effort": "extreme"}, "reasoning"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": "json"}, "response_format"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "custom"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ],
)  # fmt: skip
def test_what_ollama_cannot_be_asked_is_refused(given: dict[str, Any], what: str) -> None:
    with pytest.raises(RequestError) as refused:
        chat(**given)
    assert what in str(refused.value) and refused.value.status == 400


def test_completions_continue_the_prompt_as_it_is() -> None:
    call = completion(max_tokens=5, logprobs=2)
    assert (call["prompt"], call["raw"], call["logprobs"], call["top_logprobs"]) == ("Once", True, True, 2)
    assert "messages" not in call
    assert completion(prompt=["one"])["prompt"] == "one"
    filled = completion(suffix="end")
    assert (filled["suffix"], filled["raw"]) == ("end", False)
    for prompt in (["a", "b"], [1, 2], None, [[1]]):
        with pytest.raises(RequestError):
            completion(prompt=prompt)


def test_embeddings() -> None:
    assert embedding(input=["a", "b"], dimensions=64, encoding_format="base64") == {
        "model": "nomic", "input": ["a", "b"], "keep_alive": -1, "options": LOADED, "dimensions": 64,
    }  # fmt: skip
    assert embedding()["input"] == ["x"]
    for tokens in ([1, 2], [[1]], [], None):
        with pytest.raises(RequestError):
            embedding(input=tokens)
    assert translate.wants_base64(b'{"encoding_format":"base64"}')
    assert not translate.wants_base64(b'{"encoding_format":"float"}') and not translate.wants_base64(b"{}")
    with pytest.raises(RequestError):
        translate.wants_base64(b'{"encoding_format":"hex"}')


def test_loading_and_unloading() -> None:
    plain = msgspec.json.decode(translate.load_call("m", LOADED, embeddings=False))
    assert plain == {"model": "m", "stream": False, "keep_alive": -1, "options": LOADED}
    embeds = msgspec.json.decode(translate.load_call("m", LOADED, embeddings=True))
    assert embeds == {"model": "m", "input": [], "keep_alive": -1, "options": LOADED}
    assert msgspec.json.decode(translate.unload_call("m")) == {"model": "m", "stream": False, "keep_alive": 0}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ["messages", "prompt", "input", "tools", "tool_choice", "stop", "n", "think", "reasoning", "response_format",
     "logprobs", "seed", "stream", "max_tokens", "temperature", "encoding_format"]
)  # fmt: skip


@given(st.dictionaries(MEMBERS, JSON, max_size=6))
def test_a_request_is_translated_or_refused_and_nothing_else(body: dict[str, Any]) -> None:
    data = msgspec.json.encode({"model": "m", **body})
    for call in (translate.chat_call, translate.completion_call, translate.embedding_call):
        try:
            made = msgspec.json.decode(call(data, LOADED))
        except RequestError:
            continue
        assert made["keep_alive"] == -1 and made["options"].items() >= LOADED.items()


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text()), min_size=1, max_size=5))
def test_what_was_said_arrives_to_the_letter(turns: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": text} for role, text in turns]
    assert chat(messages=messages)["messages"] == messages
