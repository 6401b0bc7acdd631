"""What a model is asked for each thing it promises, and what its answer must be.  Pure: bytes out, a verdict in.

References: https://platform.openai.com/docs/api-reference (chat, embeddings, audio), https://docs.anthropic.com/en/api
(messages); rerank as Jina and Cohere have it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Any, Final

import msgspec

from glowplug.smoke.material import picture, tone

JSON: Final = "application/json"
_TOKENS: Final = 48
_BOUNDARY: Final = "glowplug-smoke-7d1f"
_UNIT: Final = 1e-3
"""By how much the length of a unit vector may be off."""
_DIMENSION_TEXTS: Final = ("The glow plug warms the engine.", "A cat sleeps on the warm stove.")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request."""

    path: str
    body: bytes = b""
    method: str = "POST"
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back.  Header names are in small letters, times in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    first: float = 0.0
    """To the first byte of the body."""
    total: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What is known of a model before it is asked."""

    dimensions: int | None = None
    unit: bool = False
    """Its vectors have the length 1."""


NO_PROMISE: Final = Promise()


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is as it should be."""

    wrong: str = ""
    """Why not; empty when it is."""
    detail: str = ""
    """What was seen, in a few words."""
    doubt: str = ""
    """It is an answer, but not quite what was asked for: small models may do so."""
    dimensions: int = 0
    """Of its vectors."""


@dataclass(frozen=True)
class Probe:
    """One thing that can be promised."""

    name: str
    ask: Callable[[str], Asked]
    """Of the model's name."""
    judge: Callable[[Answer, Promise], Verdict]
    """Of an answer with status 200."""


def verdict(probe: Probe, answer: Answer, promise: Promise) -> Verdict:
    """What this answer is worth."""
    if answer.status != 200:
        return Verdict(wrong=f"status {answer.status}: {error_text(answer.body)}")
    try:
        return probe.judge(answer, promise)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        return Verdict(wrong=f"the answer has another shape: {type(error).__name__} {error}; {_brief(answer.body)}")


