"""Messages requests as chat completions: what becomes what, and that nothing unknown is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.roads import EDGES
from glowplug.translate.base import Asked
from glowplug.translate.messages_to_chat import MessagesToChat

ASKED = Asked(id="r1", model="claude-alias", created=1_780_000_000)
HI = [{"role": "user", "content": "hi"}]
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
LINE = "x-anthropic-billing-header: cc_version=2.1; cch=abcde;"


def chat(**members: Any) -> Any:
    body = {"model": "m", "max_tokens": 9, "messages": HI, **members}
    return json.loads(MessagesToChat(json.dumps(body).encode(), ASKED).request)


def said(*messages: Any, **more: Any) -> Any:
    return chat(messages=list(messages), **more)["messages"]


def user(*blocks: Any) -> Any:
    return {"role": "user", "content": list(blocks)}


def text(words: str, **more: Any) -> Any:
    return {"type": "text", "text": words, **more}


def result(content: Any, **more: Any) -> Any:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content, **more}


def test_the_smallest_request() -> None:
    assert chat() == {"model": "m", "max_tokens": 9, "messages": HI}


def test_a_stream_asks_for_usage() -> None:
    asked = chat(stream=True)
    assert (asked["stream"], asked["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in chat(stream=False)


@pytest.mark.parametrize(("system", "content"), [
    ("be kind", "be kind"),
    ([text("be kind", cache_control={"type": "ephemeral"}), text("and brief")], "be kind\nand brief"),
    ([text(LINE), text("be kind")], "be kind"),
    ([text(f"{LINE}\nbe kind")], "be kind"),
])  # fmt: skip
def test_the_system_prompt_comes_first(system: Any, content: str) -> None:
    assert said(*HI, system=system)[0] == {"role": "system", "content": content}


@pytest.mark.parametrize("system", ["", [], None, [text(LINE)], 5])
def test_an_empty_system_prompt_is_none(system: Any) -> None:
    assert said(*HI, system=system) == HI


@pytest.mark.parametrize(("blocks", "content"), [
    ([text("a"), text("b")], "a\nb"),
    ([text("a"), PNG], [text("a"), PNG_PART]),
    ([{"type": "image", "source": {"type": "url", "url": "https://x.invalid/a.png"}}],
     [{"type": "image_url", "image_url": {"url": "https://x.invalid/a.png"}}]),
    ([{"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}}], "T\nD"),
    ([{"type": "document", "source": {"type": "content", "content": [text("a"), PNG]}}], [text("a"), PNG_PART]),
    ([{"type": "document", "source": {"type": "content", "content": "a"}}], "a"),
    ([{"type": "document", "source": {"type": "url", "url": "https://x.invalid/a.pdf"}}], "https://x.invalid/a.pdf"),
    ([{"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf",
                                                       "data": "aGk="}}],
     [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}]),
    ([{"type": "search_result", "source": "s", "title": "t", "content": [text("c")]}], "t\ns\nc"),
])  # fmt: skip
def test_what_a_user_says(blocks: Any, content: Any) -> None:
    assert said(user(*blocks)) == [{"role": "user", "content": content}]


def test_two_users_in_a_row_are_one_and_keep_their_images() -> None:
    assert said(*HI, user(text("there"), PNG)) == [{"role": "user", "content": [text("hi"), text("there"), PNG_PART]}]
    assert said(*HI, user(text("there"))) == [{"role": "user", "content": "hi\nthere"}]


def test_a_system_message_in_the_middle_is_told_by_the_user() -> None:
    assert said(*HI, {"role": "system", "content": "now be brief"}) == [
        {"role": "user", "content": "hi\n<system-reminder>\nnow be brief\n</system-reminder>"}
    ]
    assert said(*HI, {"role": "system", "content": LINE}) == HI


CALL = {"type": "tool_use", "id": "t1", "name": "look", "input": {"where": "ü"}, "cache_control": {}}
CALLED = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"where":"ü"}'}}


def test_calls_and_results() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    assert said(
        *HI, {"role": "assistant", "content": [thinking, text("I look"), CALL]}, user(text("and?"), result("seen"))
    ) == [
        *HI,
        {"role": "assistant", "content": "I look", "reasoning_content": "hm", "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "t1", "content": "seen"},
        {"role": "user", "content": "and?"},
    ]


def test_thinking_of_a_turn_without_calls_is_not_repeated() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    redacted = {"type": "redacted_thinking", "data": "x"}
    assert said(*HI, {"role": "assistant", "content": [thinking, redacted, text("yes")]})[1] == {
        "role": "assistant", "content": "yes",
    }  # fmt: skip
    assert said(*HI, {"role": "assistant", "content": [thinking]})[1] == {"role": "assistant", "content": ""}
    assert said(*HI, {"role": "assistant", "content": [CALL]})[1]["content"] is None


@pytest.mark.parametrize(("block", "content"), [
    (result("a"), "a"), (result([text("a"), text("b")]), "a\nb"), (result(None), ""), (result([]), ""),
    (result("bad", is_error=True), "Error: bad"), (result("a", is_error=False), "a"),
    (result([{"type": "tool_reference", "tool_name": "x"}, text("a")]), "a"),
])  # fmt: skip
def test_results(block: Any, content: str) -> None:
    assert said(user(block)) == [{"role": "tool", "tool_call_id": "t1", "content": content}]


def test_images_of_a_result_follow_it() -> None:
    assert said(user(result([text("a"), PNG]), result([PNG]), text("b"))) == [
        {"role": "tool", "tool_call_id": "t1", "content": "a"},
        {"role": "tool", "tool_call_id": "t1", "content": "The result is the image that follows."},
        {"role": "user", "content": [PNG_PART, PNG_PART, text("b")]},
    ]


TOOL = {"name": "look", "description": "d", "input_schema": {"type": "object"}, "cache_control": {}}
FUNCTION = {"type": "function", "function": {"name": "look", "description": "d", "parameters": {"type": "object"}}}


def test_tools_with_a_schema_are_functions_and_the_others_go() -> None:
    server = [{"type": "web_search_20250305", "name": "web_search"}, {"type": "bash_20250124", "name": "bash"}]
    assert chat(tools=[TOOL, *server])["tools"] == [FUNCTION]
    assert not {"tools", "tool_choice"} & set(chat(tools=server, tool_choice={"type": "any"}))
    strict = chat(tools=[{"name": "f", "type": "custom", "strict": True}])["tools"][0]["function"]
    assert strict == {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True}


@pytest.mark.parametrize(("choice", "members"), [
    ({"type": "auto"}, {"tool_choice": "auto"}),
    ({"type": "any"}, {"tool_choice": "required"}),
    ({"type": "none"}, {"tool_choice": "none"}),
    ({"type": "tool", "name": "look"}, {"tool_choice": {"type": "function", "function": {"name": "look"}}}),
    ({"type": "tool", "name": "web_search"}, {}),
    ({"type": "new"}, {}),
    ({"type": "auto", "disable_parallel_tool_use": True}, {"tool_choice": "auto", "parallel_tool_calls": False}),
])  # fmt: skip
def test_choices_of_tools(choice: Any, members: Any) -> None:
    asked = chat(tools=[TOOL], tool_choice=choice)
    assert {k: asked[k] for k in ("tool_choice", "parallel_tool_calls") if k in asked} == members


SCHEMA = {"type": "object", "properties": {}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}


@pytest.mark.parametrize(("members", "became"), [
    ({"temperature": 0.5, "top_p": 0.9, "top_k": 5}, {"temperature": 0.5, "top_p": 0.9, "top_k": 5}),
    ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
    ({"metadata": {"user_id": "u"}}, {"user": "u"}),
    ({"max_tokens": 0}, {"max_tokens": 1}),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
    ({"thinking": {"type": "enabled", "budget_tokens": 8192}}, {"reasoning_effort": "medium"}),
    ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, {"reasoning_effort": "high"}),
    ({"thinking": {"type": "adaptive"}}, {}),
    ({"thinking": {"type": "disabled"}}, {}),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"reasoning_effort": "high"}),
    ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, {"response_format": FORMAT}),
    ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, {"response_format": FORMAT}),
    ({"service_tier": "auto", "container": "c", "mcp_servers": [], "context_management": {}, "newest": 1}, {}),
    ({"tools": 5, "tool_choice": 5, "metadata": 5, "thinking": 5, "output_config": 5, "stop_sequences": 5}, {}),
])  # fmt: skip
def test_settings(members: Any, became: Any) -> None:
    assert chat(**members) == {**chat(), **became}


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{", b'{"model":"m"}', b'{"model":"m","messages":[]}', b'{"model":"m","messages":["x"]}',
    b'{"model":"m","messages":{}}',
])  # fmt: skip
def test_what_is_no_conversation_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        MessagesToChat(body, ASKED)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "text", "source", "content", "data", "url", "name", "input", "title", "thinking", "id", "x"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
kinds = st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "thinking", "search_result", "new"])
blocks = st.dictionaries(st.sampled_from(["text", "source", "content", "name", "id", "input"]), json_values).flatmap(
    lambda block: kinds.map(lambda kind: {**block, "type": kind})
)


@given(
    st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "new"]),
                                    "content": st.lists(blocks, max_size=3) | json_values}), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["system", "tools", "tool_choice", "thinking", "metadata", "output_config",
                                     "max_tokens", "stop_sequences", "newest"]), json_values),
)  # fmt: skip
def test_nothing_unknown_is_refused(messages: Any, members: Any) -> None:
    made = chat(messages=messages, **members)["messages"]
    assert all(message["role"] in ("system", "user", "assistant", "tool") for message in made)


def test_errors_are_anthropics() -> None:
    step = MessagesToChat(json.dumps({"model": "m", "messages": HI}).encode(), ASKED)
    body = json.loads(step.failure(404, b'{"error":{"message":"no such model","type":"invalid_request_error"}}'))
    assert body == {
        "type": "error", "error": {"type": "not_found_error", "message": "no such model"}, "request_id": "r1",
    }  # fmt: skip


def test_it_has_its_row() -> None:
    (edge,) = [edge for edge in EDGES if edge.kind == "messages"]
    assert kind_named(edge.into).name == "chat"
    assert edge.translate is MessagesToChat
