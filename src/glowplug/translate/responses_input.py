"""The input of a Responses request as the messages of a chat completion.  Pure.

    instructions, system and developer messages in front       one system message
    developer messages further on                              system messages
    message (also without a type)                              a message of its role
    input_text output_text text refusal                        text
    input_image with image_url                                 image_url
    input_file with file_data                                  file
    input_audio                                                input_audio
    function_call custom_tool_call X_call with a call_id       a tool call of the assistant's message before it
    X_output with a call_id                                    a tool message; its pictures in a user message after it
    reasoning, calls that OpenAI's own servers ran, all else   dropped

Refused: what is only an id of something at OpenAI (files, prompts, conversations) or of an item that is not kept here
(`gateway.continuing` puts those in that are), because the answer would be wrong.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.responses_tools import Tools, custom_arguments

_encode = msgspec.json.Encoder().encode
_NOT_ARGUMENTS: Final = frozenset(("id", "type", "status", "call_id", "action", "created_by", "caller"))
_SYSTEM: Final = ("system", "developer")


def messages_of(instructions: Any, given: Any, tools: Tools) -> list[dict[str, Any]]:
    """The messages.  Raises RequestError."""
    writer = _Messages(tools)
    if isinstance(instructions, str) and instructions:
        writer.system.append(instructions)
    elif isinstance(instructions, list):
        for item in instructions:
            writer.item(item)
    for item in items_of(given):
        writer.item(item)
    return writer.done()


def items_of(given: Any) -> list[dict[str, Any]]:
    """The input as items: a text is one message of the user.  Raises RequestError."""
    if given is None:
        return []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise bad("`input` must be a text or a list of items")
    return given


def tools_in(items: list[dict[str, Any]]) -> list[Any]:
    """The tools that `additional_tools` items bring."""
    found = [item.get("tools") for item in items if item.get("type") == "additional_tools"]
    return [tool for tools in found if isinstance(tools, list) for tool in tools]


class _Messages:
    """Messages so far."""

    def __init__(self, tools: Tools) -> None:
        self.system: list[str] = []
        self._tools = tools
        self._out: list[dict[str, Any]] = []
        self._pictures: list[dict[str, Any]] = []
        """Of tool outputs, until the last of those that belong together."""

    def item(self, item: Any) -> None:
        """Add what one item says."""
        if not isinstance(item, dict):
            raise bad("every item of `input` must be an object")
        kind = item.get("type") or "message"
        call = item.get("call_id") or item.get("id")
        if kind == "item_reference":
            self._unknown(item)
        elif kind == "message":
            self._message(item)
        elif kind in ("function_call", "custom_tool_call"):
            self._call(call, self._tools.name(str(item.get("name")), item.get("namespace")), _arguments(item))
        elif kind.endswith("_output") and isinstance(call, str):
            self._output(call, item.get("output"))
        elif kind.endswith("_call") and isinstance(item.get("call_id"), str):
            self._call(call, kind.removesuffix("_call"), _arguments(item))

    def done(self) -> list[dict[str, Any]]:
        self._show_pictures()
        head = [{"role": "system", "content": "\n\n".join(self.system)}] if self.system else []
        return head + self._out

    def _message(self, item: dict[str, Any]) -> None:
        self._show_pictures()
        role, content = item.get("role"), item.get("content")
        if role is None and content is None and isinstance(item.get("id"), str):
            self._unknown(item)
        if role in _SYSTEM:
            text = _text(content)
            if self._out:
                self._out.append({"role": "system", "content": text})
            elif text:
                self.system.append(text)
        elif role == "assistant":
            self._out.append({"role": "assistant", "content": _text(content)})
        elif role == "user":
            self._out.append({"role": "user", "content": _content(content)})
        else:
            raise bad(f"there is no role {role!r}", "user, assistant, developer and system are known")

    def _unknown(self, item: dict[str, Any]) -> None:
        """Only an id, which nobody here knows."""
        raise RequestError(
            f"Item with id {str(item.get('id'))[:100]!r} not found.", hint="send the item itself", code="item_not_found"
        )

    def _call(self, call: Any, name: str, arguments: str) -> None:
        self._show_pictures()
        last = self._out[-1] if self._out else None
        if last is None or last["role"] != "assistant":
            last = {"role": "assistant", "content": None}
            self._out.append(last)
        function = {"name": name, "arguments": arguments}
        last.setdefault("tool_calls", []).append({"id": str(call), "type": "function", "function": function})

    def _output(self, call: str, output: Any) -> None:
        if isinstance(output, list):
            parts = [part for part in output if isinstance(part, dict)]
            self._pictures += [_part(part) for part in parts if part.get("type") in ("input_image", "input_file")]
            said = "\n".join(text for part in parts if isinstance(text := part.get("text"), str))
        elif isinstance(output, str):
            said = output
        else:
            said = "" if output is None else _encode(output).decode()
        self._out.append({"role": "tool", "tool_call_id": call, "content": said})

    def _show_pictures(self) -> None:
        if self._pictures:
            self._out.append({"role": "user", "content": self._pictures})
            self._pictures = []


def _arguments(item: dict[str, Any]) -> str:
    """The arguments of a call, as text."""
    if item.get("type") == "custom_tool_call":
        return custom_arguments(str(item.get("input") or ""))
    said = item.get("arguments")
    if isinstance(said, str):
        return said or "{}"
    action = item.get("action")
    rest = {name: value for name, value in item.items() if name not in _NOT_ARGUMENTS}
    if isinstance(action, dict):
        rest.update({name: value for name, value in action.items() if name != "type" and value not in (None, {})})
    return _encode(rest).decode()


def _text(content: Any) -> str:
    """The text of a message, whatever else it has."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts if isinstance(part, dict))


def _content(content: Any) -> Any:
    """The content of a user's message: text alone as text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise bad("the content of a message must be a text or a list of parts")
    parts = [_part(part) for part in content]
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """One part of a user's message.  Raises RequestError."""
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text", "summary_text"):
        return {"type": "text", "text": str(part.get("text") or "")}
    if kind == "refusal":
        return {"type": "text", "text": str(part.get("refusal") or "")}
    if kind == "input_image":
        address = part.get("image_url")
        if not isinstance(address, str):
            raise bad("a picture that is only an id cannot be sent to this model", "give its image_url")
        image = {"url": address}
        if part.get("detail") in ("low", "high", "auto"):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    if kind == "input_file" and isinstance(part.get("file_data"), str):
        return {"type": "file", "file": {"filename": part.get("filename") or "file", "file_data": part["file_data"]}}
    if kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        return {"type": "input_audio", "input_audio": part["input_audio"]}
    raise bad(f"content of type {kind!r} cannot be sent to this model", "text, image_url and file_data can")


def bad(message: str, hint: str = "") -> RequestError:
    """The refusal of a body."""
    return RequestError(message, hint=hint, code="invalid_body")
