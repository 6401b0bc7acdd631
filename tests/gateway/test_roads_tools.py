"""Two streamed calls after thinking and text, from targets of every wire, put together by the SDKs' own accumulators.

These are stricter than a look at events: they follow indexes, ids and the beginning and end of every block.
"""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.testing.fault_scripts import pieces_of
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.rig import KEY, cloud

SCHEMA: Any = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip
OSLO, ROME = '{"city":"Oslo"}', '{"city":"Rome"}'
PROMPT, COMPLETION = 9, 8
THEIRS = {"input_tokens": PROMPT, "output_tokens": COMPLETION}


def _event(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


# ---- chat completions


def _chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n".encode()


def _piece(index: int, arguments: str, call: str = "") -> bytes:
    begun = {"id": call, "type": "function"} if call else {}
    named = {"name": "weather"} if call else {}
    return _chunk({"tool_calls": [{"index": index, **begun, "function": {**named, "arguments": arguments}}]})


CHAT = (
    _chunk({"role": "assistant", "content": ""}), _chunk({"reasoning_content": "Hm."}), _chunk({"content": "Let me"}),
    _piece(0, "", "call_a"), _piece(0, OSLO[:8]), _piece(0, OSLO[8:]), _piece(1, ROME, "call_b"),
    _chunk({}, "tool_calls"), _chunk(None, usage={"prompt_tokens": PROMPT, "completion_tokens": COMPLETION}),
    b"data: [DONE]\n\n",
)  # fmt: skip

# ---- messages


def _block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    told = [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
    begun = _event("content_block_start", index=index, content_block=start)
    return b"".join((begun, *told, _event("content_block_stop", index=index)))


def _use(index: int, call: str, *parts: str) -> bytes:
    start = {"type": "tool_use", "id": call, "name": "weather", "input": {}}
    return _block(index, start, *({"type": "input_json_delta", "partial_json": part} for part in parts))


MESSAGE = {
    "id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
    "stop_sequence": None, "usage": {"input_tokens": PROMPT, "output_tokens": 1},
}  # fmt: skip
MESSAGES = (
    _event("message_start", message=MESSAGE),
    _block(
        0, {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "s"},
    ),
    _block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Let me"}),
    _use(2, "call_a", OSLO[:8], OSLO[8:]), _use(3, "call_b", ROME),
    _event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": COMPLETION}),
    _event("message_stop"),
)  # fmt: skip

# ---- responses

RESPONSE: dict[str, Any] = {
    "id": "resp_u", "object": "response", "created_at": 1, "status": "in_progress", "model": "m", "error": None,
    "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": None,
}  # fmt: skip
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}]}
TEXT: dict[str, Any] = {
    "type": "message", "id": "msg", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "Let me", "annotations": []}],
}  # fmt: skip


def _call(letter: str, arguments: str) -> dict[str, Any]:
    ids = {"id": f"fc_{letter}", "call_id": f"call_{letter}"}
    return {"type": "function_call", **ids, "name": "weather", "arguments": arguments, "status": "completed"}


def _item(at: int, item: dict[str, Any], begun: dict[str, Any], *inner: tuple[str, dict[str, Any]]) -> bytes:
    where = {"output_index": at, "sequence_number": at}
    added = _event("response.output_item.added", item={**item, **begun}, **where)
    told = [_event(f"response.{name}", item_id=item["id"], **more, **where) for name, more in inner]
    return b"".join((added, *told, _event("response.output_item.done", item=item, **where)))


def _called(at: int, call: dict[str, Any], *parts: str) -> bytes:
    deltas = [("function_call_arguments.delta", {"delta": part}) for part in parts]
    return _item(at, call, {"arguments": "", "status": "in_progress"}, *deltas)


