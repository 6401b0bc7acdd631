"""OpenAI's Responses requests → chat completions, and their answers back.  Pure.

What becomes what (input items and tools: `responses_input`, `responses_tools`):

    max_output_tokens                     max_tokens
    temperature top_p user                the same name
    top_logprobs, include logprobs        logprobs, top_logprobs
    reasoning.effort                      reasoning_effort
    text.format                           response_format
    tool_choice parallel_tool_calls       the same, while there are tools
    metadata store truncation include …   only echoed; what they ask of OpenAI's servers is done here or not at all

Refused: `background`, `conversation` and `prompt`, which only OpenAI's servers can serve, and a request without input.

Format: https://platform.openai.com/docs/api-reference/responses/create.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.base import Asked
from glowplug.translate.chat_reading import ChatStream, failure_of, read_whole
from glowplug.translate.responses_answer import Composer
from glowplug.translate.responses_input import bad, items_of, messages_of, tools_in
from glowplug.translate.responses_tools import Tools

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_LOGPROBS: Final = "message.output_text.logprobs"
_ECHOED: Final[dict[str, Any]] = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None, "safety_identifier": None,
    "service_tier": "default", "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_logprobs": 0,
    "top_p": 1.0, "truncation": "disabled", "user": None,
}  # fmt: skip
"""Settings that a response repeats, and what they are when nobody said."""


class ResponsesToChat:
    """One request."""

    __slots__ = ("_asked", "_settings", "_summary", "_tools", "composer", "input", "request", "stores")

    def __init__(self, data: bytes, asked: Asked) -> None:
        body = _members(data)
        self.input = items_of(body.get("input"))
        """The whole conversation up to here."""
        if not self.input and not body.get("instructions"):
            raise bad("`input` is missing")
        self._asked = asked
        self._tools = Tools([*_list(body.get("tools")), *tools_in(self.input)])
        self.request = _encode(_chat_body(body, self.input, self._tools))
        self.stores = body.get("store") is not False
        """Whether the response may be asked for again."""
        self._settings = settings_of(body)
        self._summary = bool(_member(body, "reasoning", "summary"))
        self.composer: Composer | None = None
        """Who makes the answer, once it has begun."""

    def whole(self, data: bytes) -> bytes:
        composer = self._begin()
        read_whole(data, composer)
        return _encode(composer.response())

    def failure(self, status: int, data: bytes) -> bytes:
        return failure_of(status, data)

    def stream(self) -> ChatStream:
        return ChatStream(self._begin())

    @property
    def finished(self) -> bool:
        """Whether there is a whole answer."""
        return self.composer is not None and self.composer.finished

    def kept(self) -> tuple[bytes, bytes]:
        """The whole response, once it is finished, and the items it answers, both JSON."""
        assert self.composer is not None, "only a finished answer is kept"
        return _encode(self.composer.response()), _encode(self.input)

    def _begin(self) -> Composer:
        composer = Composer(self._asked, self._settings, self._tools, as_summary=self._summary)
        self.composer = composer
        return composer


def responses_to_chat(data: bytes, asked: Asked) -> ResponsesToChat:
    """Begins the translation.  Raises RequestError."""
    return ResponsesToChat(data, asked)


def settings_of(body: dict[str, Any]) -> dict[str, Any]:
    """What the response repeats of the request."""
    said = {name: usual if body.get(name) is None else body[name] for name, usual in _ECHOED.items()}
    said["background"] = False
    said["store"] = body.get("store") is not False
    reasoning = body.get("reasoning")
    said["reasoning"] = {"effort": None, "summary": None, **(reasoning if isinstance(reasoning, dict) else {})}
    text = body.get("text")
    said["text"] = {"format": {"type": "text"}, **(text if isinstance(text, dict) else {})}
    return said


def _chat_body(body: dict[str, Any], items: list[dict[str, Any]], tools: Tools) -> dict[str, Any]:
    for name in ("conversation", "prompt"):
        if body.get(name) is not None:
            raise bad(f"`{name}` is kept at OpenAI and cannot be used with this model", "send the content itself")
    if body.get("background") is True:
        raise bad("this model does not answer in the background", "leave out `background`, or stream")
    out: dict[str, Any] = {"model": body.get("model")}
    out["messages"] = messages_of(body.get("instructions"), items, tools)
    for name, chat in (
        ("temperature", "temperature"), ("top_p", "top_p"), ("user", "user"), ("max_output_tokens", "max_tokens"),
    ):  # fmt: skip
        if body.get(name) is not None:
            out[chat] = body[name]
    effort = _member(body, "reasoning", "effort")
    if effort is not None:
        out["reasoning_effort"] = effort
    form = _response_format(_member(body, "text", "format"))
    if form is not None:
        out["response_format"] = form
    if _LOGPROBS in _list(body.get("include")) or body.get("top_logprobs"):
        out["logprobs"] = True
        if body.get("top_logprobs"):
            out["top_logprobs"] = body["top_logprobs"]
    _put_tools(out, body, tools)
    if body.get("stream") is True:
        out["stream"] = True
        out["stream_options"] = {"include_usage": True}
    return out


def _put_tools(out: dict[str, Any], body: dict[str, Any], tools: Tools) -> None:
    if not tools.functions:
        return
    choice = tools.choice(body.get("tool_choice"))
    out["tools"] = tools.functions
    if choice is not None:
        out["tool_choice"] = choice
    if isinstance(body.get("parallel_tool_calls"), bool):
        out["parallel_tool_calls"] = body["parallel_tool_calls"]


def _response_format(form: Any) -> dict[str, Any] | None:
    if not isinstance(form, dict) or form.get("type") in (None, "text"):
        return None
    if form["type"] == "json_schema":
        schema = {
            name: form[name] for name in ("name", "schema", "strict", "description") if form.get(name) is not None
        }
        return {"type": "json_schema", "json_schema": schema}
    return {"type": form["type"]}


def _members(data: bytes) -> dict[str, Any]:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None


def _member(body: dict[str, Any], name: str, inner: str) -> Any:
    outer = body.get(name)
    return outer.get(inner) if isinstance(outer, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
