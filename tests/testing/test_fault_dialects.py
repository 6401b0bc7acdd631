"""The raw material of faults: every stream says the same text and counts the same tokens, in its wire's own words."""

from __future__ import annotations

import json
from typing import Any

import anthropic.types
import openai.types.chat
import openai.types.responses
import pytest

from glowplug.testing.fault_dialects import COMPLETION, DIALECTS, PROMPT, TEXT, Dialect

STREAMS = [
    pytest.param(dialect, frames, id=f"{dialect.name}: {name}")
    for dialect in DIALECTS.values()
    for name, frames in {"usual": dialect.frames, **dialect.ends}.items()
]


def payloads(dialect: Dialect, frames: tuple[bytes, ...]) -> list[Any]:
    found = []
    for frame in frames:
        lines = frame.decode().split("\n")
        texts = [line.removeprefix("data: ") for line in lines if line.startswith(("data: ", "{"))]
        assert len(texts) == 1, frame
        found += [json.loads(text) for text in texts if text != "[DONE]"]
        assert dialect.name == "ollama" or frame.endswith(b"\n\n")
    return found


def words(name: str, payload: Any) -> str:
    match name:
        case "chat":
            return "".join(choice["delta"].get("content", "") for choice in payload.get("choices", ()))
        case "messages":
            return str(payload.get("delta", {}).get("text", ""))
        case "responses":
            return str(payload["delta"]) if payload["type"] == "response.output_text.delta" else ""
        case _:
            return str(payload["message"]["content"])


def numbers(value: Any, names: tuple[str, ...]) -> list[int]:
    """Every count of one of these names, in order, wherever it stands."""
    if isinstance(value, dict):
        own = [value[name] for name in names if isinstance(value.get(name), int)]
        return own + [count for inner in value.values() for count in numbers(inner, names)]
    return [count for inner in value for count in numbers(inner, names)] if isinstance(value, list) else []


@pytest.mark.parametrize(("dialect", "frames"), STREAMS)
def test_every_stream_says_and_counts_the_same(dialect: Dialect, frames: tuple[bytes, ...]) -> None:
    said = payloads(dialect, frames)
    assert "".join(words(dialect.name, payload) for payload in said) == TEXT
    assert numbers(said, ("prompt_tokens", "input_tokens", "prompt_eval_count"))[-1] == PROMPT
    assert numbers(said, ("completion_tokens", "output_tokens", "eval_count"))[-1] == COMPLETION
    assert any(not frame.isascii() for frame in frames), "there is something to split"


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_the_beginning_has_a_word_and_no_end(dialect: Dialect) -> None:
    assert dialect.frames[: len(dialect.begun)] == dialect.begun
    said = "".join(words(dialect.name, payload) for payload in payloads(dialect, dialect.begun))
    assert said and said != TEXT
    assert b"crashed" in dialect.error


def test_whole_answers_are_what_the_clients_read() -> None:
    chat = openai.types.chat.ChatCompletion.model_validate_json(DIALECTS["chat"].body)
    assert chat.choices[0].message.content == TEXT and chat.usage is not None
    response = openai.types.responses.Response.model_validate_json(DIALECTS["responses"].body)
    assert response.output_text == TEXT
    message = anthropic.types.Message.model_validate_json(DIALECTS["messages"].body)
    assert message.usage.output_tokens == COMPLETION
    assert json.loads(DIALECTS["ollama"].body)["eval_count"] == COMPLETION
