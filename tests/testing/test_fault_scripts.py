"""The bytes of the ready-made answers, without a socket."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.testing import fault_scripts as scripts
from glowplug.testing.fault_scripts import Close, Send, Slices, Steps


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
