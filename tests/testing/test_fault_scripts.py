"""The bytes of the ready-made answers, without a socket."""

from __future__ import annotations

import contextlib
import json

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.testing import fault_scripts as scripts
from glowplug.testing.fault_scripts import Close, Mark, Reset, Send, Silence, Slices, Steps, Wait


class Reading:
    """What llhttp makes of an answer."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.complete = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpResponseParser(self)
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


def wire(steps: Steps) -> bytes:
    return b"".join(step.data for step in steps if isinstance(step, (Send, Slices)))


@given(st.binary(max_size=200), st.sampled_from([200, 404, 503]))
def test_a_plain_answer_is_whole(body: bytes, status: int) -> None:
    read = Reading(wire(scripts.plain(body, status)))
    assert (read.body, read.complete, read.parser.get_status_code()) == (body, 1, status)


@given(st.lists(st.text("ab {}:", max_size=10), max_size=5))
def test_a_stream_is_whole_and_adds_nothing(events: list[str]) -> None:
    read = Reading(wire(scripts.stream(*events)))
    assert read.body == b"".join(f"data: {event}\n\n".encode() for event in events)
    assert read.complete == 1
    assert dict(read.headers)[b"content-type"] == b"text/event-stream"


@given(st.binary(max_size=60), st.integers(1, 7))
def test_sliced_chunks_are_whole_and_go_one_byte_at_a_time(body: bytes, size: int) -> None:
    (step,) = scripts.sliced_chunks(body, size)
    assert isinstance(step, Slices) and (step.size, step.gap) == (1, 0.0)
    read = Reading(step.data)
    assert (read.body, read.complete) == (body, 1)
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    assert step.data.endswith(b"".join(map(scripts.chunk, chunks)) + scripts.LAST_CHUNK)


@pytest.mark.parametrize(
    ("steps", "complete"),
    [
        (scripts.cut_short(b"12345", 2), 0),
        (scripts.cut_chunks("a", "b"), 0),
        (scripts.until_close(b"12345"), 0),
    ],
)
def test_what_ends_with_a_close_is_not_complete_before(steps: Steps, complete: int) -> None:
    read = Reading(wire(steps))
    assert read.complete == complete and read.body
    assert isinstance(steps[-1], Close)


def test_framing_that_can_be_read_two_ways_is_written_as_such() -> None:
    both = wire(scripts.both_framings(b"abc")).lower()
    assert b"content-length: 3\r\n" in both and b"transfer-encoding: chunked\r\n" in both
    two = wire(scripts.two_lengths(b"abc")).lower()
    assert b"content-length: 3\r\n" in two and b"content-length: 4\r\n" in two
    for data in (both, two):
        with pytest.raises(httptools.HttpParserError):
            Reading(data)


def test_huge_headers_garbage_and_interim_answers() -> None:
    assert len(Reading(wire(scripts.huge_header(70_000))).headers[0][1]) == 70_000
    with pytest.raises(httptools.HttpParserError):
        Reading(wire(scripts.garbage()))
    (first, *_) = scripts.informed(b"{}", 100, 103)
    assert isinstance(first, Send)
    assert first.data == b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize("headers", [{"a": "1", "b": "é"}, [("a", "1"), ("b", "é")]])
def test_a_head_is_written_exactly_as_given(headers: object) -> None:
    data = scripts.head(200, headers, version="1.0")  # type: ignore[arg-type]
    assert data == "HTTP/1.0 200 OK\r\na: 1\r\nb: é\r\n\r\n".encode("latin-1")


def test_codes_that_python_does_not_know_have_a_head() -> None:
    assert scripts.head(529).startswith(b"HTTP/1.1 529 Status\r\n")
    read = Reading(wire(scripts.refusing(529, "7")))
    assert (read.parser.get_status_code(), dict(read.headers)[b"retry-after"], read.complete) == (529, b"7", 1)
    assert b"retry-after" not in dict(Reading(wire(scripts.refusing(503))).headers)


def test_pieces_are_chunks_whatever_they_are() -> None:
    steps = scripts.pieces_of(b"da", b"ta: \xff", media="application/x-ndjson")
    read = Reading(wire(steps))
    assert (read.body, read.complete) == (b"data: \xff", 1)
    assert dict(read.headers)[b"content-type"] == b"application/x-ndjson"
    assert [step.data for step in steps[1:3] if isinstance(step, Send)] == [b"2\r\nda\r\n", b"5\r\nta: \xff\r\n"]


def test_slices_are_the_same_bytes() -> None:
    steps = scripts.stalled(b"data: 1\n\n")
    cut = scripts.slice_all(steps, 3, 0.5)
    assert wire(cut) == wire(steps)
    assert [type(step) for step in cut[2:]] == [Mark, Silence]
    assert all((step.size, step.gap) == (3, 0.5) for step in cut if isinstance(step, Slices))


def test_broken_streams_have_no_end() -> None:
    for steps, last in (
        (scripts.stalled(b"a", mark="m"), (Mark("m"), Silence())),
        (scripts.reset_after(b"a", gate="g"), (Wait("g"), Reset())),
    ):
        read = Reading(wire(steps))
        assert (read.body, read.complete) == (b"a", 0)
        assert tuple(steps[-2:]) == last


@given(st.text("ab\r\n", max_size=20))
def test_every_line_ends_in_crlf(text: str) -> None:
    out = scripts.with_crlf(text.encode())
    assert out.count(b"\n") == out.count(b"\r\n") == text.count("\n")
    assert scripts.with_crlf(out) == out


def test_a_giant_line_is_one_event() -> None:
    line = scripts.giant_line(100_000)
    assert line.count(b"\n") == 2 and line.startswith(b"data: ") and len(line) > 100_000
    assert json.loads(line[6:])["choices"][0]["delta"]["content"] == "x" * 100_000


def test_malformed_events_cannot_be_read() -> None:
    for name, data in scripts.MALFORMED.items():
        assert data.endswith(b"\n\n"), name
        payloads = [line[5:] for line in data.split(b"\n") if line.startswith(b"data:")]
        read = None
        with contextlib.suppress(ValueError, IndexError):
            read = json.loads(payloads[0])
        assert not isinstance(read, dict), name


def test_bursts_end_and_flaps_alternate() -> None:
    bad, good = scripts.refusing(503), scripts.plain(b"{}")
    assert scripts.burst(2, bad, good) == {0: bad, 1: bad, "*": good}
    assert scripts.flapping(3, bad, good) == {0: bad, 1: good, 2: bad, "*": good}


def test_dates_types_and_errors_inside() -> None:
    assert scripts.retry_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT"
    read = Reading(wire(scripts.typed(b"<html>", "text/html", 203)))
    assert (read.body, dict(read.headers)[b"content-type"]) == (b"<html>", b"text/html")
    assert json.loads(scripts.error_inside("x", "y")) == {"error": {"message": "x", "code": "y"}}