def error_text(body: bytes) -> str:
    """What an error answer says, in whatever shape."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _brief(body)
    inner = said.get("error", said.get("detail", said)) if isinstance(said, dict) else said
    text = inner.get("message") if isinstance(inner, dict) else inner
    return str(text or _brief(body))[:300]


def _brief(body: bytes) -> str:
    return " ".join(body[:200].decode(errors="replace").split()) or "nothing"


def _json(path: str, **members: Any) -> Asked:
    return Asked(path=path, body=msgspec.json.encode(members))


def _question(model: str, content: Any, **more: Any) -> Asked:
    messages = [{"role": "user", "content": content}]
    return _json("/v1/chat/completions", model=model, messages=messages, max_tokens=_TOKENS, temperature=0, **more)


# ---- chat


def _judge_chat(answer: Answer, promise: Promise) -> Verdict:
    said = msgspec.json.decode(answer.body)
    message = said["choices"][0]["message"]
    text = message.get("content") or message.get("reasoning_content") or message.get("reasoning") or ""
    if not isinstance(text, str) or not text.strip():
        return Verdict(wrong="the answer has no text")
    usage = said.get("usage")
    if not usage or not usage.get("completion_tokens"):
        return Verdict(detail=_words(text), doubt="it reports no usage")
    return Verdict(detail=f"{usage['completion_tokens']} tokens: {_words(text)}")


def _words(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39] + "…"


def payloads(body: bytes) -> list[bytes]:
    """The data of each event of a stream."""
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    return [line[5:].strip() for line in lines if line.startswith(b"data:")]


def _judge_stream(answer: Answer, promise: Promise) -> Verdict:
    events = payloads(answer.body)
    if not events:
        return Verdict(wrong=f"no event came: {_brief(answer.body)}")
    if events[-1] != b"[DONE]":
        return Verdict(wrong="the stream ended without [DONE]")
    text = ""
    for event in events[:-1]:
        said = msgspec.json.decode(event)
        if "error" in said:
            return Verdict(wrong=f"an error in the stream: {error_text(event)}")
        for choice in said.get("choices") or ():
            delta = choice.get("delta") or {}
            text += delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning") or ""
    if not text.strip():
        return Verdict(wrong="the stream has no text")
    return Verdict(detail=f"{len(events) - 1} events: {_words(text)}")


_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "temperature_in",
        "description": "The temperature in a city now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def _ask_tools(model: str) -> Asked:
    return _question(model, "How warm is it in Oslo? Use the tool.", tools=[_TOOL], tool_choice="auto")


def _judge_tools(answer: Answer, promise: Promise) -> Verdict:
    message = msgspec.json.decode(answer.body)["choices"][0]["message"]
    calls = message.get("tool_calls") or []
    if not calls:
        return Verdict(doubt="it answered without calling the tool", detail=_words(message.get("content") or ""))
    function = calls[0]["function"]
    if function["name"] != "temperature_in":
        return Verdict(wrong=f"it called {function['name']!r}, which it was not given")
    arguments = msgspec.json.decode(function["arguments"].encode())
    if not isinstance(arguments, dict):
        return Verdict(wrong="the arguments of its call are no object")
    return Verdict(detail=f"called with {_words(function['arguments'])}")


def _ask_vision(model: str) -> Asked:
    url = "data:image/png;base64," + b64encode(picture()).decode()
    text = "Which colours are in this picture?"
    return _question(model, [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}])


def _judge_vision(answer: Answer, promise: Promise) -> Verdict:
    said = _judge_chat(answer, promise)
    if not said.wrong and not said.doubt and not any(colour in answer.body.lower() for colour in (b"red", b"blue")):
        return Verdict(detail=said.detail, doubt="it names neither of the two colours it was shown")
    return said


# ---- vectors


def _ask_embeddings(model: str) -> Asked:
    return _json("/v1/embeddings", model=model, input=list(_DIMENSION_TEXTS))


def _judge_embeddings(answer: Answer, promise: Promise) -> Verdict:
    rows = msgspec.json.decode(answer.body)["data"]
    vectors = [row["embedding"] for row in sorted(rows, key=lambda row: row["index"])]
    if len(vectors) != len(_DIMENSION_TEXTS):
        return Verdict(wrong=f"{len(vectors)} vectors came for {len(_DIMENSION_TEXTS)} texts")
    sizes = {len(vector) for vector in vectors}
    if len(sizes) != 1 or 0 in sizes:
        return Verdict(wrong=f"the vectors have {', '.join(map(str, sorted(sizes)))} dimensions")
    (size,) = sizes
    if promise.dimensions is not None and size != promise.dimensions:
        return Verdict(wrong=f"{size} dimensions instead of {promise.dimensions}")
    if not all(isfinite(value) for vector in vectors for value in vector):
        return Verdict(wrong="a vector has a value that is no number")
    norms = [sqrt(sum(value * value for value in vector)) for vector in vectors]
    if not all(norms):
        return Verdict(wrong="a vector is nothing but zeros")
    if vectors[0] == vectors[1]:
        return Verdict(wrong="two texts have the same vector")
    is_unit = all(abs(norm - 1) <= _UNIT for norm in norms)
    if promise.unit and not is_unit:
        return Verdict(wrong=f"the vectors have the length {norms[0]:.3f} instead of 1")
    return Verdict(detail=f"{size} dimensions, length {'1' if is_unit else f'{norms[0]:.3g}'}", dimensions=size)


_DOCUMENTS: Final = ("Bread is baked from flour and water.", "A glow plug heats a diesel engine before it starts.")


def _ask_rerank(model: str) -> Asked:
    return _json("/v1/rerank", model=model, query="What warms a cold diesel engine?", documents=list(_DOCUMENTS))


def _judge_rerank(answer: Answer, promise: Promise) -> Verdict:
    results = msgspec.json.decode(answer.body)["results"]
    if sorted(result["index"] for result in results) != list(range(len(_DOCUMENTS))):
        return Verdict(wrong="not every document has a place")
    scores = {result["index"]: float(result["relevance_score"]) for result in results}
    if not all(map(isfinite, scores.values())):
        return Verdict(wrong="a score is no number")
    best = max(scores, key=scores.__getitem__)
    detail = ", ".join(f"{scores[number]:.3g}" for number in sorted(scores))
    return Verdict(detail=detail, doubt="" if best == 1 else "it ranks the wrong document first")


# ---- sound


def _ask_transcription(model: str) -> Asked:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'.encode(),
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="tone.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n".encode(),
        tone(),
        f"\r\n--{_BOUNDARY}--\r\n".encode(),
    ]
    media = f"multipart/form-data; boundary={_BOUNDARY}"
    return Asked(path="/v1/audio/transcriptions", body=b"".join(parts), media=media)


def _judge_transcription(answer: Answer, promise: Promise) -> Verdict:
    text = msgspec.json.decode(answer.body)["text"]
    if not isinstance(text, str):
        return Verdict(wrong="the text is none")
    return Verdict(detail=_words(text) or "heard no words in a tone")


CHAT: Final = Probe("chat", lambda model: _question(model, "Say hello in five words."), _judge_chat)
STREAM: Final = Probe(
    "streamed chat",
    lambda model: _question(model, "Count to five.", stream=True, stream_options={"include_usage": True}),
    _judge_stream,
)
TOOLS: Final = Probe("tools", _ask_tools, _judge_tools)
VISION: Final = Probe("vision", _ask_vision, _judge_vision)
EMBEDDINGS: Final = Probe("embeddings", _ask_embeddings, _judge_embeddings)
RERANK: Final = Probe("rerank", _ask_rerank, _judge_rerank)
TRANSCRIPTION: Final = Probe("transcription", _ask_transcription, _judge_transcription)
