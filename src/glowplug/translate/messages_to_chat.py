"""Requests in Anthropic's Messages wire → OpenAI's chat completions.  Pure.

What becomes what (https://docs.anthropic.com/en/api/messages → https://platform.openai.com/docs/api-reference/chat):

    system                                     the first message, its blocks on lines of their own
    a system message further down              a user's text in <system-reminder>: most templates take none there
    text                                       content; a user's texts on lines of their own
    image: base64, url                         image_url: a data: URL, the address
    document: text, content, base64, url       text (with its title), file, the address as text
    search_result                              text
    tool_use                                   tool_calls; its input as JSON text
    tool_result                                a `tool` message; its images in the user's message after it; one that is
                                               an error begins with "Error: "
    thinking                                   reasoning_content, where the turn called tools: there models need it
    tools with an input_schema                 functions
    tool_choice auto, any, tool, none          auto, required, the function, none
    disable_parallel_tool_use                  parallel_tool_calls: false
    max_tokens temperature top_p top_k         the same name
    stop_sequences                             stop
    thinking.budget_tokens                     reasoning_effort: low to 2,048, medium to 8,192, high
    output_config.effort                       reasoning_effort, which goes before the budget; above high it is high
    output_config.format, output_format        response_format
    metadata.user_id                           user

Dropped without a word: cache_control, redacted thinking, tools that run at Anthropic or have a schema only there
(`web_search_…`, `bash_…`), the blocks of those, files by id, and everything this page does not name.  `thinking:
disabled` is no request for no thinking (no word of chat completions says that to every engine), but then no thinking is
answered.  The attribution line is taken out (`glowplug.wire.attribution`).  Refused is only what is no conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.base import Asked
from glowplug.translate.chat_answers import ChatAnswers, ChatStream, message_of_completion
from glowplug.wire.attribution import plain_text
from glowplug.wire.failures import anthropic_error

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]
_SAME: Final = ("temperature", "top_p", "top_k")
_EFFORTS: Final = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_LOW, _MEDIUM = 2048, 8192
"""Tokens of thinking up to which the effort is low, and medium."""
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_SEEN: Final = "The result is the image that follows."


class MessagesToChat:
    """One request of a Messages client to a target that has chat completions."""

    __slots__ = ("_answers", "request")

    def __init__(self, data: bytes, asked: Asked) -> None:
        """Raises RequestError."""
        body = _members(data)
        self.request = _encode(_request(body))
        thinking = body.get("thinking")
        self._answers = ChatAnswers(
            id=asked.id,
            model=asked.model,
            stops=frozenset(_texts(body.get("stop_sequences"))),
            thinks=not (isinstance(thinking, dict) and thinking.get("type") == "disabled"),
        )

    def whole(self, data: bytes) -> bytes:
        return message_of_completion(data, self._answers)

    def failure(self, status: int, data: bytes) -> bytes:
        return anthropic_error(status, data, self._answers.id)

    def stream(self) -> ChatStream:
        return ChatStream(self._answers)


def _members(data: bytes) -> Json:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(f"it cannot be read: {error}") from None


def _bad(why: str) -> RequestError:
    return RequestError(f"The request body cannot be used: {why}", code="invalid_body")


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _blocks(content: object) -> list[Json]:
    """A content as blocks; what is none is left out."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _request(body: Json) -> Json:
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise _bad("`messages` must be a list with at least one message")
    messages: list[Json] = []
    texts = [plain_text(text) for text in _block_texts(_blocks(body.get("system")))]
    if system := "\n".join([text for text in texts if text.strip()]):
        messages.append({"role": "system", "content": system})
    for message in given:
        if not isinstance(message, dict):
            raise _bad("every message must be an object")
        _put(messages, message)
    out: Json = {"model": body.get("model"), "messages": messages}
    most = body.get("max_tokens")
    if isinstance(most, int):
        out["max_tokens"] = max(1, most)  # 0 asks Anthropic to fill its cache and say nothing
    out |= {name: body[name] for name in _SAME if body.get(name) is not None}
    if stops := _texts(body.get("stop_sequences")):
        out["stop"] = stops
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("user_id"), str):
        out["user"] = metadata["user_id"]
    _put_tools(out, body)
    _put_output(out, body)
    if body.get("stream") is True:
        out["stream"] = True
        out["stream_options"] = {"include_usage": True}
    return out


# ---- messages


def _put(messages: list[Json], message: Json) -> None:
    """Add one message of the conversation: none, one or several."""
    role, blocks = message.get("role"), _blocks(message.get("content"))
    if role == "assistant":
        messages.append(_assistant(blocks))
    elif role == "system":
        texts = [plain_text(text) for text in _block_texts(blocks)]
        if text := "\n".join([text for text in texts if text.strip()]):
            _put_user(messages, [_text(f"<system-reminder>\n{text}\n</system-reminder>")])
    else:
        parts: list[Json] = []
        messages += [_tool(block, parts) for block in blocks if block.get("type") == "tool_result"]
        for block in blocks:
            parts += _parts(block)
        _put_user(messages, parts)


def _put_user(messages: list[Json], parts: list[Json]) -> None:
    """What the user says, joined with what they said just before: many templates take no two in a row."""
    if not parts:
        return
    if messages and messages[-1]["role"] == "user":
        before = messages[-1]["content"]
        parts = [*(before if isinstance(before, list) else [_text(before)]), *parts]
        messages.pop()
    content: object = parts
    if all(part["type"] == "text" for part in parts):
        content = "\n".join([part["text"] for part in parts])
    messages.append({"role": "user", "content": content})


