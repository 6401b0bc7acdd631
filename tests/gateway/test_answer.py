"""Response bytes for clients, to the byte."""

from __future__ import annotations

import pytest

from glowplug.errors import BodyTooLarge, GlowplugError, LimitReached, Loading, Unauthenticated, Unavailable
from glowplug.gateway import answer
from tests.gateway.rig import responses


@pytest.mark.parametrize(("keep", "http10", "line"), [
    (True, False, b""),
    (True, True, b"connection: keep-alive\r\n"),
    (False, False, b"connection: close\r\n"),
    (False, True, b"connection: close\r\n"),
])  # fmt: skip
def test_what_a_client_is_told_about_its_connection(keep: bool, http10: bool, line: bytes) -> None:
    assert answer.connection_header(keep, http10) == line


def test_a_whole_answer() -> None:
    assert answer.whole(200, answer.JSON, b"{}", answer.KEEP) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n{}"
    )


def test_the_answer_to_head_names_the_length_and_has_no_body() -> None:
    assert answer.whole(404, b"", b"{}", head_only=True) == b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n"


@pytest.mark.parametrize("status", [299, 418, 520, 529, 599])
def test_any_status_of_a_provider_has_a_status_line(status: int) -> None:
    (one,) = responses(answer.whole(status, b"", b"x"))
    assert (one.status, one.body) == (status, b"x")


@pytest.mark.parametrize(("http10", "connection", "lines"), [
    (False, b"", b"transfer-encoding: chunked\r\n"),
    (False, answer.CLOSE, b"transfer-encoding: chunked\r\nconnection: close\r\n"),
    (True, b"", b"connection: close\r\n"),
    (True, answer.CLOSE, b"connection: close\r\n"),
])  # fmt: skip
def test_the_head_of_a_stream(http10: bool, connection: bytes, lines: bytes) -> None:
    assert (
        answer.stream_head(200, b"x-a: 1\r\n", connection, http10) == b"HTTP/1.1 200 OK\r\nx-a: 1\r\n" + lines + b"\r\n"
    )


@pytest.mark.parametrize(("seconds", "header"), [
    (0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.2, b"2"), (1.5, b"2"), (2.0, b"2"), (7.2, b"8"), (7.9, b"8"), (30, b"30"),
])  # fmt: skip
def test_retry_after_is_whole_seconds_never_too_early_and_never_none(seconds: float, header: bytes) -> None:
    lines = answer.error_headers(Unavailable("x", retry_after=seconds), "r").split(b"\r\n")
    assert b"retry-after: " + header in lines


@pytest.mark.parametrize(("error", "challenge", "retry"), [
    (Unauthenticated("x"), True, False), (BodyTooLarge("x"), False, False),
    (LimitReached("x", retry_after=1), False, True),
])  # fmt: skip
def test_the_headers_of_an_error(error: GlowplugError, challenge: bool, retry: bool) -> None:
    (one,) = responses(answer.error(error, "req_1", answer.CLOSE))
    assert one.status == error.status
    assert one.headers["content-type"] == "application/json"
    assert one.headers["x-request-id"] == "req_1"
    assert one.headers["connection"] == "close"
    assert one.headers.get("www-authenticate") == ("Bearer" if challenge else None)
    assert ("retry-after" in one.headers) is retry
    assert one.json["error"]["request_id"] == "req_1"
    assert one.json["error"]["code"] == error.code


def test_an_error_carries_what_its_class_knows() -> None:
    (one,) = responses(answer.error(Loading("x", loading={"state": "queued"}), "r", b""))
    assert one.json["error"]["loading"] == {"state": "queued"}
    (head,) = responses(answer.error(Loading("x", loading={}), "r", b"", head_only=True), head=True)
    assert int(head.headers["content-length"]) > 0
