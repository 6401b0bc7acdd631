"""Input items as messages."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.errors import RequestError
from glowplug.translate.responses_input import items_of, messages_of, tools_in
from glowplug.translate.responses_tools import Tools


def messages(*items: Any, instructions: Any = None) -> Any:
    return messages_of(instructions, list(items), Tools(()))


def test_a_text_is_a_message_of_the_user() -> None:
    assert messages_of("Be kind", "hi", Tools(())) == [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": "hi"},
    ]


def test_instructions_as_items() -> None:
    told = [{"role": "developer", "content": [{"type": "input_text", "text": "Be kind"}]}]
    assert messages({"role": "user", "content": "hi"}, instructions=told)[0] == {"role": "system", "content": "Be kind"}


def test_developers_further_on_keep_their_place() -> None:
    found = messages({"role": "user", "content": "a"}, {"role": "developer", "content": "b"})
    assert [(one["role"], one["content"]) for one in found] == [("user", "a"), ("system", "b")]


@pytest.mark.parametrize(("part", "expected"), [
    ({"type": "input_text", "text": "x"}, "x"),
    ({"type": "output_text", "text": "x"}, "x"),
    ({"type": "refusal", "refusal": "x"}, "x"),
    ({"type": "input_image", "image_url": "u", "detail": "high"},
     [{"type": "image_url", "image_url": {"url": "u", "detail": "high"}}]),
    ({"type": "input_image", "image_url": "u", "detail": "original"},
     [{"type": "image_url", "image_url": {"url": "u"}}]),
    ({"type": "input_file", "filename": "a.pdf", "file_data": "d"},
     [{"type": "file", "file": {"filename": "a.pdf", "file_data": "d"}}]),
    ({"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}},
     [{"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}}]),
])  # fmt: skip
def test_parts_of_a_user(part: dict[str, Any], expected: Any) -> None:
    assert messages({"role": "user", "content": [part]}) == [{"role": "user", "content": expected}]


def test_items_of_hosted_tools_and_thinking_are_dropped() -> None:
    kinds = ("reasoning", "web_search_call", "file_search_call", "compaction", "additional_tools", "new", "mcp_call")
    assert messages(*({"type": kind, "id": "x"} for kind in kinds), {"role": "user", "content": "a"}) == [
        {"role": "user", "content": "a"}
    ]


def test_any_call_with_an_id_is_a_call() -> None:
    call = {"type": "apply_patch_call", "call_id": "c", "status": "completed", "operation": {"type": "delete_file"}}
    out = {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": None}
    first, second = messages(call, out)
    function = {"name": "apply_patch", "arguments": '{"operation":{"type":"delete_file"}}'}
    assert first == {
        "role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]
    }  # fmt: skip
    assert second == {"role": "tool", "tool_call_id": "c", "content": ""}


def test_an_output_that_is_an_object_is_said_as_json() -> None:
    assert messages({"type": "function_call_output", "call_id": "c", "output": {"a": 1}})[0]["content"] == '{"a":1}'


@pytest.mark.parametrize("content", [5, ["x"], [{"type": "odd"}], None])
def test_content_that_cannot_be_sent(content: Any) -> None:
    with pytest.raises(RequestError):
        messages({"role": "user", "content": content})


def test_items() -> None:
    assert items_of(None) == []
    assert tools_in([{"type": "additional_tools", "tools": [1]}, {"type": "additional_tools"}, {}]) == [1]


@pytest.mark.parametrize(
    "item", [{"type": "item_reference", "id": "msg_9"}, {"type": None, "id": "msg_9"}, {"id": "msg_9"}]
)
def test_what_is_only_an_id_is_refused_by_its_name(item: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="'msg_9' not found") as caught:
        messages(item, {"role": "user", "content": "hi"})
    assert caught.value.code == "item_not_found"
