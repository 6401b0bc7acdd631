"""OpenAI's answers in Ollama's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.translate.base import Asked, Untranslatable
from glowplug.translate.ollama_answer import Answering, AnswerStream
from glowplug.translate.ollama_lines import ChatLines, CompletionLines, Embeddings, failure

ASKED = Asked(id="r1", model="m:latest", created=1_700_000_000)
AT = "2023-11-14T22:13:20.000000Z"


def clock() -> Any:
    ticks = count(0, 10)
    return lambda: next(ticks)


def lines(*, chat: bool = True) -> ChatLines:
    return ChatLines(b"{}", ASKED, chat=chat, clock=clock())


def event(choice: dict[str, Any] | None = None, **more: Any) -> bytes:
    choices = [] if choice is None else [{"index": 0, **choice}]
    return b"data: " + json.dumps({"choices": choices, **more}, separators=(",", ":")).encode() + b"\n\n"


def delta(**members: Any) -> bytes:
    return event({"delta": members, "finish_reason": None})


END = event({"delta": {}, "finish_reason": "stop"})
USAGE = event(usage={"prompt_tokens": 3, "completion_tokens": 4})
DONE = b"data: [DONE]\n\n"


def run(*parts: bytes, chat: bool = True) -> tuple[list[dict[str, Any]], Any]:
    stream = lines(chat=chat).stream()
    out = b"".join([stream.feed(part) for part in parts]) + stream.end()
    return [json.loads(one) for one in out.splitlines()], stream


def test_a_stream() -> None:
    said, stream = run(
        delta(role="assistant", content=""), delta(reasoning_content="hm"), delta(content="Hel"), b": comment\n\n",
        delta(content="lo"), END, USAGE, DONE,
    )  # fmt: skip
    thought, hel, lo, last = said
    assert thought["message"] == {"role": "assistant", "content": "", "thinking": "hm"}
    assert hel == {
        "model": "m:latest", "created_at": AT, "message": {"role": "assistant", "content": "Hel"}, "done": False,
    }  # fmt: skip
    assert lo["message"]["content"] == "lo"
    assert last["done"] is True and last["done_reason"] == "stop" and last["message"]["content"] == ""
    assert (last["prompt_eval_count"], last["eval_count"]) == (3, 4)
    assert last["total_duration"] == last["prompt_eval_duration"] + last["eval_duration"] > 0
    assert stream.done and not stream.broken


def test_a_completion_has_another_member() -> None:
    said, _ = run(
        event({"text": "a", "finish_reason": None}), event({"text": "", "finish_reason": "length"}), DONE, chat=False
    )
    assert (said[0]["response"], said[0]["done"], "message" in said[0]) == ("a", False, False)
    assert (said[1]["response"], said[1]["done_reason"]) == ("", "length")


def call(index: int, **function: Any) -> dict[str, Any]:
    more = {"id": f"c{index}"} if "name" in function else {}
    return {"index": index, **more, "type": "function", "function": function}


def test_calls_are_given_when_they_are_complete() -> None:
    stream = lines().stream()
    assert stream.feed(delta(tool_calls=[call(0, name="f", arguments="")])) == b""
    assert stream.feed(delta(tool_calls=[call(0, arguments='{"a":')])) == b""
    assert stream.feed(delta(tool_calls=[call(0, arguments="1}")])) == b""
    first = json.loads(stream.feed(delta(tool_calls=[call(1, name="g", arguments="{}")])))
    assert first["message"]["tool_calls"] == [
        {"id": "c0", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}
    ]
    second = json.loads(stream.feed(event({"delta": {}, "finish_reason": "tool_calls"})))
    assert second["message"]["tool_calls"][0]["function"] == {"index": 1, "name": "g", "arguments": {}}
    last = json.loads(stream.feed(DONE))
    assert (last["done"], last["done_reason"]) == (True, "stop")


def test_a_call_that_is_cut_off_breaks_the_stream() -> None:
    said, stream = run(
        delta(tool_calls=[call(0, name="f", arguments='{"a":')]), event({"finish_reason": "length"}), DONE
    )
    assert said == [] and "f are not an object" in stream.broken and not stream.done


@pytest.mark.parametrize(
    "tail", [b"", delta(content="b"), USAGE, b"data: {", b"data: <html>\n\n", b'data: {"error":"x"}\n\n']
)
def test_what_does_not_end_is_broken(tail: bytes) -> None:
    said, stream = run(delta(content="a"), tail)
    assert stream.broken and not stream.done
    assert not any(one["done"] for one in said)


def test_a_reason_and_a_clean_end_are_an_end() -> None:
    said, stream = run(delta(content="a"), END)
    assert said[-1]["done"] is True and stream.done and not stream.broken


def test_an_error_event_is_broken_or_the_clients_own_fault() -> None:
    _, stream = run(b'data: {"error":{"message":"CUDA error"}}\n\n')
    assert stream.broken == "CUDA error"
    said, stream = run(b'data: {"error":{"message":"too long","type":"invalid_request_error"}}\n\n', DONE)
    assert said == [{"error": "too long"}] and stream.done


def test_an_event_without_end_is_not_collected_for_ever() -> None:
    stream = lines().stream()
    for _ in range(9):
        stream.feed(b"x" * (1 << 20))
    assert "longer" in stream.broken and stream.feed(DONE) == b""


def test_a_long_event_in_many_pieces_is_looked_through_once() -> None:
    """The whole worker stands still meanwhile.  Looked through from its beginning with every piece, it took minutes."""
    stream = lines().stream()
    begun = process_time()
    for _ in range(4000):
        assert stream.feed(b"x" * 1000) == b""
    assert process_time() - begun < 2
    stream = lines().stream()
    long = delta(content="x" * 100_000)
    out = b"".join([stream.feed(long[at : at + 1]) for at in range(len(long))])
    assert len(json.loads(out)["message"]["content"]) == 100_000


def test_a_whole_answer() -> None:
    message = {
        "content": None,
        "reasoning": "hm",
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": ""}}],
    }
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1}}
    out = json.loads(lines().whole(json.dumps(body).encode()))
    assert out["message"] == {
        "role": "assistant", "content": "", "thinking": "hm",
        "tool_calls": [{"id": "c", "function": {"index": 0, "name": "f", "arguments": {}}}],
    }  # fmt: skip
    assert (out["done"], out["prompt_eval_count"], out["eval_count"]) == (True, 1, 0)
    text = {"choices": [{"text": "x", "finish_reason": "length"}]}
    out = json.loads(CompletionLines(b"", ASKED, clock()).whole(json.dumps(text).encode()))
    assert (out["response"], out["done_reason"], out["model"]) == ("x", "length", "m:latest")


def test_logprobs_and_parts() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    choice = {"message": {"content": [{"type": "text", "text": "a"}]}, "logprobs": {"content": [token]}}
    out = json.loads(lines().whole(json.dumps({"choices": [choice]}).encode()))
    assert out["logprobs"] == [token] and out["message"]["content"] == "a"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"error":{"message":"x"}}'])
def test_an_answer_that_is_none(body: bytes) -> None:
    with pytest.raises(Untranslatable):
        lines().whole(body)


def test_vectors() -> None:
    body = json.dumps({
        "data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 5},
    }).encode()  # fmt: skip
    out = json.loads(Embeddings(b"", ASKED, one=False, clock=clock()).whole(body))
    assert out == {
        "model": "m:latest", "embeddings": [[1.0], [2.0]], "total_duration": 10, "load_duration": 0,
        "prompt_eval_count": 5,
    }  # fmt: skip
    assert json.loads(Embeddings(b"", ASKED, one=True).whole(body)) == {"embedding": [1.0]}
    with pytest.raises(Untranslatable):
        Embeddings(b"", ASKED, one=True).whole(b'{"data": "x"}')


@pytest.mark.parametrize(("body", "message"), [
    (b'{"error":{"message":"no such model","code":404}}', "no such model"), (b'{"error":"flat"}', "flat"),
    (b'{"message":"m"}', "m"), (b'{"detail":"d"}', "d"), (b"<html>", "<html>"), (b"{}", "status 502"),
    (b"", "the upstream answered 502"), (b"[1]", "[1]"),
])  # fmt: skip
def test_errors(body: bytes, message: str) -> None:
    assert json.loads(failure(502, body)) == {"error": message}


# ---- properties


@st.composite
def _streams(draw: st.DrawFn) -> tuple[str, list[tuple[str, dict[str, Any]]], bytes]:
    """Text, calls, and a stream that says them."""
    text, calls, out = "", [], b""
    for _ in range(draw(st.integers(0, 4))):
        piece = draw(st.text(min_size=1, max_size=6))
        text += piece
        out += delta(content=piece)
    for index in range(draw(st.integers(0, 3))):
        arguments = draw(st.dictionaries(st.text(max_size=4), st.integers(-9, 9), max_size=2))
        calls.append((f"f{index}", arguments))
        written = json.dumps(arguments)
        at = draw(st.integers(0, len(written)))
        out += delta(tool_calls=[call(index, name=f"f{index}", arguments=written[:at])])
        out += delta(tool_calls=[call(index, arguments=written[at:])])
    return text, calls, out + END + USAGE + DONE


def _cut(stream: bytes, places: list[int]) -> Iterator[bytes]:
    cuts = sorted({place % (len(stream) + 1) for place in places})
    yield from (stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True))


@given(_streams(), st.lists(st.integers(0, 10_000), max_size=8))
def test_it_says_the_same_however_it_is_cut(
    made: tuple[str, list[tuple[str, dict[str, Any]]], bytes], places: list[int]
) -> None:
    text, calls, stream = made
    said, reader = run(*_cut(stream, places))
    assert "".join(one["message"]["content"] for one in said) == text
    functions = [c["function"] for one in said for c in one["message"].get("tool_calls", ())]
    assert [(f["name"], f["arguments"]) for f in functions] == calls
    assert [one["done"] for one in said] == [False] * (len(said) - 1) + [True]
    assert reader.done and not reader.broken


@given(_streams(), st.integers(0, 10_000))
def test_it_never_ends_what_was_cut_off(made: tuple[str, list[tuple[str, dict[str, Any]]], bytes], place: int) -> None:
    stream = made[2]
    before_the_reason = stream[: stream.index(END)]
    said, reader = run(before_the_reason[: place % (len(before_the_reason) + 1)])
    assert reader.broken and not any(one["done"] for one in said)


@given(_streams())
def test_there_and_back_says_the_same(made: tuple[str, list[tuple[str, dict[str, Any]]], bytes]) -> None:
    text, calls, stream = made
    reader = lines().stream()
    there = reader.feed(stream)
    back = AnswerStream(Answering(id="r1", model="m", created=1))
    events = back.feed(there) + back.end()
    assert back.done and not back.broken
    said = [json.loads(one[6:]) for one in events.split(b"\n\n") if one and one != b"data: [DONE]"]
    deltas = [one["choices"][0]["delta"] for one in said]
    assert "".join(d.get("content") or "" for d in deltas) == text
    functions = [c["function"] for d in deltas for c in d.get("tool_calls", ())]
    assert [(f["name"], json.loads(f["arguments"])) for f in functions] == calls
