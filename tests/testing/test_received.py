"""Requests come out the same however their bytes were cut."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.testing.received import Received, RequestParser

RAW = (
    b'POST /v1/chat/completions?x=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\n{"model":"m"}'
    b"POST /b HTTP/1.1\r\nA: 1\r\na: 2\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    b"GET /v1/models HTTP/1.0\r\n\r\n"
)


@given(st.sets(st.integers(1, len(RAW) - 1), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_requests(cuts: set[int]) -> None:
    parser = RequestParser()
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(RAW)], strict=True):
        parser.feed(RAW[start:end])
    assert [h.target for h in parser.heads] == ["/v1/chat/completions?x=1", "/b", "/v1/models"]
    assert [h.keep_alive for h in parser.heads] == [True, True, False]
    assert parser.bodies == [b'{"model":"m"}', b"abcde", b""]
    assert parser.heads[1].raw_headers == (("a", "1"), ("a", "2"), ("transfer-encoding", "chunked"))


def test_a_head_is_there_before_its_body() -> None:
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
    assert parser.heads[0].expects_continue
    assert parser.bodies == []


def test_nonsense_raises() -> None:
    with pytest.raises(httptools.HttpParserError):
        RequestParser().feed(b"nonsense\r\n\r\n")


@pytest.mark.parametrize(
    ("body", "model"), [(b'{"model":"m"}', "m"), (b'{"model":1}', ""), (b"[1]", ""), (b"{", ""), (b"\xff", "")]
)
def test_the_model_of_whatever_came(body: bytes, model: str) -> None:
    request = Received(0, 0, "POST", "/p?q=/r", (("a", "1"), ("a", "2")), body, True)
    assert (request.model, request.path, request.headers) == (model, "/p", {"a": "2"})
