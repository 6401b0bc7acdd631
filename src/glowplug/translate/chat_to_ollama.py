"""OpenAI's chat, completion and embedding requests → the calls of Ollama's own API.  Pure.

Every call says `stream`, `keep_alive` and all options the runner was loaded with, so that none of them reloads it or
sets a timer beside ours.

What becomes what (https://platform.openai.com/docs/api-reference/chat, Ollama's docs/api.md):

    max_completion_tokens, max_tokens          options.num_predict
    temperature top_p seed frequency_penalty presence_penalty
    top_k min_p typical_p repeat_penalty       options, the same name
    stop                                       options.stop, always a list
    response_format                            format: "json" or the schema
    reasoning_effort, reasoning.effort, think  think: a level, or false for `none`
    logprobs, top_logprobs                     logprobs, top_logprobs
    tools, tool_choice `none` or one function  tools; `required` cannot be said and counts as `auto`
    image_url with a data: URL                 images of that message; other addresses are refused
    tool_calls[].function.arguments (text)     the same as an object
    reasoning_content of a message             thinking
    suffix, dimensions                         the same name

Refused: `n` above 1, remote images, audio (also as an answer) and files, inputs that are tokens, several prompts.
Everything else is left out without a word: it does not change what Ollama can do (user, metadata, store, service_tier,
logit_bias, parallel_tool_calls, prediction, best_of, echo …).  A completion is `raw`: it continues the prompt as it is,
as with the other engines; with a suffix the model's own template is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.wire.ollama import FOREVER, Call, Function, Message, OptionValue, ToolCall

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_arguments = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_SAMPLING: Final = (
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "min_p", "typical_p", "repeat_penalty",
)  # fmt: skip
_WHOLE: Final = ("seed", "top_k")
_EFFORTS: Final[Mapping[str, bool | str]] = {
    "none": False, "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high",
}  # fmt: skip
"""OpenAI's levels of reasoning → Ollama's."""
_ROLES: Final = {"developer": "system", "function": "tool"}


def chat_call(body: bytes, options: Mapping[str, OptionValue]) -> bytes:
    """The body of `POST /api/chat` for a chat completion.  `options`: what the runner was loaded with.

    Raises RequestError for what Ollama cannot be asked."""
    asked = _members(body)
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _bad("`messages` must be a list with at least one message")
    call = _call(asked, options)
    names: dict[str, str] = {}
    call.messages = [_message(message, names) for message in messages]
    call.tools = _tools(asked)
    call.format = _format(asked.get("response_format"))
    call.think = _think(asked)
    call.logprobs = True if _flag(asked, "logprobs") else None
    call.top_logprobs = _whole(asked, "top_logprobs") if call.logprobs else None
    return _encode(call)


def completion_call(body: bytes, options: Mapping[str, OptionValue]) -> bytes:
    """The body of `POST /api/generate` for a completion.  Raises RequestError."""
    asked = _members(body)
    prompt = asked.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise _bad("`prompt` must be one text", "Ollama takes neither several prompts in one request nor tokens")
    call = _call(asked, options)
    call.prompt = prompt
    call.suffix = _text(asked, "suffix") or None
    call.raw = call.suffix is None
    call.format = _format(asked.get("response_format"))
    if (count := _whole(asked, "logprobs")) is not None:
        call.logprobs, call.top_logprobs = True, count
    return _encode(call)


def embedding_call(body: bytes, options: Mapping[str, OptionValue]) -> bytes:
    """The body of `POST /api/embed` for embeddings.  Raises RequestError."""
    asked = _members(body)
    given = asked.get("input")
    texts: list[Any] = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _bad("`input` must be a text or a list of texts", "Ollama does not take tokens")
    call = Call(model=_model(asked), input=texts, keep_alive=FOREVER, options=dict(options))
    call.dimensions = _whole(asked, "dimensions")
    return _encode(call)


def wants_base64(body: bytes) -> bool:
    """Whether an embedding request asks for packed numbers.  Raises RequestError."""
    encoding = _members(body).get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise _bad("`encoding_format` must be float or base64")
    return encoding == "base64"


def load_call(model: str, options: Mapping[str, OptionValue], *, embeddings: bool) -> bytes:
    """The body that loads a model and answers when it is loaded: of `/api/embed` for a model that only embeds (it
    refuses `/api/generate`), of `/api/generate` for every other."""
    call = Call(model=model, keep_alive=FOREVER, options=dict(options))
    if embeddings:
        call.input = []
    else:
        call.stream = False
    return _encode(call)


def unload_call(model: str) -> bytes:
    """The body of `/api/generate` that unloads a model, of either kind, when its running requests have ended."""
    return _encode(Call(model=model, keep_alive=0, stream=False))


# ---- parts


def _members(body: bytes) -> dict[str, Any]:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(f"it cannot be read: {error}") from None


def _bad(why: str, hint: str = "") -> RequestError:
    return RequestError(f"The request body cannot be used: {why}", hint=hint, code="invalid_body")


def _model(asked: Mapping[str, Any]) -> str:
    return _text(asked, "model")


def _call(asked: Mapping[str, Any], loaded: Mapping[str, OptionValue]) -> Call:
    """What a chat and a completion have in common."""
    if (_whole(asked, "n") or 1) > 1:
        raise _bad("`n` must be 1", "Ollama gives one answer to a request")
    if asked.get("audio") is not None:
        raise _bad("Ollama answers with text only", "leave out `audio`")
    options: dict[str, Any] = {name: value for name in _SAMPLING if (value := _number(asked, name)) is not None}
    options |= {name: value for name in _WHOLE if (value := _whole(asked, name)) is not None}
    for name in ("max_completion_tokens", "max_tokens"):
        if (value := _whole(asked, name)) is not None:
            options.setdefault("num_predict", value)
    if stops := _stops(asked.get("stop")):
        options["stop"] = stops
    return Call(model=_model(asked), stream=_flag(asked, "stream"), keep_alive=FOREVER, options={**options, **loaded})


def _stops(value: object) -> list[str]:
    stops: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(stop, str) for stop in stops):
        raise _bad("`stop` must be a text or a list of texts")
    return stops


def _message(message: object, names: dict[str, str]) -> Message:
    """`names` collects the functions that were called, by the id of the call, for the results that follow."""
    if not isinstance(message, dict):
        raise _bad("every message must be an object")
    role = message.get("role")
    if not isinstance(role, str) or not role:
        raise _bad("every message needs a `role`")
    out = Message(role=_ROLES.get(role, role))
    out.content, images = _content(message.get("content"))
    out.images = images or None
    thought = message.get("reasoning_content") or message.get("reasoning")
    out.thinking = thought if isinstance(thought, str) else None
    if calls := message.get("tool_calls"):
        if not isinstance(calls, list):
            raise _bad("`tool_calls` must be a list")
        out.tool_calls = [_tool_call(call, index, names) for index, call in enumerate(calls)]
    if out.role == "tool":
        id = message.get("tool_call_id")
        name = message.get("name")
        out.tool_call_id = id if isinstance(id, str) else ""
        out.tool_name = name if isinstance(name, str) else names.get(out.tool_call_id, "")
    return out


def _content(content: object) -> tuple[str, list[str]]:
    """The text of a message's content, its parts on lines of their own, and the images."""
    if content is None or isinstance(content, str):
        return content or "", []
    if not isinstance(content, list):
        raise _bad("`content` must be a text or a list of parts")
    texts, images = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url":
            images.append(_image(part.get("image_url")))
        else:
            raise _bad(f"a part of type {kind!r} is nothing Ollama takes", "it takes text and image_url")
    return "\n".join(texts), images


