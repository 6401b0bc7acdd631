"""Reading usage out of a stream in passing: the same whatever the cuts."""

from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glowplug.wire import sse
from glowplug.wire.sse import MAX_HELD, UsageFilter, UsageWatch, comment, event, is_last

USAGE = {"prompt_tokens": 5, "completion_tokens": 7}


def _content(text: str, **more: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}}], **more}).encode()


ONLY = json.dumps({"id": "x", "choices": [], "usage": USAGE}).encode()
SPACED = json.dumps({"id": "x", "choices": [], "usage": USAGE}, indent=1).replace("\n", " ").encode()
LAST = _content("end", usage=USAGE)
NULL = _content("a", usage=None)
TALK = _content('the "usage": {"prompt_tokens": 9} of it \n\n data: [DONE]')


def _run(parser: UsageWatch | UsageFilter, data: bytes, cuts: list[int]) -> bytes:
    places = sorted({min(c, len(data)) for c in cuts})
    out = b""
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        out += parser.feed(data[start:end])
    return out + parser.end()


def _tokens(parser: UsageWatch | UsageFilter) -> tuple[int, int | None] | None:
    return parser.usage and (parser.usage.prompt_tokens, parser.usage.completion_tokens)


_line_end = st.sampled_from([b"\n", b"\r\n"])
_events = st.lists(
    st.sampled_from(
        [b"data: " + p for p in (ONLY, SPACED, LAST, NULL, TALK, _content("hi"), b"[DONE]")]
        + [
            b"data:" + ONLY,
            b": ping",
            b'event: x\ndata: {"a":1}',
            b'data: {"a":\ndata: 1}',
            b"",
            b"id: 1\ndata: " + ONLY,
        ]
        + ["data: é☃ «usage»".encode()]
    ),
    max_size=6,
)
_streams = st.builds(
    lambda events, eol, whole: (b"".join(e.replace(b"\n", eol) + eol + eol for e in events))[
        : None if whole else -len(eol)
    ],
    _events,
    _line_end,
    st.booleans(),
)
_cuts = st.lists(st.integers(0, 1200), max_size=12)


@settings(max_examples=120, deadline=None)
@given(_streams, _cuts)
def test_the_watch_passes_everything_and_sees_the_same(data: bytes, cuts: list[int]) -> None:
    cut, whole = UsageWatch(), UsageWatch()
    assert _run(cut, data, cuts) == data
    _run(whole, data, [])
    assert _tokens(cut) == _tokens(whole)
    assert (_tokens(whole) is not None) == (b'prompt_tokens": 5' in data)


@settings(max_examples=120, deadline=None)
@given(_streams, _cuts)
@example(b"\n\n\ndata: " + ONLY + b"\n\n", [3])
@example(b"\n\n\n\r\ndata: " + ONLY + b"\r\n\r\n", [2, 3, 4])
def test_the_filter_removes_the_same_whatever_the_cuts(data: bytes, cuts: list[int]) -> None:
    cut, whole = UsageFilter(), UsageFilter()
    assert _run(cut, data, cuts) == _run(whole, data, [])
    assert _tokens(cut) == _tokens(whole)


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("only", [ONLY, SPACED])
@pytest.mark.parametrize("end", ["whole", "one line end", "no line end"])
def test_the_usage_event_is_removed_exactly_when_alone(eol: bytes, only: bytes, end: str) -> None:
    def lines(*payloads: bytes) -> bytes:
        return b"".join(b"data: " + p + eol + eol for p in payloads)

    before, after = lines(_content("hi"), NULL, TALK, LAST), lines(b"[DONE]")
    for data, want in ((before + lines(only) + after, before + after), (lines(LAST) + after, lines(LAST) + after)):
        filtered = UsageFilter()
        assert _run(filtered, data, list(range(len(data)))) == want
        assert _tokens(filtered) == (5, 7)
    tail = {"whole": eol + eol, "one line end": eol, "no line end": b""}[end]
    filtered = UsageFilter()
    assert _run(filtered, before + b"data: " + only + tail, [10, len(before) + 3]) == before
    assert _tokens(filtered) == (5, 7)


def test_comments_and_named_events_pass() -> None:
    data = b': hello\n\nevent: ping\ndata: {}\n\nretry: 5\n\n: "usage": {\n\n'
    for parser in (UsageFilter(), UsageWatch()):
        assert _run(parser, data, [1, 9, 30]) == data
        assert parser.usage is None


def test_a_payload_over_several_lines_is_one_event() -> None:
    data = b'data: {"choices":\ndata: [],\ndata: "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\n'
    parser = UsageFilter()
    assert _run(parser, data + b"data: [DONE]\n\n", [20, 40]) == b"data: [DONE]\n\n"
    assert _tokens(parser) == (1, 2)