def _assistant(blocks: list[Json]) -> Json:
    calls = [
        {
            "id": str(block.get("id") or ""),
            "type": "function",
            "function": {
                "name": str(block.get("name") or ""),
                "arguments": _encode(block.get("input") or {}).decode(),
            },
        }
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    text = "".join(_block_texts(blocks))
    out: Json = {"role": "assistant", "content": text or (None if calls else "")}
    if calls:
        thoughts = [block["thinking"] for block in blocks if isinstance(block.get("thinking"), str)]
        if thought := "\n".join(thoughts):
            out["reasoning_content"] = thought
        out["tool_calls"] = calls
    return out


def _tool(block: Json, images: list[Json]) -> Json:
    """A tool's result; its images, which a `tool` message cannot have, go into `images`."""
    texts = []
    pictures = []
    for inner in _blocks(block.get("content")):
        for part in _parts(inner):
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                pictures.append(part)
    text = "\n".join(texts) or (_SEEN if pictures else "")
    if block.get("is_error") is True:
        text = f"Error: {text}"
    images += pictures
    return {"role": "tool", "tool_call_id": str(block.get("tool_use_id") or ""), "content": text}


def _block_texts(blocks: Iterable[Json]) -> list[str]:
    return [block["text"] for block in blocks if block.get("type") == "text" and isinstance(block.get("text"), str)]


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _parts(block: Json) -> list[Json]:
    """The parts that say what a block says; none for what has no word here."""
    kind, source = block.get("type"), block.get("source")
    if kind == "text":
        return [_text(text) for text in _block_texts([block])]
    if kind == "image" and isinstance(source, dict):
        url = _address(source)
        return [{"type": "image_url", "image_url": {"url": url}}] if url else []
    if kind == "document" and isinstance(source, dict):
        return _document(block, source)
    if kind == "search_result":
        heads = [text for text in (block.get("title"), source) if isinstance(text, str) and text]
        return [_text("\n".join([*heads, *_block_texts(_blocks(block.get("content")))]))]
    return []


def _address(source: Json) -> str:
    """The URL of a source that is one or has the bytes; else empty."""
    url, data = source.get("url"), source.get("data")
    if source.get("type") == "url" and isinstance(url, str):
        return url
    if source.get("type") == "base64" and isinstance(data, str):
        return f"data:{source.get('media_type') or 'image/png'};base64,{data}"
    return ""


def _document(block: Json, source: Json) -> list[Json]:
    title = block.get("title") if isinstance(block.get("title"), str) else ""
    kind = source.get("type")
    if kind == "base64":
        url = _address({"media_type": "application/pdf", **source})
        return [{"type": "file", "file": {"filename": title or "document.pdf", "file_data": url}}] if url else []
    parts: list[Json] = []
    if kind == "text" and isinstance(source.get("data"), str):
        parts = [_text(source["data"])]
    elif kind == "content":
        parts = [part for inner in _blocks(source.get("content")) for part in _parts(inner)]
    elif kind == "url" and isinstance(source.get("url"), str):
        parts = [_text(source["url"])]
    return [_text(title), *parts] if title and parts else parts


# ---- tools and output


def _put_tools(out: Json, body: Json) -> None:
    given = body.get("tools")
    tools = [_function(tool) for tool in given if _is_function(tool)] if isinstance(given, list) else []
    if not tools:
        return
    out["tools"] = tools
    choice = body.get("tool_choice")
    if not isinstance(choice, dict):
        return
    kind, name = choice.get("type"), choice.get("name")
    if kind in _CHOICES:
        out["tool_choice"] = _CHOICES[kind]
    elif kind == "tool" and any(tool["function"]["name"] == name for tool in tools):
        out["tool_choice"] = {"type": "function", "function": {"name": name}}
    if choice.get("disable_parallel_tool_use") is True:
        out["parallel_tool_calls"] = False


def _is_function(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") in (None, "custom") and isinstance(tool.get("name"), str)


def _function(tool: Json) -> Json:
    function: Json = {"name": tool["name"]}
    if isinstance(tool.get("description"), str):
        function["description"] = tool["description"]
    schema = tool.get("input_schema")
    function["parameters"] = schema if isinstance(schema, dict) else {"type": "object", "properties": {}}
    if tool.get("strict") is True:
        function["strict"] = True
    return {"type": "function", "function": function}


def _put_output(out: Json, body: Json) -> None:
    """How hard to think, and in which form to answer."""
    config = body.get("output_config")
    config = config if isinstance(config, dict) else {}
    thinking = body.get("thinking")
    effort = _EFFORTS.get(config["effort"]) if isinstance(config.get("effort"), str) else None
    if effort is None and isinstance(thinking, dict) and thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        if isinstance(budget, int):
            effort = "low" if budget <= _LOW else "medium" if budget <= _MEDIUM else "high"
    if effort is not None:
        out["reasoning_effort"] = effort
    form = config.get("format") or body.get("output_format")
    if isinstance(form, dict) and form.get("type") == "json_schema" and isinstance(form.get("schema"), dict):
        schema = {"name": "answer", "schema": form["schema"], "strict": True}
        out["response_format"] = {"type": "json_schema", "json_schema": schema}
