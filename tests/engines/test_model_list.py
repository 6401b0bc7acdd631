from __future__ import annotations

import pytest

from glowplug.engines.model_list import context_of, problem


@pytest.mark.parametrize(
    ("status", "body", "odd"),
    [
        (200, b'{"object":"list","data":[{"id":"chat-x"}]}', ""),
        (200, b'{"data":[{"id":"other"}]}', "it serves other, not chat-x"),
        (200, b"{}", "it serves nothing, not chat-x"),
        (200, b"<html>", "/v1/models is not a model list"),
        (401, b'{"error":"Unauthorized"}', "it refused the key of this launch, so it is another server"),
        (404, b"", "/v1/models answered 404"),
    ],
)
def test_a_stranger_is_named(status: int, body: bytes, odd: str) -> None:
    assert problem(status, body, "chat-x") == odd


@pytest.mark.parametrize(
    ("body", "context"),
    [
        (b'{"data":[{"id":"other","max_model_len":1},{"id":"chat-x","max_model_len":512}]}', 512),
        (b'{"data":[{"id":"chat-x"}]}', None),
        (b'{"data":[{"id":"chat-x","max_model_len":null}]}', None),
        (b"{}", None),
        (b"", None),
    ],
)
def test_the_context_it_serves_is_read(body: bytes, context: int | None) -> None:
    assert context_of(body, "chat-x") == context
