"""Moderation requests with and without a model."""

from __future__ import annotations

import json

import pytest

from glowplug.errors import RequestError
from glowplug.wire.moderation import peek


@pytest.mark.parametrize("data", [b'{"input":"x"}', b"{}", b'{"model": null, "input":"x"}', b'{"\\u006dodel":null}'])
def test_a_body_without_a_model_gets_one(data: bytes) -> None:
    body = peek(data)
    assert (body.model, body.raw_model, body.stream) == ("", b"", False)
    before = json.loads(data)
    assert json.loads(body.spliced(b'"up"')) == {**before, "model": "up"}


def test_numbers_of_a_body_without_a_model_stay_as_they_are() -> None:
    assert peek(b'{"n":1.0e2,"s":"\\u00e4"}').spliced(b'"m"') == b'{"n":1.0e2,"s":"\\u00e4","model":"m"}'


@pytest.mark.parametrize("data", [b'{"model":"a","input": 1.50}', b'{"\\u006dodel":"a","input": 1.50}'])
def test_a_named_body_is_spliced(data: bytes) -> None:
    body = peek(data)
    assert body.model == "a"
    assert body.spliced(b'"up"') == data.replace(b'"a"', b'"up"')


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"model":1}', b'{"model":"a","model":"b"}', b"\xff"])
def test_what_cannot_be_used_is_refused(data: bytes) -> None:
    with pytest.raises(RequestError):
        peek(data)
