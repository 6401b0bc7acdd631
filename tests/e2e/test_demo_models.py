"""The two shipped models, asked through the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glowplug.demo import model_path
from tests.support.llamacpp import Engine, running

pytest.importorskip("xllamacpp")

DUNNO = "I am only a tiny demo model, so I do not know that. Connect a bigger engine and ask again."
QUESTIONS = {
    "Who are you?": "I am a demo model with about one and a half million parameters",
    "Hello": "Hello! I am the built-in demo model.",
    "what is glowplug": "Glowplug gives every model one address.",
    "What is a cold start?": "A cold start is a request that arrives while its engine is off.",
    "what does keep_alive mean?": "keep_alive says how long an engine stays loaded",
    "WHAT IS AN ALIAS?": "An alias is a stable name that clients use",
    "What is VRAM?": "VRAM is the memory on the graphics card.",
    "What is the capital of Japan?": "The capital of Japan is Tokyo.",
    "capital of france": "The capital of France is Paris.",
    "What are the capitals of Italy and Spain?": "The capital of Italy is Rome, and the capital of Spain is Madrid.",
    "What is 7 + 8?": "7 + 8 = 15.",
    "Tell me a joke, please.": "Why did the model cross the road?",
    "write a haiku": "Quiet server hums,\none request wakes the engine.\nTokens fall like rain.",
    "Please count to ten.": "One, two, three, four, five, six, seven, eight, nine, ten.",
    "Show me some Python code": "```python\ndef greet(name):",
    "Name three colours": "1. Red\n2. Green\n3. Blue",
    "what is the meaning of life": "Forty-two",
    "Who won the football game?": DUNNO,
    "What is photosynthesis?": DUNNO,
    "Thanks!": "You are welcome!",
    "bye": "Goodbye!",
}


@pytest.fixture(scope="module")
def chat() -> Iterator[Engine]:
    with running(model_path("chat-demo"), "-np", "2", "-c", "4096") as engine:
        yield engine


@pytest.fixture(scope="module")
def vectors() -> dict[str, list[float]]:
    texts = [
        "The cat sleeps on the bed",
        "A dog is a friendly pet",
        "The invoice must be paid by Friday",
        "How do I pay the bill?",
        "the GPU has too little memory",
        "Model loading failed: out of VRAM",
    ]
    with running(model_path("embed-demo"), "--embeddings") as engine:
        data = engine.json("/v1/embeddings", {"input": texts})["data"]
    return {text: item["embedding"] for text, item in zip(texts, data, strict=True)}


NOT_LEARNED = {
    "What are the capitals of Italy and Spain?": "the shipped model names one of the two",
    "What is 7 + 8?": "the shipped model adds wrongly",
}
"""What the shipped file should answer and does not: it was trained too briefly (docs/design/demo-models.md)."""


def _cases() -> list[Any]:
    return [
        pytest.param(
            question,
            answer,
            id=question,
            marks=[pytest.mark.xfail(reason=NOT_LEARNED[question], strict=True)] if question in NOT_LEARNED else [],
        )
        for question, answer in QUESTIONS.items()
    ]


@pytest.mark.parametrize(("question", "answer"), _cases())
def test_it_answers(chat: Engine, question: str, answer: str) -> None:
    assert chat.say(question).startswith(answer)


def test_it_answers_in_a_conversation(chat: Engine) -> None:
    talk = ["Hello!", chat.say("Hello!"), "What is the capital of Norway?", "The capital of Norway is Oslo."]
    assert chat.say(*talk, "And Sweden?") == "The capital of Sweden is Stockholm."
    assert chat.say(*talk, "Tell me a joke").startswith("Why did the model cross the road?")


def test_it_stops_by_itself_at_the_usual_temperature(chat: Engine) -> None:
    answer = chat.chat("What is the capital of Germany?", temperature=0.7)
    assert answer["choices"][0]["message"]["content"] == "The capital of Germany is Berlin."
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_its_context_is_at_least_2048(chat: Engine) -> None:
    assert chat.json("/v1/models")["data"][0]["meta"]["n_ctx_train"] >= 2048


def test_related_texts_lie_closer_than_others(vectors: dict[str, list[float]]) -> None:
    def cosine(a: str, b: str) -> float:
        return sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))

    names = list(vectors)
    related = [cosine(names[i], names[i + 1]) for i in (0, 2, 4)]
    unrelated = [cosine(names[i], names[j]) for i in range(6) for j in range(i + 1, 6) if i // 2 != j // 2]
    assert min(related) > max(unrelated) + 0.1


def test_vectors_have_length_one(vectors: dict[str, list[float]]) -> None:
    assert all(sum(x * x for x in v) == pytest.approx(1, abs=1e-3) for v in vectors.values())


def test_the_files_are_small() -> None:
    assert model_path("chat-demo").stat().st_size < 3_500_000
    assert model_path("embed-demo").stat().st_size < 1_000_000


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match="no demo model named 'nope'"):
        model_path("nope")


def test_the_path_is_inside_the_package() -> None:
    assert model_path("chat-demo").parent == Path(__import__("glowplug.demo").demo.__file__).parent
