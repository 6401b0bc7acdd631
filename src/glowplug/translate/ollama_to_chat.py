"""Ollama's requests → OpenAI's: chats, completions and embeddings.  Pure; the answers' way back is `ollama_lines`.

What becomes what (Ollama's docs/api.md as of version 0.33):

    messages[].images (base64)            image_url parts with data: URLs
    messages[].tool_calls (objects)       tool_calls with the arguments as text, and ids
    role `tool`, tool_name                role `tool` with the id of the call it answers
    messages[].thinking                   reasoning_content, to engines here
    tools, logprobs, top_logprobs         the same
    format `json`, a schema               response_format
    think                                 reasoning_effort for a level; to engines here also chat_template_kwargs
    options.num_predict                   max_tokens, when it is above 0
    temperature top_p seed stop
    frequency_penalty presence_penalty    the same name
    top_k min_p typical_p repeat_penalty  the same name, to engines here: providers refuse what they do not know
    system, prompt of a completion        messages; `raw` or a `suffix` make it a completion of OpenAI's instead

Ignored: `template`, `context`, `truncate`, `shift`, num_ctx and every option about how a model is loaded (an engine is
started with its own), and whatever is not listed.  A value of the wrong type is refused only where the request would
mean something else without it.

A result that does not say which call it answers, as Home Assistant's do not, answers the first of that name that has
none yet, else the first of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.base import Asked, Translation
from glowplug.translate.ollama_lines import ChatLines, CompletionLines, Embeddings

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_COMMON: Final = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty")
_ENGINES: Final = ("top_k", "min_p", "typical_p", "repeat_penalty")
_LEVELS: Final = ("low", "medium", "high")
_KINDS: Final = (("/9j/", "jpeg"), ("iVBOR", "png"), ("R0lGOD", "gif"), ("UklGR", "webp"))
"""How the base64 of each kind of image begins."""


def chat_to_chat(data: bytes, asked: Asked) -> Translation:
    """`/api/chat` → chat completions.  Raises RequestError."""
    top = _members(data)
    messages = top.get("messages")
    if not isinstance(messages, list):
        raise _bad("`messages` must be a list")
    body = _body(top, asked)
    calls = _Calls(asked.id)
    body["messages"] = [_message(message, calls, asked) for message in messages]
    if tools := top.get("tools"):
        body["tools"] = tools
    return ChatLines(_encode(body), _named(top, asked), chat=True)


def generate_to_chat(data: bytes, asked: Asked) -> Translation:
    """`/api/generate` → chat completions: the prompt is what a user says.  Raises RequestError."""
    top = _members(data)
    body = _body(top, asked)
    system = _text(top, "system")
    said: dict[str, Any] = {"role": "user", "content": _text(top, "prompt"), "images": top.get("images")}
    messages = [{"role": "system", "content": system}] if system else []
    body["messages"] = [*messages, _message(said, _Calls(asked.id), asked)]
    return ChatLines(_encode(body), _named(top, asked), chat=False)


def generate_to_completions(data: bytes, asked: Asked) -> Translation:
    """`/api/generate` → completions: the prompt is continued as it is.  Raises RequestError."""
    top = _members(data)
    body = _body(top, asked)
    for name in ("logprobs", "top_logprobs", "reasoning_effort", "chat_template_kwargs"):
        body.pop(name, None)
    system, prompt = _text(top, "system"), _text(top, "prompt")
    body["prompt"] = f"{system}\n\n{prompt}" if system and top.get("raw") is not True else prompt
    if suffix := _text(top, "suffix"):
        body["suffix"] = suffix
    return CompletionLines(_encode(body), _named(top, asked))


def embed_to_embeddings(data: bytes, asked: Asked) -> Translation:
    """`/api/embed` → embeddings.  Raises RequestError."""
    top = _members(data)
    body: dict[str, Any] = {"model": top.get("model"), "input": top.get("input")}
    if isinstance(dimensions := top.get("dimensions"), int) and dimensions > 0:
        body["dimensions"] = dimensions
    return Embeddings(_encode(body), _named(top, asked), one=False)


def embeddings_to_embeddings(data: bytes, asked: Asked) -> Translation:
    """`/api/embeddings` → embeddings.  Raises RequestError."""
    top = _members(data)
    body = {"model": top.get("model"), "input": _text(top, "prompt")}
    return Embeddings(_encode(body), _named(top, asked), one=True)


# ---- parts


def _members(data: bytes) -> dict[str, Any]:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(f"it cannot be read: {error}") from None


def _bad(why: str) -> RequestError:
    return RequestError(f"The request body cannot be used: {why}", code="invalid_body")


def _text(top: Mapping[str, Any], name: str) -> str:
    value = top.get(name)
    if value is not None and not isinstance(value, str):
        raise _bad(f"`{name}` must be a text")
    return value or ""


def _named(top: Mapping[str, Any], asked: Asked) -> Asked:
    """Answers give the name as the client wrote it, tag and all."""
    return Asked(id=asked.id, model=_text(top, "model"), created=asked.created, local=asked.local)


def _body(top: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """What chats and completions have in common."""
    body: dict[str, Any] = {"model": top.get("model"), "stream": top.get("stream") is not False}
    if body["stream"]:
        body["stream_options"] = {"include_usage": True}
    given = top.get("options")
    options: dict[str, Any] = given if isinstance(given, dict) else {}
    for name in (*_COMMON, *(_ENGINES if asked.local else ())):
        if isinstance(value := options.get(name), (int, float)):
            body[name] = value
    if isinstance(most := options.get("num_predict"), (int, float)) and most > 0:
        body["max_tokens"] = int(most)
    if stop := options.get("stop"):
        body["stop"] = stop
    if (wanted := _format(top.get("format"))) is not None:
        body["response_format"] = wanted
    if top.get("logprobs") is True:
        body["logprobs"] = True
        if isinstance(count := top.get("top_logprobs"), int) and count > 0:
            body["top_logprobs"] = count
    _think(body, top.get("think"), local=asked.local)
    return body


def _format(value: object) -> dict[str, Any] | None:
    if value is None or value == "":
        return None
    if value == "json":
        return {"type": "json_object"}
    if isinstance(value, dict):
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": value}}
    raise _bad('`format` must be "json" or a JSON schema')


def _think(body: dict[str, Any], think: object, *, local: bool) -> None:
    """A level is said to everybody; yes and no only to engines here: a provider's model that cannot choose refuses."""
    level = think if think in _LEVELS else None
    if level is not None:
        body["reasoning_effort"] = level
    if local and level is not None:
        body["chat_template_kwargs"] = {"enable_thinking": True, "reasoning_effort": level}
    elif local and isinstance(think, bool):
        body["chat_template_kwargs"] = {"enable_thinking": think}


