"""Upstreams' errors in the client's words, whatever shape they came in."""

from __future__ import annotations

import json

import pytest

from glowplug.wire.failures import alone, anthropic_error, anthropic_type, message_of, openai_error

SHAPES = [
    (b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"bad"}}', "no"),
    (b'{"type":"error","error":{"type":"overloaded_error","message":"no"}}', "no"),
    (b'{"error":"no"}', "no"),
    (b'{"object":"error","message":"no","code":400}', "no"),
    (b'{"detail":"no"}', "no"),
    (b'{"detail":[{"msg":"no"}]}', '[{"msg":"no"}]'),
    (b"no", "no"),
    (b"", "the upstream answered 400 without a word"),
    (b"[1]", "[1]"),
    (b'[{"error":{"message":"no","code":400}}]', "no"),
    (b' [ {"error":"no"} ]', "no"),
    (b'{"error":{"message":""}}', '{"error":{"message":""}}'),
]


@pytest.mark.parametrize(("body", "message"), SHAPES)
def test_the_message_is_found(body: bytes, message: str) -> None:
    ours = json.loads(anthropic_error(400, body, "r1"))
    assert ours["type"] == "error"
    assert ours["error"]["message"] == message
    theirs = json.loads(openai_error(400, body))["error"]
    assert theirs["message"] == message
    assert set(theirs) == {"message", "type", "param", "code"}


def test_what_is_anthropics_stays() -> None:
    assert anthropic_error(529, SHAPES[1][0], "r1") == SHAPES[1][0]
    assert json.loads(anthropic_error(400, b"x", "r1"))["request_id"] == "r1"
    assert "request_id" not in json.loads(anthropic_error(400, b"x"))


@pytest.mark.parametrize(("status", "kind"), [
    (400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"), (403, "permission_error"),
    (404, "not_found_error"), (409, "conflict_error"), (413, "request_too_large"), (422, "invalid_request_error"),
    (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"), (503, "overloaded_error"),
    (504, "timeout_error"), (529, "overloaded_error"),
])  # fmt: skip
def test_types_by_status(status: int, kind: str) -> None:
    assert anthropic_type(status) == kind


@pytest.mark.parametrize(("status", "body", "kind", "code"), [
    (400, SHAPES[0][0], "invalid_request_error", "bad"),
    (529, SHAPES[1][0], "overloaded_error", None),
    (404, b'{"type":"error","error":{"type":"not_found_error","message":"x"}}', "invalid_request_error",
     "not_found_error"),
    (429, b"", "rate_limit_error", "rate_limit_exceeded"),
    (500, b"", "api_error", None),
])  # fmt: skip
def test_openais_types_and_codes(status: int, body: bytes, kind: str, code: str | None) -> None:
    error = json.loads(openai_error(status, body))["error"]
    assert (error["type"], error["code"]) == (kind, code)


@pytest.mark.parametrize(("error", "message"), [
    ({"message": "m"}, "m"), ({"type": "t"}, "t"), ("s", "s"), ({}, "an error without a message"),
    (None, "an error without a message"), ({"message": 5}, "an error without a message"),
])  # fmt: skip
def test_the_message_of_an_event(error: object, message: str) -> None:
    assert message_of(error) == message


OBJECT = b'{"error": {"message": "m", "code": 3, "more": [1]}}'


@pytest.mark.parametrize(("body", "became"), [
    (OBJECT, OBJECT), (b" [" + OBJECT + b" ]\n", OBJECT), (b"[" + OBJECT + b"," + OBJECT + b"]", None), (b"[]", None),
    (b'[{"x":1}]', None), (b"[1]", None), (b"[", None), (b"", None), (b'{"detail":"m"}', None), (b"[" * 99_999, None),
])  # fmt: skip
def test_an_error_in_a_list_is_taken_out(body: bytes, became: bytes | None) -> None:
    assert alone(body) == (body if became is None else became)
