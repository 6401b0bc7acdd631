"""What an upstream of each wire says when all is well, event by event, as raw material for faults.

    CHAT.frames[:2]                    # begun, nothing said yet
    reset_after(*MESSAGES.begun)       # resets once its first word has come
    pieces_of(*RESPONSES.ends["incomplete"])

All say the same (`TEXT`, in two pieces, not in ASCII on purpose) and count the same (`PROMPT`, `COMPLETION` tokens), so
that one expectation holds for every wire.  Formats:
https://platform.openai.com/docs/api-reference/chat/streaming and …/responses-streaming,
https://docs.anthropic.com/en/api/messages-streaming, https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

WORDS: Final = ("Grüße, ", "世界")
TEXT: Final = "".join(WORDS)
PROMPT: Final = 5
COMPLETION: Final = 7
DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Dialect:
    """One wire."""

    name: str
    frames: tuple[bytes, ...]
    """A whole stream, an event each; the usage is where this wire usually has it."""
    begun: tuple[bytes, ...]
    """The same up to its first word."""
    body: bytes
    """A whole answer."""
    error: bytes
    """The event by which this wire says in a stream that something went wrong."""
    ends: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """Whole streams that report usage elsewhere, or end in another of the ways this wire knows."""
    media: str = "text/event-stream"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _data(value: object) -> bytes:
    return f"data: {_json(value)}\n\n".encode()


def _named(kind: str, **members: object) -> bytes:
    return f"event: {kind}\ndata: {_json({'type': kind, **members})}\n\n".encode()


# ---- chat completions


def _chat() -> Dialect:
    usage = {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION, "total_tokens": PROMPT + COMPLETION}

    def said(delta: dict[str, Any], reason: str | None = None, **more: object) -> bytes:
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return _data({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})

    begun = (said({"role": "assistant", "content": ""}), said({"content": WORDS[0]}))
    text = (*begun, said({"content": WORDS[1]}))
    stop = said({}, "stop")
    alone = _data({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": usage})
    growing = [{**usage, "completion_tokens": count, "total_tokens": PROMPT + count} for count in (0, 3, COMPLETION)]
    every = [
        said({"role": "assistant", "content": ""}, usage=growing[0]),
        said({"content": WORDS[0]}, usage=growing[1]),
        said({"content": WORDS[1]}, usage=growing[2]),
    ]
    message = {"role": "assistant", "content": TEXT}
    whole = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage,
    }  # fmt: skip
    return Dialect(
        name="chat",
        frames=(*text, stop, alone, DONE),
        begun=begun,
        body=_json(whole).encode(),
        error=_data({"error": {"message": "the model crashed", "type": "server_error", "code": 500}}),
        ends={
            "with the reason": (*text, said({}, "stop", usage=usage), DONE),
            "in every event": (*every, said({}, "stop", usage=growing[2]), DONE),
            "without choices": (*text, stop, _data({"usage": usage}), DONE),
            "cut off by length": (*text, said({}, "length"), alone, DONE),
            "no DONE": (*text, stop, alone),
        },
    )


# ---- Anthropic's messages


def _messages() -> Dialect:
    def start(**usage: int) -> bytes:
        message: dict[str, object] = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        return _named("message_start", message=message)

    def word(text: str) -> bytes:
        return _named("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def end(reason: str = "end_turn", **usage: int) -> bytes:
        return _named("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)

    block = _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    rest = (block, _named("ping"), word(WORDS[0]), word(WORDS[1]), _named("content_block_stop", index=0))
    usual = (start(input_tokens=PROMPT, output_tokens=1), *rest)
    stop = _named("message_stop")
    whole = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": TEXT}],
        "usage": {"input_tokens": PROMPT, "output_tokens": COMPLETION},
    }  # fmt: skip
    return Dialect(
        name="messages",
        frames=(*usual, end(output_tokens=COMPLETION), stop),
        begun=usual[:4],
        body=_json(whole).encode(),
        error=_named("error", error={"type": "overloaded_error", "message": "the model crashed"}),
        ends={
            "all in the delta": (start(), *rest, end(input_tokens=PROMPT, output_tokens=COMPLETION), stop),
            "in the stop": (
                start(), *rest, end(output_tokens=1),
                _named("message_stop", usage={"input_tokens": PROMPT, "output_tokens": COMPLETION}),
            ),
            "cut off by length": (*usual, end("max_tokens", output_tokens=COMPLETION), stop),
        },
    )  # fmt: skip


# ---- responses


def _responses() -> Dialect:
    usage = {
        "input_tokens": PROMPT, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": COMPLETION, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": PROMPT + COMPLETION,
    }  # fmt: skip
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}

    def response(status: str, **more: object) -> dict[str, object]:
        over = status != "in_progress"
        return {
            "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "error": None,
            "incomplete_details": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "output": [item] if over else [], "usage": usage if over else None, **more,
        }  # fmt: skip

    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    opening = {**item, "status": "in_progress", "content": []}
    said = (
        _named("response.created", sequence_number=0, response=response("in_progress")),
        _named("response.output_item.added", sequence_number=1, output_index=0, item=opening),
        _named("response.content_part.added", sequence_number=2, **where, part={**part, "text": ""}),
        _named("response.output_text.delta", sequence_number=3, **where, delta=WORDS[0]),
        _named("response.output_text.delta", sequence_number=4, **where, delta=WORDS[1]),
        _named("response.output_text.done", sequence_number=5, **where, text=TEXT),
        _named("response.output_item.done", sequence_number=6, output_index=0, item=item),
    )

    def end(status: str, **more: object) -> tuple[bytes, ...]:
        return (*said, _named(f"response.{status}", sequence_number=7, response=response(status, **more)))

    return Dialect(
        name="responses",
        frames=end("completed"),
        begun=said[:4],
        body=_json(response("completed")).encode(),
        error=_named("error", sequence_number=7, code="server_error", message="the model crashed", param=None),
        ends={
            "incomplete": end("incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "failed": end("failed", error={"code": "server_error", "message": "the model crashed"}),
        },
    )


# ---- Ollama


def _ollama() -> Dialect:
    def line(text: str, **more: object) -> bytes:
        message = {"role": "assistant", "content": text}
        made = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **more}
        return f"{_json(made)}\n".encode()

    over = {"done": True, "done_reason": "stop", "prompt_eval_count": PROMPT, "eval_count": COMPLETION}
    words = (line(WORDS[0]), line(WORDS[1]))
    return Dialect(
        name="ollama",
        frames=(*words, line("", **over)),
        begun=words[:1],
        body=line(TEXT, **over).rstrip(),
        error=b'{"error":"the model crashed"}\n',
        ends={
            "no last line end": (*words, line("", **over).rstrip()),
            "cut off by length": (*words, line("", **{**over, "done_reason": "length"})),
            "with the last word": (words[0], line(WORDS[1], **over)),
        },
        media="application/x-ndjson",
    )


CHAT: Final = _chat()
MESSAGES: Final = _messages()
RESPONSES: Final = _responses()
OLLAMA: Final = _ollama()
DIALECTS: Final = {dialect.name: dialect for dialect in (CHAT, MESSAGES, RESPONSES, OLLAMA)}