class _Calls:
    """The calls of a conversation: their ids, and which of them have no result yet."""

    __slots__ = ("_count", "_open", "_request")

    def __init__(self, request: str) -> None:
        self._request = request
        self._count = 0
        self._open: dict[str, str] = {}
        """Id → name of the function."""

    def called(self, given: object, name: str) -> str:
        id = given if isinstance(given, str) and given else f"call_{self._request}_{self._count}"
        self._count += 1
        self._open[id] = name
        return id

    def answered(self, given: object, name: object) -> str:
        """The id of the call that a result answers."""
        if isinstance(given, str) and given:
            self._open.pop(given, None)
            return given
        id = next((id for id, called in self._open.items() if called == name), None) or next(iter(self._open), None)
        if id is None:
            return f"call_{self._request}"
        del self._open[id]
        return id


def _message(message: object, calls: _Calls, asked: Asked) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise _bad("every message must be an object")
    role = message.get("role")
    if not isinstance(role, str) or not role:
        raise _bad("every message needs a `role`")
    content = _text(message, "content")
    out: dict[str, Any] = {"role": role, "content": content}
    if images := message.get("images"):
        if not isinstance(images, list):
            raise _bad("`images` must be a list")
        text = [{"type": "text", "text": content}] if content else []
        out["content"] = [*text, *[_image(image) for image in images]]
    if asked.local and isinstance(thought := message.get("thinking"), str) and thought:
        out["reasoning_content"] = thought
    if given := message.get("tool_calls"):
        if not isinstance(given, list):
            raise _bad("`tool_calls` must be a list")
        out["tool_calls"] = [_call(call, calls) for call in given]
        out["content"] = out["content"] or None
    if role == "tool":
        out["tool_call_id"] = calls.answered(message.get("tool_call_id"), message.get("tool_name"))
    return out


def _call(call: object, calls: _Calls) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _bad("every tool call needs a `function` with a `name`")
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else _encode(arguments or {}).decode()
    id = calls.called(call.get("id"), function["name"])
    return {"id": id, "type": "function", "function": {"name": function["name"], "arguments": text}}


def _image(image: object) -> dict[str, Any]:
    if not isinstance(image, str) or not image:
        raise _bad("an image must be base64")
    url = image
    if not image.startswith("data:"):
        kind = next((kind for begin, kind in _KINDS if image.startswith(begin)), "png")
        url = f"data:image/{kind};base64,{image}"
    return {"type": "image_url", "image_url": {"url": url}}
