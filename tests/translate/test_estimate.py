"""An estimate counts everything that is read: leaving out one kind of content makes it useless."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.translate.estimate import IMAGE, PAGE, estimated_tokens, has_images

HI = [{"role": "user", "content": "hi"}]
PROSE = "The quick brown fox jumps over the lazy dog, and then it does so again. " * 40
SCHEMA = {
    "type": "object",
    "properties": {f"member_{n}": {"type": "string", "description": PROSE[:90]} for n in range(20)},
}


def tokens(**members: Any) -> int:
    return estimated_tokens(json.dumps({"model": "m", "messages": HI, **members}).encode())


def test_a_coding_agents_request_is_mostly_tools_and_system() -> None:
    tools = [{"name": f"tool_{n}", "description": PROSE, "input_schema": SCHEMA} for n in range(15)]
    whole = tokens(system=[{"type": "text", "text": PROSE * 4}], tools=tools)
    assert tokens() < 0.07 * whole, "who counts the messages alone is 93 % short"
    real = 15 * (len(PROSE) + len(json.dumps(SCHEMA))) / 4 + len(PROSE)
    assert 0.6 * real < whole < 1.6 * real


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


TEXT = {"type": "text", "text": PROSE}


@pytest.mark.parametrize(("members", "least"), [
    ({"system": PROSE}, 600),
    ({"system": [TEXT]}, 600),
    ({"tools": [{"name": "f", "description": PROSE, "input_schema": {}}]}, 600),
    ({"tools": [{"name": "f", "input_schema": SCHEMA}]}, 500),
    ({"messages": [{"role": "user", "content": PROSE}]}, 600),
    (user(TEXT), 600),
    (user({"type": "tool_use", "name": "f", "input": {"a": PROSE}}), 600),
    (user({"type": "thinking", "thinking": PROSE, "signature": "s"}), 600),
    (user({"type": "tool_result", "content": PROSE}), 600),
    (user({"type": "tool_result", "content": [TEXT]}), 600),
    (user({"type": "tool_result", "content": [{"type": "image"}]}), IMAGE),
    (user({"type": "image", "source": {"data": "A" * 9}}), IMAGE),
    (user({"type": "document", "source": {"type": "text", "data": PROSE}}), 600),
    (user({"type": "document", "source": {"type": "base64", "data": "A"}}), PAGE),
    (user({"type": "new", "words": PROSE}), 600),
    ({"messages": [{"role": "user", "content": "猫" * 900}]}, 500),
])  # fmt: skip
def test_nothing_is_forgotten(members: Any, least: int) -> None:
    assert least <= tokens(**members) < 2 * least + 800


def test_the_bytes_of_an_image_are_no_text() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 400_000}}
    assert tokens(messages=[{"role": "user", "content": [image]}]) < IMAGE + 20
    assert has_images(json.dumps(image).encode())
    assert not has_images(json.dumps(HI).encode())


def test_a_signature_is_not_read() -> None:
    block = {"type": "thinking", "thinking": "", "signature": "A" * 4000}
    assert tokens(messages=[{"role": "assistant", "content": [block]}]) < 20


@given(st.binary(max_size=50) | st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["messages", "system", "tools", "content", "type", "source", "data"]), inner, max_size=4),
    max_leaves=10).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_body_has_one(data: bytes) -> None:
    assert estimated_tokens(data) >= 1