def test_the_last_usage_counts() -> None:
    first = _content("a", usage={"prompt_tokens": 5, "completion_tokens": 1})
    for parser in (UsageFilter(), UsageWatch()):
        _run(parser, event(first) + event(LAST) + event(NULL), [])
        assert _tokens(parser) == (5, 7)


def test_what_talks_about_usage_is_content() -> None:
    parser = UsageFilter()
    assert _run(parser, event(TALK), [5]) == event(TALK)
    assert parser.usage is None


def test_a_long_event_in_many_pieces_is_looked_through_once() -> None:
    """The whole worker stands still meanwhile.  Looked through from its beginning with every piece, it took seconds."""
    stream = UsageFilter()
    begun = process_time()
    for _ in range(600):
        assert stream.feed(b"x" * 1000) == b""
    assert process_time() - begun < 1.5
    assert stream.feed(b"\n\n") == b"x" * 600_000 + b"\n\n"


@pytest.mark.parametrize("size", [MAX_HELD - 100, MAX_HELD + 100_000])
def test_a_giant_event_passes(size: int) -> None:
    data = event(_content("x" * size)) + event(ONLY) + event(b"[DONE]")
    for parser, want in ((UsageFilter(), data.replace(event(ONLY), b"")), (UsageWatch(), data)):
        cuts = list(range(0, len(data), 65_536))
        held = 0
        out = b""
        for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True):
            out += parser.feed(data[start:end])
            held = max(held, end - len(out))
        out += parser.end()
        assert out == want
        assert held <= MAX_HELD + 65_536
        assert _tokens(parser) == (5, 7)


def test_deeply_nested_events_are_content() -> None:
    data = event(b'{"usage": {"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}")
    for parser in (UsageFilter(), UsageWatch()):
        assert _run(parser, data, [7]) == data
        assert parser.usage is None


@pytest.mark.parametrize(
    ("data", "last"),
    [
        (b"data: [DONE]\n\n", True),
        (b"data:[DONE]\n\n", True),
        (b"data: [DONE]\r\n\r\n", True),
        (b"data: {}\n\ndata: [DONE]\n\n", True),
        (b"data: [DONE]\n", True),
        (b"data: [DONE]\n\ndata: {}\n\n", False),
        (b'data: {"content": "data: [DONE]', False),
        (b'data: {"content": "data: [DONE] ', False),
        (b'data: "[DONE]"\n\n', False),
        (b": data: [DONE]\n\n", False),
        (b"data: x\n", False),
        (b"", False),
    ],
)
def test_is_last(data: bytes, last: bool) -> None:
    assert is_last(data) is last


def test_a_comment_is_one_line_whatever_it_says() -> None:
    assert comment("a\r\nevent: x\n\ndata: y") == b": a  event: x  data: y\n\n"
    assert sse.event(b"{}") == b"data: {}\n\n"


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b'data: {"error":{"message":"CUDA error","code":500,"type":"server_error"}}\n\n', "CUDA error"),
        (b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n', "busy"),
        (b': ping\n\ndata:{"error":{"code":"oom"}}\n\n', "an error without a message"),
        (b'data: {"error":{"message":"slow down","code":429}}\n\n', "slow down"),
        (b'data: {"error":{"message":"too long","code":400}}\n\n', None),
        (b'data: {"error":{"message":"too long","type":"invalid_request_error"}}\n\n', None),
        (b'data: {"choices":[],"error":null}\n\n', None),
        (b'data: {"choices":[{"delta":{"content":"\\"error\\""}}]}\n\n', None),
        (b'data: {"id":"x"}\n\ndata: {"error":{"message":"late"}}\n\n', None),
        (b"data: [DONE]\n\n", None),
        (b"", None),
        (b'data: {"error":"text"}\n\n', None),
        (b"data: \xff\n\n", None),
    ],
)
def test_an_error_as_the_first_event(block: bytes, why: str | None) -> None:
    assert sse.first_failure(block) == why


def test_what_is_no_stream_of_events_passes() -> None:
    through = sse.Through()
    assert through.feed(b"data: [DONE]\n\n") == b"data: [DONE]\n\n"
    assert (through.end(), through.usage, through.is_last(b"data: [DONE]\n\n")) == (b"", None, False)


def test_an_event_with_a_name_is_two_lines() -> None:
    assert sse.named_event(b"error", b'{\r\n"a":1}') == b'event: error\ndata: { "a":1}\n\n'


@pytest.mark.parametrize(("payload", "why"), [
    (b'{"error":{"message":"busy","code":500}}', "busy"), (b'{"error":{"message":"long","code":400}}', None),
    (b'{"error":null,"choices":[]}', None), (b'{"choices":[]}', None), (b"no", None),
])  # fmt: skip
def test_an_error_as_a_whole_answer(payload: bytes, why: str | None) -> None:
    assert sse.failure(payload) == why
