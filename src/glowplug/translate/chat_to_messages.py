"""Requests of OpenAI's chat completions → Anthropic's Messages wire.  Pure.

What becomes what (https://platform.openai.com/docs/api-reference/chat → https://docs.anthropic.com/en/api/messages):

    system and developer messages              system, wherever they stand, each on lines of its own
    neighbours of one role                     one message; the first is always the user's
    content text, parts                        text blocks; empty ones are left out, Anthropic takes none
    image_url                                  image: base64 for a data: URL, url for an address
    file with file_data                        document: base64
    tool_calls                                 tool_use; their ids keep letters, digits, - and _
    tool messages                              tool_result, in the user's message after the calls
    functions                                  tools; tools that were called and are not declared are declared
    tool_choice none, auto, required, named    none, auto, any, tool
    parallel_tool_calls: false                 disable_parallel_tool_use
    max_completion_tokens, max_tokens          max_tokens, which Anthropic needs: 8,192 when neither is said
    temperature, top_p                         temperature up to 1, or else top_p (newer models take one of them); top_k
    stop                                       stop_sequences, without those that are only space
    user                                       metadata.user_id
    reasoning_effort                           thinking: adaptive, output_config.effort (Claude 4.6 and later; 4.7 and
                                               later take nothing else)
    response_format json_schema with strict    output_config.format: guaranteed in both wires
    json_schema otherwise, json_object         an instruction at the end of system: never guaranteed there either, and
                                               Anthropic's guarantee asks more of a schema than such ones keep

Thinking is not asked for where Anthropic would refuse it: within a turn that called tools (its own thinking would have
to be shown again, signed), with a forced tool, and after words put into the assistant's mouth.  With thinking,
temperature and the like are dropped, because it takes none.

Refused: `n` above 1, sound (also as an answer), files by id.  Dropped without a word: penalties, seed, logit_bias,
logprobs, store, metadata, service_tier, verbosity, prediction, thinking of earlier turns, and everything this page does
not name.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.base import Asked
from glowplug.translate.messages_answers import MessagesAnswers, MessagesStream, completion_of_message
from glowplug.wire.failures import openai_error

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]
DEFAULT_MAX_TOKENS: Final = 8192
"""Tokens of an answer when the client does not say; twice as many when it thinks, which counts."""
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_CHOICES: Final = {"none": "none", "auto": "auto", "required": "any"}
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
_OPEN_SCHEMA: Final = {"type": "object", "properties": {}}
_BEGUN: Final = "(The conversation begins with the assistant.)"


class ChatToMessages:
    """One request of a chat client to a target that has Anthropic's wire."""

    __slots__ = ("_answers", "request")

    def __init__(self, data: bytes, asked: Asked) -> None:
        """Raises RequestError."""
        try:
            body = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _bad(f"it cannot be read: {error}") from None
        self.request = _encode(_request(body))
        options = body.get("stream_options")
        self._answers = MessagesAnswers(
            id=asked.id,
            model=asked.model,
            created=asked.created,
            usage=isinstance(options, dict) and options.get("include_usage") is True,
        )

    def whole(self, data: bytes) -> bytes:
        return completion_of_message(data, self._answers)

    def failure(self, status: int, data: bytes) -> bytes:
        return openai_error(status, data)

    def stream(self) -> MessagesStream:
        return MessagesStream(self._answers)


def _bad(why: str, hint: str = "") -> RequestError:
    return RequestError(f"The request body cannot be used: {why}", hint=hint, code="invalid_body")


def _request(body: Json) -> Json:
    count = body.get("n")
    if isinstance(count, int) and count > 1:
        raise _bad("`n` must be 1", "Anthropic gives one answer to a request")
    if body.get("audio") is not None:
        raise _bad("Anthropic answers with text only", "leave out `audio`")
    given = body.get("messages")
    if not isinstance(given, list) or not given or not all(isinstance(message, dict) for message in given):
        raise _bad("`messages` must be a list of objects, with at least one")
    system, messages = _conversation(given)
    out: Json = {"model": body.get("model")}
    _put_limits(out, body)
    out["messages"] = messages
    _put_tools(out, body)
    _put_thinking(out, body)
    if (wanted := _put_format(out, body)) is not None:
        system.append(wanted)
    if system:
        out["system"] = "\n".join(system)
    if body.get("stream") is True:
        out["stream"] = True
    return out


