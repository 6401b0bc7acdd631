"""The Responses wire and its family: usage, the end of a stream, errors as events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import EngineFailed
from glowplug.wire import responses
from glowplug.wire.openai_values import Usage
from tests.wire.test_anthropic import event


def _tokens(usage: Usage | None) -> tuple[int, int | None, int] | None:
    return usage and (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)


@pytest.mark.parametrize(("usage", "tokens"), [
    ({"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}, (3, 4, 0)),
    ({"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}, (3, 4, 2)),
    ({"prompt_tokens": 3, "total_tokens": 3}, (3, 0, 0)), ({"total_tokens": 9}, (9, 0, 0)),
    ({"total_tokens": 9, "completion_tokens": 4}, (5, 4, 0)), ({"type": "duration", "seconds": 4}, None),
    ({"input_tokens": 1 << 60}, None), (None, None), ([], None),
])  # fmt: skip
def test_usage_of_a_whole_answer(usage: object, tokens: object) -> None:
    assert _tokens(responses.usage_of(json.dumps({"usage": usage}).encode())) == tokens
    assert responses.usage_of(b"not json") is None


CREATED = event("response.created", response={"id": "r", "usage": None})
DELTA = event("response.output_text.delta", delta='event: response.completed\n"usage":{"input_tokens":99}')
DONE = event("response.completed", response={"id": "r", "usage": {"input_tokens": 5, "output_tokens": 7}})
CUT = event("response.incomplete", response={"id": "r", "usage": {"input_tokens": 5, "output_tokens": 2}})


@pytest.mark.parametrize(("stream", "tokens"), [
    (CREATED + DELTA + DONE, (5, 7, 0)), (CREATED + DELTA, None), (CREATED + CUT, (5, 2, 0)),
    ((CREATED + DONE).replace(b"\n", b"\r\n"), (5, 7, 0)),
])  # fmt: skip
@given(cuts=st.lists(st.integers(0, 500), max_size=8))
def test_usage_of_a_stream(stream: bytes, tokens: object, cuts: list[int]) -> None:
    watch = responses.ResponsesWatch()
    places = sorted({min(cut, len(stream)) for cut in cuts})
    out = b"".join(watch.feed(stream[a:b]) for a, b in zip([0, *places], [*places, len(stream)], strict=True))
    assert out + watch.end() == stream
    assert _tokens(watch.usage) == tokens


@pytest.mark.parametrize(
    ("pieces", "last"),
    [
        ([CREATED, DELTA], [False, False]),
        ([CREATED, DELTA + DONE], [False, True]),
        ([DELTA + DONE[:-1], b"\n"], [False, True]),
        ([DONE[:60], DONE[60:90], DONE[90:]], [False, False, True]),
        ([CUT], [True]),
        ([event("error", message="x")], [True]),
        ([event("response.failed")], [True]),
        ([DONE.replace(b"\n", b"\r\n")], [True]),
    ],
)
def test_the_last_event(pieces: list[bytes], last: list[bool]) -> None:
    watch = responses.ResponsesWatch()
    assert [watch.is_last(piece) for piece in pieces] == last


@pytest.mark.parametrize(
    ("data", "last"),
    [
        (b'data: {"type":"transcript.text.delta","delta":"\\"type\\":\\"transcript.text.done\\""}\n\n', False),
        (b'data: {"type":"transcript.text.done","text":"x"}\n\n', True),
        (b"data: [DONE]\n\n", True),
        (b'data: {"type": "speech.audio.done"}\n\n', True),
        (b'data: {"type":"speech.audio.delta"}\n\n', False),
    ],
)
def test_the_last_event_of_sound(data: bytes, last: bool) -> None:
    watch = responses.AudioWatch()
    assert watch.is_last(data) is last
    watch.feed(b'data: {"type":"x.done","usage":{"type":"tokens","input_tokens":3,"output_tokens":1}}\n\n')
    assert _tokens(watch.usage) == (3, 1, 0)


def test_an_error_is_the_documented_event_and_the_object_of_whole_answers() -> None:
    text = responses.error_event(EngineFailed("it died", reason="crash", hint="look"), "req_1").decode()
    name, data = text.split("\n", 1)
    found = json.loads(data.removeprefix("data: "))
    assert name == "event: error"
    assert text.endswith("\n\n")
    assert {key: found[key] for key in ("type", "code", "message", "param", "sequence_number")} == {
        "type": "error", "code": "engine_failed", "message": "it died (look)", "param": None, "sequence_number": 0,
    }  # fmt: skip
    assert found["error"]["reason"] == "crash"
    assert found["error"]["request_id"] == "req_1"


@pytest.mark.parametrize(("status", "name"), [(200, b"message"), (422, b"error")])
def test_a_whole_answer_as_an_event(status: int, name: bytes) -> None:
    assert responses.answer_event(status, b'{"a":\n1}') == b'event: %b\ndata: {"a": 1}\n\n' % name


def test_the_details_of_usage() -> None:
    body = {
        "input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 6},
    }  # fmt: skip
    usage = responses.usage_of(json.dumps({"usage": body}).encode())
    assert usage is not None
    assert usage.cached_tokens == 4
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 6
    heard = {"input_tokens": 14, "input_token_details": {"audio_tokens": 14, "text_tokens": 0}, "output_tokens": 5}
    usage = responses.usage_of(json.dumps({"usage": heard}).encode())
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.audio_tokens == 14


def test_items_that_are_referred_to() -> None:
    request = b'{"model":"m","input":[{"type":"item_reference","id":"a"},{"role":"user","content":"x","id":"b"}]}'
    assert responses.references_of(request) == ["a"]
    assert responses.references_of(b'{"input":"item_reference"}') == []
    assert responses.references_of(b"[]") == []
    before, made = b'[{"role":"user","content":"hi","id":"a"}]', b'{"output":[{"type":"message","id":"c"}]}'
    found = responses.item_in(before, made, "a")
    assert found is not None
    assert responses.item_in(before, made, "c") is not None
    assert responses.item_in(before, made, "b") is None
    assert responses.resolved(request, {"a": found}) == (
        b'{"model":"m","input":[{"role":"user","content":"hi"},{"role":"user","content":"x","id":"b"}]}'
    )


@pytest.mark.parametrize(("item", "response"), [
    ("msg_req-1_0", "resp_req-1"), ("rs_a_b_12", "resp_a_b"), ("fc_x_3", "resp_x"), ("msg_68af00", ""), ("msg_1", ""),
    ("", ""),
])  # fmt: skip
def test_whose_an_item_is(item: str, response: str) -> None:
    assert responses.response_of_item(item) == response
