"""A library that looks like any-llm and does what the model's name says; it imitates any-llm-sdk 1.40.2.

    python -m glowplug.providers.bridge --library glowplug.testing.fake_any_llm --provider fake --port 5001

Models: `echo` answers with what it was given, `limited`, `unknown` and `odd` raise, `breaks` raises in the middle of a
stream, `vendor` and `crashes` raise what is none of the library's errors.
What it was given stands in the answer as `given`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

VERSION = "1.40.2"


class AnyLLMError(Exception):
    """Its base: a message, and what is known of the provider's answer."""

    def __init__(self, message: str, *, status_code: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code


class RateLimitError(AnyLLMError):
    """Has the provider's Retry-After."""

    retry_after = "7"


class ModelNotFoundError(AnyLLMError):
    """Without a status."""


class VendorError(Exception):
    """What an SDK of a vendor raises, and the library lets through: no error of the library, but it has a status."""

    status_code = 404


class Model:
    """Stands for its pydantic models."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def model_dump_json(self) -> str:
        return json.dumps(self._value)


async def acompletion(model: str, messages: list[Any], **members: Any) -> Any:
    """A chat completion, or an iterator of its chunks."""
    if model == "limited":
        raise RateLimitError("slow down", status_code=429, code="rate_limit_exceeded")
    if model == "unknown":
        raise ModelNotFoundError("no such model")
    if model == "odd":
        raise AnyLLMError("what it sent could not be read", status_code=200)
    if model == "vendor":
        raise VendorError("no such model there")
    if model == "crashes":
        raise KeyError("secret of the library")
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    frame = {"id": "chatcmpl-1", "created": 1, "model": model, "given": members}
    if members["stream"]:
        return _chunks(frame, usage, breaks=model == "breaks")
    message = {"role": "assistant", "content": str(messages[-1]["content"])}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return Model({**frame, "object": "chat.completion", "choices": [choice], "usage": usage})


async def _chunks(frame: dict[str, Any], usage: dict[str, int], *, breaks: bool) -> AsyncIterator[Model]:
    frame = {**frame, "object": "chat.completion.chunk"}
    for text in ("Hello", " there"):
        yield Model({**frame, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
        if breaks:
            raise AnyLLMError("the provider went away")
    yield Model({**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield Model({**frame, "choices": [], "usage": usage})


async def aembedding(model: str, inputs: Any, **members: Any) -> Any:
    """Vectors."""
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    return Model({"object": "list", "data": vectors, "model": model, "given": members, "usage": {"prompt_tokens": 1}})
