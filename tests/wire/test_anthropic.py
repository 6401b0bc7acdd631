"""Anthropic's wire: usage the same whatever the cuts, the end of a stream, errors in its envelope."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import (
    BodyTooLarge,
    ConfigError,
    EngineFailed,
    Forbidden,
    GlowplugError,
    LimitReached,
    Loading,
    NotFound,
    RequestTimeout,
    Unauthenticated,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from glowplug.wire import anthropic
from glowplug.wire.openai_values import Usage


def _tokens(usage: Usage | None) -> tuple[int, int | None, int] | None:
    return usage and (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 3, "output_tokens": 4}, (3, 4, 0)),
        (
            {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 5},
            (18, 4, 10),
        ),
        ({"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": None}, (0, 0, 0)),
        ({"input_tokens": -1, "output_tokens": 4}, None),
        ("many", None),
        (None, None),
    ],
)
def test_usage_of_a_whole_answer(usage: object, tokens: object) -> None:
    assert _tokens(anthropic.usage_of(json.dumps({"type": "message", "usage": usage}).encode())) == tokens
    assert anthropic.usage_of(b"\xff{") is None


def event(name: str, **members: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


START = event(
    "message_start", message={"id": "m", "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}}
)
DELTA = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7})
FULL_DELTA = event("message_delta", usage={"input_tokens": 9, "output_tokens": 8})
TALK = event("content_block_delta", delta={"text": 'event: message_stop\n\n "usage":{"output_tokens":99}'})
STOP = event("message_stop")


@pytest.mark.parametrize(("stream", "tokens"), [
    (START + TALK + DELTA + STOP, (7, 7, 2)), (START + TALK, (7, None, 2)), (START + FULL_DELTA + STOP, (9, 8, 0)),
    (b": ping\n\n" + event("ping") + START + DELTA, (7, 7, 2)), (TALK + STOP, None),
    ((START + DELTA + STOP).replace(b"\n", b"\r\n"), (7, 7, 2)), (START + DELTA.rstrip(), (7, 7, 2)),
    (START + DELTA.replace(b'{"output_tokens": 7}', b'{"output_tokens": -7}'), (7, None, 2)),
])  # fmt: skip
@given(cuts=st.lists(st.integers(0, 700), max_size=8))
def test_usage_of_a_stream(stream: bytes, tokens: object, cuts: list[int]) -> None:
    watch = anthropic.MessagesWatch()
    places = sorted({min(cut, len(stream)) for cut in cuts})
    out = b"".join(watch.feed(stream[a:b]) for a, b in zip([0, *places], [*places, len(stream)], strict=True))
    assert out + watch.end() == stream
    assert _tokens(watch.usage) == tokens


@pytest.mark.parametrize(("data", "last"), [
    (STOP, True), (DELTA + STOP, True), (STOP.replace(b"\n", b"\r\n"), True), (STOP + b"\n", True), (STOP[:-1], False),
    (TALK, False), (START, False), (STOP + START, False), (b"", False),
])  # fmt: skip
def test_the_last_event(data: bytes, last: bool) -> None:
    assert anthropic.MessagesWatch().is_last(data) is last


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unauthenticated("x"), "authentication_error"),
        (Forbidden("x"), "permission_error"),
        (NotFound("x"), "not_found_error"),
        (BodyTooLarge("x"), "request_too_large"),
        (LimitReached("x"), "rate_limit_error"),
        (RequestTimeout("x"), "invalid_request_error"),
        (Unavailable("x"), "overloaded_error"),
        (Loading("x", loading={}), "overloaded_error"),
        (EngineFailed("x"), "api_error"),
        (UpstreamError("x"), "api_error"),
        (UpstreamTimeout("x"), "timeout_error"),
        (ConfigError("x"), "api_error"),
    ],
)
def test_types_of_errors(error: GlowplugError, kind: str) -> None:
    assert json.loads(anthropic.error_body(error, "r"))["error"]["type"] == kind


def test_the_envelope() -> None:
    error = EngineFailed("it died", reason="crash", log_tail=("last",), hint="look")
    body = json.loads(anthropic.error_body(error, "req_1"))
    assert body == {
        "type": "error",
        "error": {
            "type": "api_error",
            "message": "it died (look)",
            "code": "engine_failed",
            "source": "glowplug",
            "request_id": "req_1",
            "hint": "look",
            "reason": "crash",
            "log_tail": ["last"],
        },
        "request_id": "req_1",
    }
    name, data = anthropic.error_event(error, "req_1").decode().split("\n", 1)
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: ")) == body


@pytest.mark.parametrize(("status", "name"), [(200, b"message"), (400, b"error"), (503, b"error")])
def test_a_whole_answer_as_an_event(status: int, name: bytes) -> None:
    assert anthropic.answer_event(status, b'{\n"a":1}') == b'event: %b\ndata: { "a":1}\n\n' % name


def test_what_was_put_into_the_cache_is_part_of_the_prompt_and_stands_until_it_is_reported_again() -> None:
    started = {"input_tokens": 10, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4, "output_tokens": 1}
    usage = anthropic.usage_of(json.dumps({"usage": started}).encode())
    assert usage is not None
    assert (usage.prompt_tokens, usage.cached_tokens, usage.cache_written) == (17, 3, 4)
    watch = anthropic.MessagesWatch()
    watch.read(json.dumps({"type": "message_start", "message": {"usage": started}}).encode())
    watch.read(json.dumps({"type": "message_delta", "usage": {"output_tokens": 9}}).encode())
    usage = watch.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.cached_tokens, usage.cache_written, usage.completion_tokens) == (17, 3, 4, 9)


def test_thinking_is_a_part_of_the_answer() -> None:
    watch = anthropic.MessagesWatch()
    said = {"output_tokens": 30, "output_tokens_details": {"thinking_tokens": 20}}
    for usage in ({"input_tokens": 4, "output_tokens": 1}, said, {"output_tokens": 40}):
        watch.read(json.dumps({"type": "message_delta", "usage": usage}).encode())
    assert watch.usage is not None
    assert watch.usage.completion_tokens == 40
    assert watch.usage.completion_tokens_details is not None
    assert watch.usage.completion_tokens_details.reasoning_tokens == 20
