"""An estimate of a request's tokens."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.errors import RequestError
from glowplug.translate.responses_count import input_tokens
from tests.translate.responses_cases import encoded


@pytest.mark.parametrize(("body", "tokens"), [
    ({}, 0),
    ({"input": "12345678"}, 2),
    ({"input": "1234", "instructions": "12345"}, 3),
    ({"input": [{"role": "user", "content": [{"type": "", "text": "1234"}]}], "model": "not counted"}, 2),
    ({"input": [{"content": [{"image_url": "data:" + "x" * 9000}]}]}, 765),
])  # fmt: skip
def test_counts(body: dict[str, Any], tokens: int) -> None:
    assert input_tokens(encoded(body)) == tokens


def test_tools_count() -> None:
    assert input_tokens(encoded({"input": "a", "tools": [{"type": "function", "name": "f" * 400}]})) > 100


def test_no_object() -> None:
    with pytest.raises(RequestError):
        input_tokens(b"[]")
