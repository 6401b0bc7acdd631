"""Ollama's wire on both sides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.translate.base import Untranslatable
from glowplug.translate.ollama_native import LineWatch, forwarded, renamed, usage_of, whole
from glowplug.wire.openai_values import Usage

OWN, ASKED = b'"mistral:7b"', b'"chat"'


def lines(*texts: str, done: bool = True) -> bytes:
    said: list[dict[str, Any]] = [
        {"model": "mistral:7b", "message": {"role": "assistant", "content": text}, "done": False} for text in texts
    ]
    if done:
        said.append({"model": "mistral:7b", "done": True, "prompt_eval_count": 3, "eval_count": 4})
    return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in said)


def test_a_request_keeps_what_it_says_and_gets_what_the_runner_was_loaded_with() -> None:
    body = b'{"model":"mistral:7b","think":"high","new":[1.50],"options":{"num_ctx":9,"seed":1}}'
    made = json.loads(forwarded(body, {"num_ctx": 8192}))
    assert made == {
        "model": "mistral:7b", "think": "high", "new": [1.5], "keep_alive": -1, "options": {"num_ctx": 8192, "seed": 1},
    }  # fmt: skip
    assert b"1.50" in forwarded(body, {}), "what is not ours is not written anew"
    assert json.loads(forwarded(b'{"options":null}', {"num_ctx": 1}))["options"] == {"num_ctx": 1}
    with pytest.raises(RequestError):
        forwarded(b'{"options":[1]}', {})


@given(st.lists(st.text(), max_size=4), st.data())
def test_a_stream_passes_however_it_is_cut(texts: list[str], data: st.DataObject) -> None:
    stream = lines(*texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    watch = LineWatch(OWN, ASKED)
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    out = b"".join([watch.feed(piece) for piece in pieces]) + watch.end()
    assert out == stream.replace(b'{"model":"mistral:7b"', b'{"model":"chat"')
    assert watch.done and not watch.broken and watch.usage == Usage(3, 4)


@given(st.lists(st.text(), min_size=1, max_size=4), st.data())
def test_a_stream_that_is_cut_off_never_ends(texts: list[str], data: st.DataObject) -> None:
    stream = lines(*texts)
    at = data.draw(st.integers(0, len(stream) - 2))
    watch = LineWatch(OWN, ASKED)
    out = watch.feed(stream[:at]) + watch.end()
    assert watch.broken and not watch.done
    assert b'"done":true' not in out


@pytest.mark.parametrize(("line", "why"), [
    (b'{"error":"CUDA error"}\n', "CUDA error"), (b"<html>\n", "not what Ollama says"), (b'{"error":""}\n', "reported"),
])  # fmt: skip
def test_a_stream_that_breaks(line: bytes, why: str) -> None:
    watch = LineWatch(OWN, ASKED)
    assert watch.feed(lines("a", done=False) + line).count(b"\n") == 1
    assert why in watch.broken
    assert watch.feed(lines()) == b"" and not watch.is_last(b"")


def test_a_line_without_end_is_not_collected_for_ever() -> None:
    watch = LineWatch(OWN, ASKED)
    for _ in range(9):
        watch.feed(b"x" * (1 << 20))
    assert "longer" in watch.broken


@pytest.mark.parametrize(("text", "made"), [
    (b'{"model":"mistral:7b","a":1}', b'{"model":"chat","a":1}'),
    (b'{ "model": "mistral:7b"}', b'{ "model": "chat"}'),
    (b'{"a":"mistral:7b","model":"mistral:7b"}', b'{"a":"mistral:7b","model":"mistral:7b"}'),
    (b'{"model":"other"}', b'{"model":"other"}'),
])  # fmt: skip
def test_the_name_that_was_asked_for(text: bytes, made: bytes) -> None:
    assert renamed(text, OWN, ASKED) == made


@pytest.mark.parametrize("text", [b"", b"{}", b'{"done":false}', b'{"error":"x"}', b'{"done":true,"error":"x"}'])
def test_an_answer_that_is_none(text: bytes) -> None:
    with pytest.raises(Untranslatable):
        whole(text, OWN, ASKED, line=True)
    assert whole(text, OWN, ASKED, line=False) == text


def test_usage() -> None:
    assert usage_of(b'{"prompt_eval_count":3}') == Usage(3, 0)
    assert usage_of(b'{"embedding":[1]}') is None
    assert usage_of(b"[") is None
