"""Members that are lacking are put in; what the client said stays as it is."""

from __future__ import annotations

import json

import pytest

from glowplug.wire.defaults import Defaults

MOST = {"max_tokens": 4096}


@pytest.mark.parametrize(("body", "added"), [
    ({"model": "m"}, MOST),
    ({"model": "m", "max_tokens": 5}, {}),
    ({"model": "m", "max_tokens": None}, {}),
    ({"model": "m", "max_completion_tokens": 5}, {}),
    ({"model": "m", "max_output_tokens": 5}, {}),
    ({"model": "m", "messages": [{"max_tokens": 5}]}, MOST),
    ({"model": "m", "messages": ["\u00e9 max_tokens"]}, MOST),
])  # fmt: skip
def test_one_default(body: dict[str, object], added: dict[str, object]) -> None:
    data = b" " + json.dumps(body).encode()
    put = Defaults(MOST, {}).put(data)
    assert json.loads(put) == {**added, **body}
    assert (put == data) is (not added)
    assert put.endswith(data[2:]), "what the client sent is there byte for byte"


def test_a_key_spelled_with_escapes_is_there() -> None:
    data = b'{"model":"m","max\\u005ftokens":5}'
    assert Defaults(MOST, {}).put(data) == data


def test_names_of_another_wire_and_several() -> None:
    defaults = Defaults({"max_tokens": 9, "temperature": 0.5, "store": False}, {"max_tokens": "max_output_tokens"})
    assert json.loads(defaults.put(b'{"model":"m","temperature":1}')) == {
        "max_output_tokens": 9, "store": False, "model": "m", "temperature": 1,
    }  # fmt: skip


def test_a_body_too_deep_to_read_is_left_alone() -> None:
    deep = b'{"max_tokens_":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert Defaults({"max_tokens_": 1}, {}).put(deep) == deep