A, B = _call("a", OSLO), _call("b", ROME)
RESPONSES = (
    _event("response.created", sequence_number=0, response=RESPONSE),
    _item(
        0, THOUGHT, {"summary": []},
        ("reasoning_summary_part.added", {"summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        ("reasoning_summary_text.delta", {"summary_index": 0, "delta": "Hm."}),
    ),
    _item(
        1, TEXT, {"content": [], "status": "in_progress"},
        ("content_part.added", {"content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
        ("output_text.delta", {"content_index": 0, "delta": "Let me"}),
    ),
    _called(2, A, OSLO[:8], OSLO[8:]), _called(3, B, ROME),
    _event(
        "response.completed", sequence_number=9,
        response={**RESPONSE, "status": "completed", "output": [THOUGHT, TEXT, A, B],
                  "usage": {**THEIRS, "total_tokens": PROMPT + COMPLETION}},
    ),
)  # fmt: skip

# ---- Ollama


def _line(message: dict[str, Any], **more: Any) -> bytes:
    said = {"role": "assistant", "content": "", **message}
    return json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": said, **more}).encode() + b"\n"


OLLAMA = (
    _line({"thinking": "Hm."}, done=False), _line({"content": "Let me"}, done=False),
    _line({"tool_calls": [{"function": {"name": "weather", "arguments": {"city": city}}} for city in ("Oslo", "Rome")]},
          done=False),
    _line({}, done=True, done_reason="stop", prompt_eval_count=PROMPT, eval_count=COMPLETION),
)  # fmt: skip
SAID = {"chat": CHAT, "messages": MESSAGES, "responses": RESPONSES, "ollama": OLLAMA}


def _target(wire: str, port: int) -> Any:
    if wire == "ollama":
        return cloud("m", base_url=f"http://127.0.0.1:{port}/api", dialect=Dialect.OLLAMA)
    return cloud("m", port, capabilities=(Capability(wire),))


async def _of_chat(client: openai.AsyncOpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA, "strict": True}}
    async with client.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": "?"}], tools=[tool], stream_options={"include_usage": True}
    ) as stream:
        whole = await stream.get_final_completion()
    (choice,) = whole.choices
    assert (choice.message.content, choice.finish_reason) == ("Let me", "tool_calls")
    assert getattr(choice.message, "reasoning_content", "") == "Hm."
    calls = choice.message.tool_calls or []
    assert [call.function.arguments for call in calls] == [OSLO, ROME]
    assert len({call.id for call in calls}) == 2
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (PROMPT, COMPLETION)


async def _of_responses(client: openai.AsyncOpenAI) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
    async with client.responses.stream(model="m", input="?", tools=[tool]) as stream:
        whole = await stream.get_final_response()
    assert [item.type for item in whole.output] == ["reasoning", "message", "function_call", "function_call"]
    assert (whole.status, whole.output_text) == ("completed", "Let me")
    calls: Any = whole.output[2:]
    assert [call.arguments for call in calls] == [OSLO, ROME]
    assert len({call.call_id for call in calls}) == 2
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (PROMPT, COMPLETION)


async def _of_messages(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(
        model="m", max_tokens=99, messages=[{"role": "user", "content": "?"}],
        tools=[{"name": "weather", "input_schema": SCHEMA}],
    ) as stream:  # fmt: skip
        whole = await stream.get_final_message()
    thought, text, *calls = whole.content
    assert thought.type == "thinking" and thought.thinking == "Hm."
    assert text.type == "text" and text.text == "Let me"
    assert [call.input for call in calls if call.type == "tool_use"] == [json.loads(OSLO), json.loads(ROME)]
    assert whole.stop_reason == "tool_use"
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (PROMPT, COMPLETION)


@pytest.mark.parametrize("wire", list(SAID))
def test_the_sdks_put_together_what_was_called(live: Run, wire: str) -> None:
    async def test(live: Live) -> None:
        media = "application/x-ndjson" if wire == "ollama" else "text/event-stream"
        async with FaultUpstream(pieces_of(*SAID[wire], media=media)) as upstream:
            live.serve(_target(wire, upstream.port))
            base = f"http://127.0.0.1:{live.port}"
            async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{base}/v1", max_retries=0) as gpt:
                await _of_chat(gpt)
                await _of_responses(gpt)
            async with anthropic.AsyncAnthropic(api_key=KEY, base_url=base, max_retries=0) as claude:
                await _of_messages(claude)
        assert [(end.prompt_tokens, end.completion_tokens) for end in live.journal.ends] == [(PROMPT, COMPLETION)] * 3

    live(test)
