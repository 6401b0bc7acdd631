"""A response as it comes to be: what a model says in, the events of the Responses stream out, the whole response at
the end.  Pure.

One class makes both, so that a whole answer is what its stream ends with.  Thinking is a reasoning item: its text is
given as a summary when the client asked for summaries, else as reasoning text.  Calls stay open until the end, because
several may be said at once.

Format: https://platform.openai.com/docs/api-reference/responses/object and …/responses-streaming.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.translate.base import Asked
from glowplug.translate.responses_tools import Tool, Tools, custom_input
from glowplug.wire.sse import named_event

_encode = msgspec.json.Encoder().encode

_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reasons to end of a chat completion after which a response is not complete."""


class _Call:
    """One call that is being said."""

    __slots__ = ("arguments", "call_id", "index", "item_id", "tool")

    def __init__(self, tool: Tool, index: int, item_id: str, call_id: str) -> None:
        self.tool = tool
        self.index = index
        """Of the output."""
        self.item_id = item_id
        self.call_id = call_id
        self.arguments = ""

    def item(self, status: str) -> dict[str, Any]:
        return self.tool.item(self.item_id, self.call_id, self.arguments, status)


class Composer:
    """One response.  What the methods say is in `take`, in order."""

    def __init__(self, asked: Asked, settings: dict[str, Any], tools: Tools, *, as_summary: bool = False) -> None:
        self.finished = False
        self._asked = asked
        self._settings = settings
        self._tools = tools
        self._as_summary = as_summary
        self._events: list[bytes] = []
        self._number = 0
        self._begun = False
        self._output: list[dict[str, Any]] = []
        self._text: list[str] = []
        """Of the item that is being said: a message, or thinking."""
        self._said = ""
        """What that item is: `output_text`, `refusal`, `reasoning`, or empty."""
        self._logprobs: list[Any] = []
        self._calls: dict[int, _Call] = {}
        self._reason = "stop"
        self._usage: dict[str, Any] | None = None

    # ---- what the model says

    def begin(self) -> None:
        """The answer has begun."""
        if not self._begun:
            self._begun = True
            self._event("response.created", response=self._object("in_progress"))
            self._event("response.in_progress", response=self._object("in_progress"))

    def reasoning(self, text: str) -> None:
        """Some thinking."""
        if self._open("reasoning"):
            self._output.append({"id": self._id("rs"), "type": "reasoning", "summary": []})
            self._event("response.output_item.added", output_index=self._index, item=dict(self._item))
            if self._as_summary:
                self._reasoning_event("summary_part.added", part={"type": "summary_text", "text": ""})
            else:
                self._part_event("added", {"type": "reasoning_text", "text": ""})
        self._text.append(text)
        self._reasoning_event("summary_text.delta" if self._as_summary else "text.delta", delta=text)

    def text(self, text: str, logprobs: list[Any] | None = None) -> None:
        """Some of the answer."""
        self._speak("output_text")
        self._text.append(text)
        self._logprobs += logprobs or []
        self._content_event("output_text.delta", delta=text, logprobs=logprobs or [])

    def refusal(self, text: str) -> None:
        """Some of a refusal to answer."""
        self._speak("refusal")
        self._text.append(text)
        self._content_event("refusal.delta", delta=text)

    def call(self, number: int, name: str, call_id: str) -> None:
        """A call begins; `number` tells it from others."""
        self.begin()
        self._close()
        tool = self._tools.find(name)
        prefix = {"custom": "ctc", "local_shell": "lsh"}.get(tool.kind, "fc")
        call = _Call(tool, len(self._output), self._id(prefix), call_id or f"call_{self._asked.id}_{number}")
        self._calls[number] = call
        self._output.append(call.item("in_progress"))
        if tool.kind != "local_shell":
            self._event("response.output_item.added", output_index=call.index, item=self._output[call.index])

    def arguments(self, number: int, text: str) -> None:
        """Some of a call's arguments."""
        call = self._calls[number]
        call.arguments += text
        if call.tool.kind == "function" and text:
            self._call_event(call, "function_call_arguments.delta", delta=text)

    def finish(self, reason: str) -> None:
        """The model has nothing more to say."""
        self._reason = reason
        self._close()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            self._end_call(call)

    def usage(self, usage: dict[str, Any]) -> None:
        """What it used, in the words of chat completions."""
        self._usage = _usage(usage)

    def complete(self) -> None:
        """Nothing more will come: the last event."""
        self.begin()
        self.finish(self._reason)
        self.finished = True
        response = self.response()
        self._event(f"response.{response['status']}", response=response)

    # ---- what comes of it

    def take(self) -> bytes:
        """The events since the last time."""
        events, self._events = self._events, []
        return b"".join(events)

    def response(self) -> dict[str, Any]:
        """The whole response, finished."""
        return self._object("incomplete" if self._reason in _INCOMPLETE else "completed")

    # ---- parts

    @property
    def _index(self) -> int:
        return len(self._output) - 1

    @property
    def _item(self) -> dict[str, Any]:
        return self._output[-1]

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._asked.id}_{len(self._output)}"

    def _open(self, what: str) -> bool:
        """Whether an item of this kind begins now; the one before it ends."""
        self.begin()
        if self._said == what:
            return False
        self._close()
        self._said = what
        return True

    def _speak(self, what: str) -> None:
        if not self._open(what):
            return
        item = {"id": self._id("msg"), "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self._output.append(item)
        self._event("response.output_item.added", output_index=self._index, item=dict(item))
        self._part_event("added", self._part(what, "", []))

    def _part(self, what: str, text: str, logprobs: list[Any]) -> dict[str, Any]:
        if what == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}

    def _close(self) -> None:
        """The item that is being said ends."""
        what, text = self._said, "".join(self._text)
        logprobs, self._said, self._text, self._logprobs = self._logprobs, "", [], []
        if what == "reasoning":
            self._close_reasoning(text)
        elif what:
            part = self._part(what, text, logprobs)
            if what == "refusal":
                self._content_event("refusal.done", refusal=text)
            else:
                self._content_event("output_text.done", text=text, logprobs=logprobs)
            self._part_event("done", part)
            self._output[-1] = {**self._item, "status": self._status, "content": [part]}
        if what:
            self._event("response.output_item.done", output_index=self._index, item=self._item)

    def _close_reasoning(self, text: str) -> None:
        if self._as_summary:
            part = {"type": "summary_text", "text": text}
            self._reasoning_event("summary_text.done", text=text)
            self._reasoning_event("summary_part.done", part=part)
            self._output[-1] = {**self._item, "summary": [part]}
        else:
            part = {"type": "reasoning_text", "text": text}
            self._reasoning_event("text.done", text=text)
            self._part_event("done", part)
            self._output[-1] = {**self._item, "content": [part]}

    def _end_call(self, call: _Call) -> None:
        item = self._output[call.index] = call.item(self._status)
        if item["type"] == "custom_tool_call":
            text = custom_input(call.arguments)
            if text:
                self._call_event(call, "custom_tool_call_input.delta", delta=text)
            self._call_event(call, "custom_tool_call_input.done", input=text)
        elif call.tool.kind == "local_shell":
            self._event("response.output_item.added", output_index=call.index, item={**item, "status": "in_progress"})
        else:
            said = {"name": item["name"], "arguments": call.arguments}
            self._call_event(call, "function_call_arguments.done", **said)
        self._event("response.output_item.done", output_index=call.index, item=item)

    @property
    def _status(self) -> str:
        """Of an item that ends now."""
        return "incomplete" if self._reason in _INCOMPLETE else "completed"

    def _object(self, status: str) -> dict[str, Any]:
        why = _INCOMPLETE.get(self._reason)
        ended = status != "in_progress"
        return {
            "id": f"resp_{self._asked.id}",
            "object": "response",
            "created_at": self._asked.created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": why} if why and ended else None,
            "model": self._asked.model,
            "output": list(self._output) if ended else [],
            "usage": self._usage if ended else None,
            **self._settings,
        }

    # ---- events

    def _event(self, kind: str, **members: Any) -> None:
        event = {"type": kind, "sequence_number": self._number, **members}
        self._number += 1
        self._events.append(named_event(kind.encode(), _encode(event)))

    def _content_event(self, kind: str, **members: Any) -> None:
        self._event(f"response.{kind}", item_id=self._item["id"], output_index=self._index, content_index=0, **members)

    def _part_event(self, what: str, part: dict[str, Any]) -> None:
        self._content_event(f"content_part.{what}", part=part)

    def _reasoning_event(self, kind: str, **members: Any) -> None:
        place = "summary_index" if self._as_summary else "content_index"
        where = {"item_id": self._item["id"], "output_index": self._index, place: 0}
        self._event(f"response.reasoning_{kind}", **where, **members)

    def _call_event(self, call: _Call, kind: str, **members: Any) -> None:
        self._event(f"response.{kind}", item_id=call.item_id, output_index=call.index, **members)


def _usage(said: dict[str, Any]) -> dict[str, Any]:
    taken, given = _count(said, "prompt_tokens"), _count(said, "completion_tokens")
    prompt, completion = said.get("prompt_tokens_details"), said.get("completion_tokens_details")
    return {
        "input_tokens": taken,
        "input_tokens_details": {
            "cached_tokens": _count(prompt, "cached_tokens"), "cache_write_tokens": _count(prompt, "cache_write_tokens")
        },
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": _count(completion, "reasoning_tokens")},
        "total_tokens": taken + given,
    }  # fmt: skip


def _count(of: Any, name: str) -> int:
    value = of.get(name) if isinstance(of, dict) else None
    return value if isinstance(value, int) and value >= 0 else 0