def _image(value: object) -> str:
    """The base64 of an image given as a data: URL (RFC 2397)."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str):
        raise _bad("`image_url` needs a `url`")
    head, comma, data = url.partition(",")
    scheme, colon, kind = head.partition(":")
    if scheme.lower() != "data" or not colon:
        raise _bad("an image is given by its address", "send the image itself, as a data: URL with base64")
    if not comma or not kind.lower().endswith(";base64") or not data:
        raise _bad("the data: URL of an image must be base64")
    return data


def _tool_call(call: object, index: int, names: dict[str, str]) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _bad("every tool call needs a `function` with a `name`")
    given = function.get("arguments") or "{}"
    try:
        arguments = given if isinstance(given, dict) else _arguments(given)
    except (msgspec.DecodeError, TypeError, RecursionError):
        raise _bad(f"the arguments of the call of {function['name']} are not the JSON of an object") from None
    id = _text(call, "id")
    names[id] = function["name"]
    return ToolCall(id=id, function=Function(name=function["name"], arguments=arguments, index=index))


def _tools(asked: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    tools = asked.get("tools")
    if not tools:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise _bad("`tools` must be a list of objects")
    for tool in tools:
        if tool.get("type", "function") != "function" or not isinstance(tool.get("function"), dict):
            raise _bad(f"a tool of type {tool.get('type')!r} is nothing Ollama takes", "it takes functions")
    choice = asked.get("tool_choice")
    if choice == "none":
        return None
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        wanted = choice["function"].get("name")
        tools = [tool for tool in tools if tool["function"].get("name") == wanted]
        if not tools:
            raise _bad(f"`tool_choice` names {wanted!r}, which is not among the tools")
    return tools


def _format(value: object) -> object:
    """Ollama's `format`, or None."""
    if value is None:
        return None
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return "json"
    holder = value.get("json_schema") if isinstance(value, dict) else None
    schema = holder.get("schema") if isinstance(holder, dict) else None
    if kind == "json_schema" and isinstance(schema, dict):
        return schema
    raise _bad("`response_format` must be text, json_object, or json_schema with a schema")


def _think(asked: Mapping[str, Any]) -> bool | str | None:
    think = asked.get("think")
    if isinstance(think, bool):
        return think
    effort: object = think if think is not None else asked.get("reasoning_effort")
    if effort is None and isinstance(asked.get("reasoning"), dict):
        effort = asked["reasoning"].get("effort")
    if effort is None:
        return None
    if not isinstance(effort, str) or effort not in _EFFORTS:
        raise _bad(f"the effort of reasoning must be one of {', '.join(_EFFORTS)}")
    return _EFFORTS[effort]


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise _bad(f"`{name}` must be a text")
    return value or ""


def _flag(asked: Mapping[str, Any], name: str) -> bool:
    value = asked.get(name)
    if value is not None and not isinstance(value, bool):
        raise _bad(f"`{name}` must be true or false")
    return value is True


def _whole(asked: Mapping[str, Any], name: str) -> int | None:
    value = asked.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise _bad(f"`{name}` must be a whole number")
    return value


def _number(asked: Mapping[str, Any], name: str) -> float | int | None:
    value = asked.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise _bad(f"`{name}` must be a number")
    return value
