"""Ollama's API as its clients see it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError, Unavailable
from glowplug.wire import ollama_server
from glowplug.wire.ollama import same_model


@pytest.mark.parametrize(("body", "stream"), [
    (b'{"model": "m"}', True), (b'{"model": "m", "stream": null}', True), (b'{"model": "m", "stream": true}', True),
    (b'{"model": "m", "stream": false}', False), (b'{"model": "m", "\\u0073tream": false}', False),
    (b'{"model": "m", "options": {"stream": false}}', True),
])  # fmt: skip
def test_a_request_streams_unless_it_says_no(body: bytes, stream: bool) -> None:
    peeked = ollama_server.peek(body)
    assert (peeked.stream, peeked.wants_usage) == (stream, stream)
    assert json.loads(peeked.spliced(b'"n"')) == {**json.loads(body), "model": "n"}, "nothing is added"
    assert ollama_server.peek_whole(body).stream is False


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"model": 1}', b'{"model": "m", "stream": 3}'])
def test_what_cannot_be_looked_into(body: bytes) -> None:
    with pytest.raises(RequestError):
        ollama_server.peek(body)


def test_who_is_named() -> None:
    assert ollama_server.read_named(b'{"name": "old"}').wanted == "old"
    both = ollama_server.read_named(b'{"name": "old", "model": "new", "stream": false}')
    assert (both.wanted, both.streams) == ("new", False)
    with pytest.raises(RequestError, match="model is required"):
        ollama_server.read_named(b'{"model": ""}')


@given(st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5})?(:(latest|[0-9]b))?", fullmatch=True))
def test_names_with_and_without_a_tag(name: str) -> None:
    tagged = ollama_server.tagged(name)
    assert ollama_server.is_tagged(tagged) and same_model(name, tagged)
    assert same_model(name, ollama_server.other_spelling(name))
    assert ollama_server.tagged(ollama_server.other_spelling(name)) == tagged


def test_errors_are_one_text() -> None:
    error = Unavailable("it is full", hint="wait")
    assert json.loads(ollama_server.error_body(error, "r")) == {"error": "it is full (wait)"}
    event = ollama_server.error_event(error, "r")
    assert event.endswith(b"}\n") and event.count(b"\n") == 1
    assert ollama_server.answer_event(400, b'{\n"error": "x"\n}') == b'{ "error": "x" }\n'


def test_a_moment_is_read_by_the_usual_readers() -> None:
    text = ollama_server.rfc3339(1_700_000_000.25)
    assert text == "2023-11-14T22:13:20.250000Z"
    assert datetime.fromisoformat(text).timestamp() == 1_700_000_000.25
