"""The pieces of HTTP/1.1 that are ours."""

from __future__ import annotations

import pytest

from glowplug.wire import http1


def test_status_lines() -> None:
    assert http1.STATUS_LINES[200] == b"HTTP/1.1 200 OK\r\n"
    assert http1.STATUS_LINES[503] == b"HTTP/1.1 503 Service Unavailable\r\n"
    assert http1.STATUS_LINES[599] == b"HTTP/1.1 599 Status\r\n"
    assert len(http1.STATUS_LINES) == 1000


def test_passed_headers_are_an_allow_list() -> None:
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Set-Cookie", b"a=b"),
        (b"Server", b"x"),
        (b"Connection", b"close"),
        (b"Content-Length", b"5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"X-RateLimit-Remaining", b"4"),
        (b"OpenAI-Processing-Ms", b"12"),
        (b"Retry-After", b"3"),
        (b"X-Request-Id", b"theirs"),
        (b"Access-Control-Allow-Origin", b"*"),
    ]
    assert http1.passed_headers(headers) == (
        b"content-type: application/json\r\nx-ratelimit-remaining: 4\r\nopenai-processing-ms: 12\r\nretry-after: 3\r\n"
    )


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
