"""Claude Code's attribution line, which no engine should see: two requests that differ in it alone become one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.wire.attribution import plain_text, without_attribution


def line(nonce: str) -> str:
    return f"x-anthropic-billing-header: cc_version=2.1.177.01c; cc_entrypoint=sdk-cli; cch={nonce};"


def body(system: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "system": system, "messages": [{"role": "user", "content": "ü"}], **more}).encode()


PROMPT = {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(("before", "after"), [
    ([{"type": "text", "text": line("1")}, PROMPT], [PROMPT]),
    ([{"type": "text", "text": f"{line('1')}\nBe kind."}, PROMPT], [{"type": "text", "text": "Be kind."}, PROMPT]),
    (f"{line('1')}\nBe kind.", "Be kind."),
    (f"Be kind.\n{line('1')}", "Be kind.\n"),
    ([{"type": "text", "text": line("1")}], []),
    ([PROMPT, "odd", {"type": "text", "text": f"  {line('1')}\n"}], [PROMPT, "odd"]),
])  # fmt: skip
def test_the_line_goes_and_the_rest_stays(before: Any, after: Any) -> None:
    assert json.loads(without_attribution(body(before))) == json.loads(body(after))


def test_requests_that_differ_in_the_line_alone_become_the_same_bytes() -> None:
    one, other = (body([{"type": "text", "text": line(nonce)}, PROMPT]) for nonce in ("aaaaa", "bbbbb"))
    assert one != other
    assert without_attribution(one) == without_attribution(other)


def test_everything_else_stays_byte_for_byte() -> None:
    spaced = b'{ "model":"m" , "tools":[{"system":1}],"system" : "%b\\nx", "messages":[ ] }'
    assert without_attribution(spaced % line("1").encode()) == (
        b'{ "model":"m" , "tools":[{"system":1}],"system" : "x", "messages":[ ] }'
    )


@pytest.mark.parametrize("data", [
    body([PROMPT]),
    body("plain", messages=[{"role": "user", "content": line("1")}]),
    b"x-anthropic-billing-header: no JSON",
    b'{"system": 5, "x": "x-anthropic-billing-header:"}',
    b'{"system": "x-anthropic-billing-header: \xff"}',
    body(f"a word about {line('1')}"),
])  # fmt: skip
def test_what_is_not_the_line_is_left_alone(data: bytes) -> None:
    assert json.dumps(without_attribution(data).decode(errors="replace")) == json.dumps(data.decode(errors="replace"))


def test_a_text_without_it_is_the_same_object() -> None:
    text = "no such line"
    assert plain_text(text) is text
