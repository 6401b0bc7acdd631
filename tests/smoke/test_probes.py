"""What each answer is worth: good ones, odd ones, and everything that only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.smoke.probes import (
    CHAT,
    EMBEDDINGS,
    RERANK,
    STREAM,
    TOOLS,
    TRANSCRIPTION,
    VISION,
    Answer,
    Probe,
    Promise,
    error_text,
    verdict,
)

ALL = (CHAT, STREAM, TOOLS, VISION, EMBEDDINGS, RERANK, TRANSCRIPTION)


def answer(body: Any, status: int = 200) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={}, body=data)


def chat(usage: Any = None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message}], "usage": {"completion_tokens": 4} if usage is None else usage}


def stream(*events: Any, done: bool = True) -> bytes:
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events] + (["[DONE]"] if done else [])
    return "".join(f"data: {line}\r\n\r\n" for line in lines).encode()


def delta(text: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}}]}


def call(name: str = "temperature_in", arguments: str = '{"city": "Oslo"}') -> dict[str, Any]:
    return chat(content=None, tool_calls=[{"function": {"name": name, "arguments": arguments}}])


def vectors(*values: list[float]) -> dict[str, Any]:
    return {"data": [{"index": n, "embedding": v} for n, v in enumerate(values)]}


def ranks(*scores: float) -> dict[str, Any]:
    return {"results": [{"index": n, "relevance_score": score} for n, score in enumerate(scores)]}


GOOD = [
    (CHAT, chat(content="Hello there"), "4 tokens: Hello there"),
    (CHAT, chat(content="", reasoning_content="Hm"), "4 tokens: Hm"),
    (VISION, chat(content="Red and blue"), "4 tokens"),
    (STREAM, stream(delta("On"), delta("e"), {"choices": [], "usage": {}}), "3 events: One"),
    (TOOLS, call(), "called with"),
    (EMBEDDINGS, vectors([0.6, 0.8], [1.0, 0.0]), "2 dimensions, length 1"),
    (EMBEDDINGS, vectors([3.0, 4.0], [1.0, 0.0]), "2 dimensions, length 5"),
    (EMBEDDINGS, {"data": vectors([1.0, 0.0], [0.0, 1.0])["data"][::-1]}, "2 dimensions"),
    (RERANK, ranks(-2.5, 7.25), "-2.5, 7.25"),
    (TRANSCRIPTION, {"text": " beep "}, "beep"),
    (TRANSCRIPTION, {"text": ""}, "heard no words"),
]


@pytest.mark.parametrize(("probe", "body", "detail"), GOOD)
def test_good(probe: Probe, body: Any, detail: str) -> None:
    said = verdict(probe, answer(body), Promise())
    assert (said.wrong, said.doubt) == ("", "")
    assert detail in said.detail


@pytest.mark.parametrize(("probe", "body", "doubt"), [
    (CHAT, chat(usage={}, content="Hello"), "no usage"),
    (TOOLS, chat(content="It is cold."), "without calling"),
    (VISION, chat(content="A picture"), "neither of the two colours"),
    (RERANK, ranks(1.0, 0.5), "wrong document first"),
])  # fmt: skip
def test_doubtful(probe: Probe, body: Any, doubt: str) -> None:
    said = verdict(probe, answer(body), Promise())
    assert said.wrong == "" and doubt in said.doubt


@pytest.mark.parametrize(("probe", "body", "wrong"), [
    (CHAT, chat(content="  "), "no text"),
    (CHAT, {"choices": []}, "another shape"),
    (CHAT, b"<html>", "another shape"),
    (STREAM, b"", "no event came"),
    (STREAM, b'{"choices": []}', "no event came"),
    (STREAM, stream(delta("a"), done=False), r"without \[DONE\]"),
    (STREAM, stream(delta("a"), {"error": {"message": "broke"}}), "an error in the stream: broke"),
    (STREAM, stream({"choices": [{"delta": {}}]}), "no text"),
    (STREAM, stream("{"), "another shape"),
    (TOOLS, call("rm_rf"), "called 'rm_rf'"),
    (TOOLS, call(arguments="[]"), "no object"),
    (TOOLS, call(arguments="{"), "another shape"),
    (EMBEDDINGS, vectors([1.0, 0.0]), "1 vectors came for 2"),
    (EMBEDDINGS, vectors([1.0], [1.0, 0.0]), "1, 2 dimensions"),
    (EMBEDDINGS, vectors([], []), "dimensions"),
    (EMBEDDINGS, vectors([1.0, 0.0], [1.0, 0.0]), "the same vector"),
    (EMBEDDINGS, vectors([0.0, 0.0], [1.0, 0.0]), "zeros"),
    (EMBEDDINGS, vectors(["x"], ["y"]), "another shape"),  # type: ignore[list-item]
    (RERANK, {"results": [{"index": 0, "relevance_score": 1}] * 2}, "not every document"),
    (TRANSCRIPTION, {"text": 3}, "none"),
    (TRANSCRIPTION, {}, "another shape"),
])  # fmt: skip
def test_wrong(probe: Probe, body: Any, wrong: str) -> None:
    import re

    said = verdict(probe, answer(body), Promise())
    assert re.search(wrong, said.wrong), said


def test_what_was_promised_is_held_against_it() -> None:
    good = answer(vectors([3.0, 4.0], [1.0, 0.0]))
    assert "2 dimensions instead of 3" in verdict(EMBEDDINGS, good, Promise(dimensions=3)).wrong
    assert "length 5.000 instead of 1" in verdict(EMBEDDINGS, good, Promise(dimensions=2, unit=True)).wrong


@pytest.mark.parametrize(("body", "text"), [
    ({"error": {"message": "no such model"}}, "no such model"), ({"error": "plain"}, "plain"), ({"detail": "d"}, "d"),
    (b"<html>\n oops </html>", "<html> oops </html>"), (b"", "nothing"), ([1], "[1]"), (b"\xff", "\ufffd"),
])  # fmt: skip
def test_errors_in_any_shape(body: Any, text: str) -> None:
    assert text in error_text(answer(body).body)
    assert verdict(CHAT, answer(body, 500), Promise()).wrong.startswith("status 500: ")


@pytest.mark.parametrize("probe", ALL, ids=lambda probe: probe.name)
def test_questions_name_the_model(probe: Probe) -> None:
    asked = probe.ask('mod"el')
    assert asked.path.startswith("/v1/") and asked.method == "POST"
    if asked.media == "application/json":
        assert json.loads(asked.body)["model"] == 'mod"el'
    else:
        assert b'mod"el' in asked.body and asked.media.startswith("multipart/form-data; boundary=")


@given(body=st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["choices", "message", "data", "embedding", "index", "results", "text", "usage",
                                       "delta", "tool_calls", "function", "arguments", "name", "error"]), inner),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_answer_breaks_the_run(body: bytes) -> None:
    for probe in ALL:
        for data in (body, b"data: " + body + b"\n\ndata: [DONE]\n\n"):
            verdict(probe, answer(data), Promise(dimensions=3, unit=True))