# ---- messages


def _conversation(given: list[Json]) -> tuple[list[str], list[Json]]:
    """The texts of the system, and messages whose roles alternate."""
    system: list[str] = []
    messages: list[Json] = []
    for message in given:
        role = message.get("role")
        if role in ("system", "developer"):
            system += [text for text in _texts(message.get("content")) if text.strip()]
        elif role == "assistant":
            _add(messages, "assistant", _assistant(message))
        elif role in ("tool", "function"):
            _add(messages, "user", [_result(message)])
        else:
            _add(messages, "user", _blocks(message.get("content")))
    if not messages and system:
        messages, system = [{"role": "user", "content": [_text("\n".join(system))]}], []
    if messages and messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": [_text(_BEGUN)]})
    if messages and messages[-1]["role"] == "assistant":
        _trim(messages[-1]["content"])
    for message in messages:
        if len(message["content"]) == 1 and message["content"][0]["type"] == "text":
            message["content"] = message["content"][0]["text"]
    if not messages:
        raise _bad("`messages` say nothing")
    return system, messages


def _add(messages: list[Json], role: str, blocks: list[Json]) -> None:
    if not blocks:
        return
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] += blocks
    else:
        messages.append({"role": role, "content": blocks})


def _trim(blocks: list[Json]) -> None:
    """The words put into the assistant's mouth may not end in space."""
    last = blocks[-1]
    if last["type"] == "text" and (rest := last["text"].rstrip()):
        last["text"] = rest


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _blocks(content: object) -> list[Json]:
    if isinstance(content, str):
        return [_text(content)] if content.strip() else []
    blocks = []
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "refusal") and isinstance(part.get(kind), str):
            if part[kind].strip():
                blocks.append(_text(part[kind]))
        elif kind == "image_url":
            blocks.append({"type": "image", "source": _image(part.get("image_url"))})
        elif kind == "file":
            blocks.append(_document(part.get("file")))
        elif kind == "input_audio":
            raise _bad("Anthropic does not take sound", "it takes text, images and PDF files")
    return blocks


def _image(value: object) -> Json:
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        raise _bad("`image_url` needs a `url`")
    if url[:5].lower() != "data:":
        return {"type": "url", "url": url}
    return _base64(url)


