"""Responses and their streams as answers of chat completions.  Pure.

Only what the stream says as it goes counts, and the last event for how it ended and what it used; a stream without that
event is broken, and so is one that says `error` or `response.failed`.

Format: https://platform.openai.com/docs/api-reference/responses-streaming; of chat completions …/chat/streaming.
Thinking goes into `reasoning_content`, as llama.cpp's server gives it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.translate.base import Asked, Untranslatable
from glowplug.translate.chat_reading import UNFINISHED, message_of
from glowplug.wire import sse
from glowplug.wire.payloads import DONE, Payloads, TooLong

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_TEXTS: Final = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning_content",
    "response.reasoning_summary_text.delta": "reasoning_content",
}
_ARGUMENTS: Final = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_ENDS: Final = ("response.completed", "response.incomplete", "response.failed")
_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
_KINDS: Final = {"function_call": "function", "custom_tool_call": "custom"}


class ChatAnswer:
    """What the answer to one request says of itself, and whole answers."""

    __slots__ = ("_asked",)

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def head(self, kind: str) -> dict[str, Any]:
        asked = self._asked
        return {"id": f"chatcmpl-{asked.id}", "object": kind, "created": asked.created, "model": asked.model}

    def whole(self, data: bytes) -> bytes:
        """A chat completion.  Raises Untranslatable."""
        try:
            response = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Untranslatable(f"it is no response: {error}") from None
        output = response.get("output")
        if not isinstance(output, list) or response.get("status") == "failed":
            raise Untranslatable(message_of(response) or "it is no response: there is no output in it")
        message, logprobs = _message([item for item in output if isinstance(item, dict)])
        choice = {"index": 0, "message": message, "logprobs": {"content": logprobs} if logprobs else None}
        choice["finish_reason"] = _reason(response, called="tool_calls" in message)
        usage = _usage(response.get("usage"))
        body = {**self.head("chat.completion"), "choices": [choice]}
        return _encode({**body, "usage": usage} if usage else body)


class ResponseStream:
    """A stream of response events in, chat completion chunks out."""

    __slots__ = ("_answer", "_begun", "_calls", "_payloads", "_usage", "broken", "done")

    def __init__(self, answer: ChatAnswer, *, usage: bool) -> None:
        self.broken = ""
        self.done = False
        self._answer = answer
        self._begun = False
        self._calls: dict[Any, tuple[int, str, bool]] = {}
        """Output index → number of the call, the type of its item, whether its arguments have begun."""
        self._payloads = Payloads()
        self._usage = usage

    def feed(self, data: bytes) -> bytes:
        if self.done or self.broken:
            return b""
        try:
            return self._read(self._payloads.feed(data))
        except TooLong as error:
            self.broken = str(error)
            return b""

    def end(self) -> bytes:
        if self.done or self.broken:
            return b""
        out = self._read(self._payloads.end())
        if not self.done and not self.broken:
            self.broken = UNFINISHED
        return out

    def _read(self, payloads: list[bytes]) -> bytes:
        out = b""
        for payload in payloads:
            if self.done or self.broken:
                break
            if payload.strip() == DONE:
                continue
            try:
                out += self._event(_decode(payload))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self.broken = f"an event is no response event: {error}"
        return out

    def _event(self, event: dict[str, Any]) -> bytes:
        kind = event.get("type")
        if kind in _TEXTS and isinstance(event.get("delta"), str):
            logprobs = event.get("logprobs")
            return self._delta({_TEXTS[kind]: event["delta"]}, logprobs if isinstance(logprobs, list) else None)
        if kind == "response.output_item.added":
            return self._call(event)
        if kind in _ARGUMENTS and event.get("output_index") in self._calls:
            return self._arguments(event["output_index"], event.get("delta"))
        if kind == "response.output_item.done":
            return self._whole_call(event)
        if kind in _ENDS:
            return self._finish(event)
        if kind == "error":
            self.broken = message_of(event) or "the upstream reported an error without a message"
        return b""

    def _call(self, event: dict[str, Any]) -> bytes:
        item = event.get("item")
        if not isinstance(item, dict) or item.get("type") not in _CALLS:
            return b""
        number = len(self._calls)
        self._calls[event.get("output_index")] = (number, item["type"], False)
        return self._delta({"tool_calls": [{"index": number, **_call(item, "")}]})

    def _arguments(self, output: Any, text: Any) -> bytes:
        number, kind, _ = self._calls[output]
        self._calls[output] = (number, kind, True)
        if not isinstance(text, str) or not text:
            return b""
        return self._delta({"tool_calls": [{"index": number, _KINDS[kind]: {_CALLS[kind]: text}}]})

    def _whole_call(self, event: dict[str, Any]) -> bytes:
        """Arguments that came without deltas: some servers say a call only whole."""
        item, output = event.get("item"), event.get("output_index")
        if not isinstance(item, dict) or item.get("type") not in _CALLS:
            return b""
        out = b"" if output in self._calls else self._call(event)
        return out if self._calls[output][2] else out + self._arguments(output, item.get(_CALLS[item["type"]]))

    def _finish(self, event: dict[str, Any]) -> bytes:
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        if event["type"] == "response.failed":
            self.broken = message_of(response) or "the upstream could not finish the answer"
            return b""
        reason = _reason(response, called=bool(self._calls))
        out = self._delta({}, reason=reason)
        usage = _usage(response.get("usage"))
        if usage and self._usage:
            out += sse.event(_encode({**self._answer.head("chat.completion.chunk"), "choices": [], "usage": usage}))
        self.done = True
        return out + sse.event(DONE)

    def _delta(self, delta: dict[str, Any], logprobs: list[Any] | None = None, reason: str | None = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": reason}
        if not self._begun:
            self._begun = True
            choice["delta"] = {"role": "assistant", **delta}
        if logprobs:
            choice["logprobs"] = {"content": logprobs}
        return sse.event(_encode({**self._answer.head("chat.completion.chunk"), "choices": [choice]}))


def _message(output: list[dict[str, Any]]) -> tuple[dict[str, Any], list[Any]]:
    """The assistant's message, and its logprobs."""
    texts: dict[str, list[str]] = {"content": [], "refusal": [], "reasoning_content": []}
    calls: list[dict[str, Any]] = []
    logprobs: list[Any] = []
    for item in output:
        kind = item.get("type")
        if kind in _CALLS:
            calls.append(_call(item, str(item.get(_CALLS[kind]) or "")))
            continue
        for part in [*_list(item.get("summary")), *_list(item.get("content"))]:
            if kind == "reasoning":
                texts["reasoning_content"].append(str(part.get("text") or ""))
            elif kind == "message":
                name = "refusal" if part.get("type") == "refusal" else "content"
                texts[name].append(str(part.get("refusal" if name == "refusal" else "text") or ""))
                logprobs += _list(part.get("logprobs"))
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts["content"]) or (None if calls else "")}
    message["refusal"] = "".join(texts["refusal"]) or None
    if any(texts["reasoning_content"]):
        message["reasoning_content"] = "".join(texts["reasoning_content"])
    if calls:
        message["tool_calls"] = calls
    return message, logprobs


def _call(item: dict[str, Any], said: str) -> dict[str, Any]:
    """A call with its arguments, or the input of a custom tool."""
    kind = _KINDS[item["type"]]
    return {"id": item.get("call_id"), "type": kind, kind: {"name": item.get("name"), _CALLS[item["type"]]: said}}


def _reason(response: dict[str, Any], *, called: bool) -> str:
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        why = details.get("reason") if isinstance(details, dict) else None
        return "content_filter" if why == "content_filter" else "length"
    return "tool_calls" if called else "stop"


def _usage(said: Any) -> dict[str, Any] | None:
    if not isinstance(said, dict):
        return None
    taken, given = _count(said, "input_tokens"), _count(said, "output_tokens")
    into, out = said.get("input_tokens_details"), said.get("output_tokens_details")
    return {
        "prompt_tokens": taken,
        "completion_tokens": given,
        "total_tokens": taken + given,
        "prompt_tokens_details": {"cached_tokens": _count(into, "cached_tokens")},
        "completion_tokens_details": {"reasoning_tokens": _count(out, "reasoning_tokens")},
    }


def _count(of: Any, name: str) -> int:
    value = of.get(name) if isinstance(of, dict) else None
    return value if isinstance(value, int) and value >= 0 else 0


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
