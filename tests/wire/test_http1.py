"""The pieces of HTTP/1.1 that are ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire import http1


def test_status_lines() -> None:
    assert http1.STATUS_LINES[200] == b"HTTP/1.1 200 OK\r\n"
    assert http1.STATUS_LINES[503] == b"HTTP/1.1 503 Service Unavailable\r\n"
    assert http1.STATUS_LINES[599] == b"HTTP/1.1 599 Status\r\n"
    assert len(http1.STATUS_LINES) == 1000


RATES = [b"X-RateLimit-Remaining: 4", b"x-ratelimit-reset-tokens:6ms", b"Anthropic-RateLimit-Requests-Limit: 5"]
PASSED = [
    b"Content-Type: application/json",
    b"content-encoding: gzip",
    b"Content-Disposition: attachment",
    b"CONTENT-LANGUAGE: en",
    *RATES,
    b"OpenAI-Processing-Ms: 12",
    b"anthropic-organization-id: o",
    b"Retry-After: 3",
]
KEPT_HERE = [
    b"Set-Cookie: a=b",
    b"Server: x",
    b"Connection: close",
    b"Content-Length: 5",
    b"Content-Security-Policy: none",
    b"Transfer-Encoding: chunked",
    b"X-Request-Id: theirs",
    b"Access-Control-Allow-Origin: *",
    b"Retry-After-That: 1",
    b"Retry: 1",
    b"X-Content-Type: text/plain",
    b"X-OpenAI-Thing: 1",
    b"Xopenai-thing: 1",
    b"Note: Content-Type: text/html",
]


def head_of(*lines: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 Content-Type: no", *lines, b"", b""))


@given(st.permutations([*PASSED, *KEPT_HERE]))
def test_passed_lines_are_an_allow_list_in_the_spelling_they_came_in(lines: list[bytes]) -> None:
    want = b"".join((b"llm_provider-" if line in RATES else b"") + line + b"\r\n" for line in lines if line in PASSED)
    assert http1.passed_lines(head_of(*lines)) == want


@pytest.mark.parametrize("line", RATES)
def test_rates_of_the_operators_account_are_nobody_elses(line: bytes) -> None:
    assert http1.passed_lines(head_of(line)) == b"llm_provider-" + line + b"\r\n"
    assert http1.passed_lines(http1.json_head(head_of(line))) == (
        b"content-type: application/json\r\nllm_provider-" + line + b"\r\n"
    )


def test_nothing_passes_of_a_head_without_such_lines() -> None:
    assert http1.passed_lines(head_of()) == b""
    assert http1.passed_lines(head_of(*KEPT_HERE)) == b""


@pytest.mark.parametrize(
    ("line", "framed", "events"),
    [
        (b"Content-Length: 5", True, False),
        (b"transfer-ENCODING: chunked", True, False),
        (b"X-Content-Length: 5", False, False),
        (b"Note: content-length: 5", False, False),
        (b"Content-Type: text/event-stream; charset=utf-8", False, True),
        (b"CONTENT-TYPE:\tTEXT/EVENT-STREAM", False, True),
        (b"Content-Type: application/json", False, False),
        (b"X-Type: text/event-stream", False, False),
    ],
)
def test_what_a_head_says_of_its_body(line: bytes, framed: bool, events: bool) -> None:
    for head in (head_of(line), head_of(b"A: 1", line, b"Z: 2")):
        assert (http1.is_framed(head), http1.is_event_stream(head)) == (framed, events)


def test_fields_in_order_with_lower_case_names_and_bare_values() -> None:
    head = head_of(b"A-b: 1", b"c:\t 2 3 \t", b"A-B:", b"url: http://x:1/")
    assert http1.fields(head) == [(b"a-b", b"1"), (b"c", b"2 3"), (b"a-b", b""), (b"url", b"http://x:1/")]
    assert http1.fields(head_of()) == []


def test_header_is_case_insensitive_and_takes_the_last() -> None:
    headers = [(b"A-b", b"1"), (b"a-B", b"2"), (b"a-bc", b"3")]
    assert http1.header(headers, b"a-b") == b"2"
    assert http1.header(headers, b"x-y") is None


def test_request_head_drops_what_belongs_to_the_connection() -> None:
    headers = [
        (b"accept", b"*/*"),
        (b"Connection", b"keep-alive, X-Private"),
        (b"connection", b"te"),
        (b"x-private", b"1"),
        (b"te", b"trailers"),
        (b"Transfer-Encoding", b"chunked"),
        (b"content-length", b"99"),
        (b"host", b"evil"),
        (b"expect", b"100-continue"),
        (b"upgrade", b"h2c"),
        (b"X-Kept", b"2"),
    ]
    head = http1.request_head(b"POST", b"/a?b", b"here", headers, 3)
    assert head == b"POST /a?b HTTP/1.1\r\nhost: here\r\naccept: */*\r\nx-kept: 2\r\ncontent-length: 3\r\n\r\n"
    assert b"content-length" not in http1.request_head(b"GET", b"/", b"here", headers, None)


def test_chunk() -> None:
    assert http1.chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"localhost", b"localhost"),
        (b" LocalHost:4000 ", b"localhost"),
        (b"127.0.0.1:80", b"127.0.0.1"),
        (b"[::1]:4000", b"[::1]"),
        (b"[::1]", b"[::1]"),
        (b"", b""),
        (b":80", b""),
    ],
)
def test_host_name(value: bytes, name: bytes) -> None:
    assert http1.host_name(value) == name


def test_a_query_goes_behind_the_one_that_is_there() -> None:
    assert http1.with_query(b"POST /a HTTP/1.1\r\nx: 1", b"?b=1") == b"POST /a?b=1 HTTP/1.1\r\nx: 1"
    assert http1.with_query(b"POST /a?c HTTP/1.1\r\nx: 1", b"?b=1") == b"POST /a?c&b=1 HTTP/1.1\r\nx: 1"


@pytest.mark.parametrize(("line", "page"), [
    (b"Content-Type: text/html; charset=utf-8", True), (b"content-type:TEXT/HTML", True),
    (b"content-type: application/json", False), (b"x-content-type: text/html", False),
    (b"a: content-type: text/html", False),
])  # fmt: skip
def test_pages_are_known_by_their_type(line: bytes, page: bool) -> None:
    assert http1.is_page(head_of(line)) is page


def test_a_body_of_ours_keeps_what_is_not_said_of_a_body() -> None:
    head = http1.json_head(
        head_of(b"Content-Type: text/plain", b"content-encoding: gzip", b"Retry-After: 3", b"Server: x")
    )
    assert head == b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nRetry-After: 3\r\n\r\n"