def _base64(url: str) -> Json:
    """The source of a data: URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    kind, *flags = head[5:].split(";")
    if not comma or not data or "base64" not in [flag.strip().lower() for flag in flags]:
        raise _bad("a data: URL must be base64")
    return {"type": "base64", "media_type": kind.lower() or "image/png", "data": data}


def _document(file: object) -> Json:
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(file, dict) or not isinstance(data, str):
        raise _bad("a file is given by its id", "send the file itself, as `file_data`")
    url = data if data[:5].lower() == "data:" else f"data:application/pdf;base64,{data}"
    out: Json = {"type": "document", "source": _base64(url)}
    if isinstance(file.get("filename"), str):
        out["title"] = file["filename"]
    return out


def _id(value: object) -> str:
    return _NOT_IN_IDS.sub("_", value) if isinstance(value, str) else ""


def _assistant(message: Json) -> list[Json]:
    blocks = _blocks(message.get("content"))
    if not blocks and isinstance(message.get("refusal"), str) and message["refusal"].strip():
        blocks = [_text(message["refusal"])]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _bad("every tool call needs a `function` with a `name`")
        given = function.get("arguments") or "{}"
        try:
            arguments = given if isinstance(given, dict) else _object(given)
        except (msgspec.DecodeError, TypeError, RecursionError):
            raise _bad(f"the arguments of the call of {function['name']} are not the JSON of an object") from None
        blocks.append({"type": "tool_use", "id": _id(call.get("id")), "name": function["name"], "input": arguments})
    return blocks


def _result(message: Json) -> Json:
    blocks = _blocks(message.get("content"))
    content: object = blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks
    return {"type": "tool_result", "tool_use_id": _id(message.get("tool_call_id")), "content": content}


# ---- settings


def _put_limits(out: Json, body: Json) -> None:
    most = next((body[name] for name in ("max_completion_tokens", "max_tokens") if isinstance(body.get(name), int)), 0)
    out["max_tokens"] = most if most > 0 else DEFAULT_MAX_TOKENS
    if isinstance(body.get("temperature"), int | float):
        out["temperature"] = min(1.0, body["temperature"])
    elif isinstance(body.get("top_p"), int | float):
        out["top_p"] = body["top_p"]
    if isinstance(body.get("top_k"), int):
        out["top_k"] = body["top_k"]
    stop = body.get("stop")
    stops = [text for text in (stop if isinstance(stop, list) else [stop]) if isinstance(text, str) and text.strip()]
    if stops:
        out["stop_sequences"] = stops
    if isinstance(body.get("user"), str):
        out["metadata"] = {"user_id": body["user"]}


def _put_tools(out: Json, body: Json) -> None:
    given = body.get("tools")
    tools: list[Json] = []
    for tool in given if isinstance(given, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            tools.append(_tool(function))
    known = {tool["name"] for tool in tools}
    blocks = [b for message in out["messages"] if isinstance(message["content"], list) for b in message["content"]]
    called = dict.fromkeys([block["name"] for block in blocks if block["type"] == "tool_use"])
    choice = body.get("tool_choice")
    if not tools and called:
        choice = "none"
    tools += [{"name": name, "input_schema": _OPEN_SCHEMA} for name in called if name not in known]
    if not tools:
        return
    out["tools"] = tools
    one = body.get("parallel_tool_calls") is False
    named = choice.get("function") if isinstance(choice, dict) else None
    if isinstance(named, dict) and named.get("name") in known:
        out["tool_choice"] = {"type": "tool", "name": named["name"]}
    elif isinstance(choice, str) and choice in _CHOICES:
        out["tool_choice"] = {"type": _CHOICES[choice]}
    elif one:
        out["tool_choice"] = {"type": "auto"}
    if one and out["tool_choice"]["type"] != "none":
        out["tool_choice"]["disable_parallel_tool_use"] = True


def _tool(function: Json) -> Json:
    schema = function.get("parameters")
    tool: Json = {"name": function["name"]}
    if isinstance(function.get("description"), str):
        tool["description"] = function["description"]
    tool["input_schema"] = {"type": "object", **schema} if isinstance(schema, dict) else _OPEN_SCHEMA
    if function.get("strict") is True:
        tool["strict"] = True
    return tool


def _put_thinking(out: Json, body: Json) -> None:
    effort = body.get("reasoning_effort")
    reasoning = body.get("reasoning")
    if effort is None and isinstance(reasoning, dict):
        effort = reasoning.get("effort")
    level = _EFFORTS.get(effort, "") if isinstance(effort, str) else ""
    last = out["messages"][-1]
    content = last["content"] if isinstance(last["content"], list) else []
    forced = out.get("tool_choice", {}).get("type") in ("any", "tool")
    if not level or forced or last["role"] == "assistant" or any(block["type"] == "tool_result" for block in content):
        return
    if not any(isinstance(body.get(name), int) for name in ("max_completion_tokens", "max_tokens")):
        out["max_tokens"] = 2 * DEFAULT_MAX_TOKENS
    out["thinking"] = {"type": "adaptive"}
    out["output_config"] = {"effort": level}
    for name in ("temperature", "top_p", "top_k"):
        out.pop(name, None)


def _put_format(out: Json, body: Json) -> str | None:
    """Ask for the form of the answer; the instruction where only words can."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_object":
        return "Answer with one JSON object and nothing else."
    holder = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = holder.get("schema") if isinstance(holder, dict) else None
    if kind != "json_schema" or not isinstance(holder, dict) or not isinstance(schema, dict):
        return None
    if holder.get("strict") is True:
        out["output_config"] = {**out.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}
        return None
    return f"Answer with JSON that fits this schema, and nothing else:\n{_encode(schema).decode()}"
