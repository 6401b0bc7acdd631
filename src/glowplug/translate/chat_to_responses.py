"""Chat completions → Responses requests, for models that have nothing else, and their answers back.  Pure.

What becomes what:

    system, developer, user and assistant messages     message items (input_text, input_image, input_file, output_text)
    tool_calls, tool messages                          function_call, function_call_output
    tools, functions, tool_choice                      the same without the `function` inside
    max_completion_tokens, max_tokens                  max_output_tokens
    reasoning_effort, verbosity                        reasoning.effort, text.verbosity
    response_format                                    text.format
    logprobs, top_logprobs                             include logprobs, top_logprobs
    temperature top_p parallel_tool_calls user         the same name
    metadata service_tier prompt_cache_key safety_identifier

`store` is false unless the client says otherwise: nobody asks for these by id.  Left out, because there is no word for
it: stop, seed, penalties, logit_bias, prediction.  Refused: `n` above 1, audio as an answer.

Format: https://platform.openai.com/docs/guides/migrate-to-responses and …/api-reference/responses/create.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.base import Asked
from glowplug.translate.chat_answer import ChatAnswer, ResponseStream
from glowplug.translate.chat_reading import failure_of
from glowplug.translate.responses_input import bad

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_SAME: Final = (
    "temperature", "top_p", "parallel_tool_calls", "user", "metadata", "service_tier", "prompt_cache_key",
    "safety_identifier", "top_logprobs",
)  # fmt: skip


class ChatToResponses:
    """One request."""

    __slots__ = ("_asked", "_include_usage", "request")

    def __init__(self, data: bytes, asked: Asked) -> None:
        body = _members(data)
        self._asked = asked
        options = body.get("stream_options")
        self._include_usage = isinstance(options, dict) and options.get("include_usage") is True
        self.request = _encode(_responses_body(body))

    def whole(self, data: bytes) -> bytes:
        return ChatAnswer(self._asked).whole(data)

    def failure(self, status: int, data: bytes) -> bytes:
        return failure_of(status, data)

    def stream(self) -> ResponseStream:
        return ResponseStream(ChatAnswer(self._asked), usage=self._include_usage)


def chat_to_responses(data: bytes, asked: Asked) -> ChatToResponses:
    """Begins the translation.  Raises RequestError."""
    return ChatToResponses(data, asked)


def _responses_body(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("n") not in (None, 1):
        raise bad("`n` must be 1", "this model gives one answer a request")
    if body.get("audio") is not None:
        raise bad("this model answers with text only", "leave out `audio`")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise bad("`messages` must be a list with at least one message")
    out: dict[str, Any] = {"model": body.get("model"), "store": body.get("store") is True}
    customs: set[str] = set()
    out["input"] = [item for message in messages for item in _items(message, customs)]
    out.update({name: body[name] for name in _SAME if body.get(name) is not None})
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most is not None:
        out["max_output_tokens"] = most
    if body.get("reasoning_effort") is not None:
        out["reasoning"] = {"effort": body["reasoning_effort"]}
    text = _text_settings(body)
    if text:
        out["text"] = text
    if body.get("logprobs") is True:
        out["include"] = ["message.output_text.logprobs"]
    _put_tools(out, body)
    if body.get("stream") is True:
        out["stream"] = True
    return out


def _text_settings(body: dict[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {}
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type"):
        inner = form.get("json_schema")
        text["format"] = {"type": form["type"], **(inner if isinstance(inner, dict) else {})}
    if body.get("verbosity") is not None:
        text["verbosity"] = body["verbosity"]
    return text


def _put_tools(out: dict[str, Any], body: dict[str, Any]) -> None:
    given = body.get("tools") or [{"type": "function", "function": one} for one in body.get("functions") or ()]
    tools = [tool for one in given if isinstance(one, dict) and (tool := _tool(one)) is not None]
    if not tools:
        return
    out["tools"] = tools
    choice = body.get("tool_choice")
    if isinstance(choice, str):
        out["tool_choice"] = choice
    elif isinstance(choice, dict):
        kind = str(choice.get("type"))
        inner = choice.get(kind)
        out["tool_choice"] = {"type": kind, **(inner if isinstance(inner, dict) else {})}


def _tool(tool: dict[str, Any]) -> dict[str, Any] | None:
    kind = tool.get("type") or "function"
    inner = tool.get(kind)
    if kind not in ("function", "custom") or not isinstance(inner, dict):
        return None
    # Without a word, Responses makes functions strict and chat completions does not.
    usual: dict[str, Any] = {"strict": False, "parameters": None} if kind == "function" else {}
    return {"type": kind, **usual, **inner}


def _items(message: dict[str, Any], customs: set[str]) -> list[dict[str, Any]]:
    """The items of one message; `customs` are the ids of calls of custom tools so far.  Raises RequestError."""
    role, content = message.get("role"), message.get("content")
    if role in ("tool", "function"):
        call = str(message.get("tool_call_id") or message.get("name"))
        kind = "custom_tool_call_output" if call in customs else "function_call_output"
        return [{"type": kind, "call_id": call, "output": _plain(content)}]
    if role not in ("system", "developer", "user", "assistant"):
        raise bad(f"there is no role {role!r}")
    items: list[dict[str, Any]] = []
    if role == "assistant":
        said = _plain(content) or str(message.get("refusal") or "")
        if said:
            parts = [{"type": "output_text", "text": said, "annotations": []}]
            items.append({"type": "message", "role": role, "content": parts})
        calls = [_call(call) for call in message.get("tool_calls") or () if isinstance(call, dict)]
        customs.update(call["call_id"] for call in calls if call["type"] == "custom_tool_call")
        items += calls
    else:
        parts = [_part(part) for part in _parts(content)]
        items.append({"type": "message", "role": role, "content": parts})
    return items


def _call(call: dict[str, Any]) -> dict[str, Any]:
    custom = call.get("custom")
    if isinstance(custom, dict):
        said = {"name": custom.get("name"), "input": custom.get("input") or ""}
        return {"type": "custom_tool_call", "call_id": str(call.get("id")), **said}
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    said = {"name": function.get("name"), "arguments": function.get("arguments") or "{}"}
    return {"type": "function_call", "call_id": str(call.get("id")), **said}


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts if isinstance(part, dict))


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise bad("the content of a message must be a text or a list of parts")
    return content


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    inner = part.get(str(kind))
    if kind == "text":
        return {"type": "input_text", "text": str(part.get("text") or "")}
    if kind == "image_url" and isinstance(inner, dict):
        return {"type": "input_image", "image_url": inner.get("url"), "detail": inner.get("detail") or "auto"}
    if kind == "file" and isinstance(inner, dict):
        names = ("file_id", "file_data", "filename")
        return {"type": "input_file", **{name: inner[name] for name in names if inner.get(name) is not None}}
    if kind == "input_audio" and isinstance(inner, dict):
        return {"type": "input_audio", "input_audio": inner}
    raise bad(f"content of type {kind!r} cannot be sent to this model", "text, image_url and file can")


def _members(data: bytes) -> dict[str, Any]:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None
