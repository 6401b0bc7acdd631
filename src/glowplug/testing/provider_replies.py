"""What an OpenAI-compatible provider answers, as pure functions: request in, bodies and events out.

Formats: https://platform.openai.com/docs/api-reference/chat and …/completions, …/embeddings, …/models.  Only what
clients of a gateway can tell apart is imitated: shapes, usage, order of stream events, error bodies.
"""

from __future__ import annotations

import base64
import hmac
import math
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import shake_256
from typing import Any

from glowplug.testing.received import Received

CREATED = 1_780_000_000
"""`created` of everything, unix seconds: replies are the same at every run."""
FINGERPRINT = "fp_standin"
REPLY = (
    "This is the stand-in for a cloud model: a small program that speaks the OpenAI API and always says this. "
    "You see it because the local model could not answer in time, or because you asked for it."
)
"""What the demo's cloud target says."""
DIMENSIONS = 256
"""Length of an embedding unless the request says `dimensions`."""

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How the provider answers; replace it on a running one to change its mind.  Times in seconds."""

    api_key: str = ""
    """The bearer key it wants; empty: it asks for none."""
    models: tuple[str, ...] = ("stand-in",)
    reply: str = REPLY
    delay: float = 0.0
    """Silence before the head of a model's answer."""
    event_gap: float = 0.0
    """Silence before each event of a stream."""
    status: int = 0
    """Answer model requests with this status and an error body; 0: answer properly."""
    usage: bool = True
    """False: never report usage, even when asked (some providers do not)."""
    fail_first: int = 0
    """Only the first so many model requests fail (with `status`, or 503 when that is 0)."""


class ProviderError(Exception):
    """A refusal as OpenAI words it: an HTTP status and the `error` object."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", code: str | None = None,
                 param: str | None = None) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.body: Body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True)
class Answer:
    """What the model says: words, or one tool call."""

    words: tuple[str, ...]
    """Joined without a separator they are the text; each is one stream event and counts as one token."""
    finish: str
    tool: str = ""
    """Name of the called tool; its arguments are always `{}`."""

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def tokens(self) -> int:
        return 1 if self.tool else len(self.words)


def split_words(text: str) -> tuple[str, ...]:
    """Words with the white space in front of them: nothing is lost when they are joined."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def usage(prompt: int, completion: int) -> Body:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def prompt_tokens(value: object) -> int:
    """Words in every string inside `value` (messages, a prompt, an input), and token ids counted as they are."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, int):
        return 1
    if isinstance(value, list):
        return sum(prompt_tokens(item) for item in value)
    if isinstance(value, dict):
        return prompt_tokens(value.get("content")) + prompt_tokens(value.get("text"))
    return 0


def wants_stream(body: Body) -> bool:
    """Is a stream asked for?  Raises ProviderError where OpenAI refuses the combination."""
    stream = body.get("stream") is True
    if body.get("stream_options") is not None and not stream:
        raise ProviderError(
            400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    return stream


def wants_usage(body: Body) -> bool:
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def answer_chat(body: Body, reply: str) -> Answer:
    """A call of the first (or the named) tool when tools are given and the last message is not a tool's result;
    else the reply, cut at `max_completion_tokens` / `max_tokens`."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ProviderError(400, "Missing required parameter: 'messages'.", code="missing_required_parameter",
                            param="messages")  # fmt: skip
    last = messages[-1]
    answered = isinstance(last, dict) and last.get("role") == "tool"
    choice = body.get("tool_choice", "auto")
    names = [t["function"]["name"] for t in body.get("tools") or () if isinstance(t, dict) and "function" in t]
    if isinstance(choice, dict):
        name = str(choice.get("function", {}).get("name"))
        if name not in names:
            raise ProviderError(400, f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice")
        # A forced function ends with "stop", not with "tool_calls"; clients that rely on either can be tested.
        return Answer((), "stop", name)
    if names and choice != "none" and (choice == "required" or not answered):
        return Answer((), "tool_calls", names[0])
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return _cut(reply, limit)


def _cut(reply: str, limit: object) -> Answer:
    words = split_words(reply)
    if isinstance(limit, int) and limit < len(words):
        return Answer(words[:limit], "length")
    return Answer(words, "stop")


def _call(answer: Answer) -> Body:
    return {"id": "call_standin0", "type": "function", "function": {"name": answer.tool, "arguments": "{}"}}


def chat_body(body: Body, answer: Answer, with_usage: bool) -> Body:
    message: Body = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool:
        message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [_call(answer)]}
    out: Body = {
        "id": "chatcmpl-standin",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}],
        "system_fingerprint": FINGERPRINT,
    }
    if with_usage:
        out["usage"] = usage(prompt_tokens(body.get("messages")), answer.tokens)
    return out


def _chat_deltas(answer: Answer) -> Iterator[Body]:
    if answer.tool:
        call = {"index": 0, **_call(answer)}
        call["function"] = {"name": answer.tool, "arguments": ""}
        yield {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}
        yield {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
        return
    yield {"role": "assistant", "content": "", "refusal": None}
    for word in answer.words:
        yield {"content": word}


def chat_events(body: Body, answer: Answer, with_usage: bool) -> Iterator[Body]:
    """The objects of a chat stream, in order.

    With `stream_options.include_usage` every chunk carries `usage: null` and one more, without choices, the usage;
    without it no chunk has the member at all.
    """
    asked = with_usage and wants_usage(body)
    base: Body = {
        "id": "chatcmpl-standin",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body["model"],
        "system_fingerprint": FINGERPRINT,
    }
    none: Body = {"usage": None} if asked else {}
    for delta in _chat_deltas(answer):
        yield {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}], **none}
    yield {**base, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish}], **none}
    if asked:
        yield {**base, "choices": [], "usage": usage(prompt_tokens(body.get("messages")), answer.tokens)}


def answer_completion(body: Body, reply: str) -> tuple[Answer, ...]:
    """One answer a prompt (a list of strings is a batch)."""
    prompt = body.get("prompt")
    many = len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1
    return (_cut(reply, body.get("max_tokens")),) * many


def completion_body(body: Body, answers: tuple[Answer, ...], with_usage: bool) -> Body:
    out: Body = {
        "id": "cmpl-standin",
        "object": "text_completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {"text": a.text, "index": i, "logprobs": None, "finish_reason": a.finish} for i, a in enumerate(answers)
        ],
        "system_fingerprint": FINGERPRINT,
    }
    if with_usage:
        out["usage"] = usage(prompt_tokens(body.get("prompt")), sum(a.tokens for a in answers))
    return out


def completion_events(body: Body, answers: tuple[Answer, ...], with_usage: bool) -> Iterator[Body]:
    """The objects of a completion stream; usage as in `chat_events`."""
    asked = with_usage and wants_usage(body)
    base: Body = {"id": "cmpl-standin", "object": "text_completion", "created": CREATED, "model": body["model"]}
    none: Body = {"usage": None} if asked else {}
    for index, answer in enumerate(answers):
        for word in answer.words:
            yield {**base, "choices": [{"text": word, "index": index, "logprobs": None, "finish_reason": None}], **none}
        last = {"text": "", "index": index, "logprobs": None, "finish_reason": answer.finish}
        yield {**base, "choices": [last], **none}
    if asked:
        count = sum(a.tokens for a in answers)
        yield {**base, "choices": [], "usage": usage(prompt_tokens(body.get("prompt")), count)}


def unit_vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 that depends on nothing but the text; the same on every machine."""
    raw = shake_256(text.encode()).digest(4 * dimensions)
    values = [(n - 2**31) / 2**31 for n in struct.unpack(f"<{dimensions}I", raw)]
    norm = math.sqrt(sum(v * v for v in values)) or 1.0
    return [v / norm for v in values]


def _inputs(value: object) -> Iterable[object]:
    """An `input` as a list of texts or token lists.  Raises ProviderError."""
    if isinstance(value, str) and value:
        return [value]
    if isinstance(value, list) and value:
        return [value] if isinstance(value[0], int) else value
    raise ProviderError(400, "'$.input' is invalid. Please check the API reference.", param="input")


def embeddings_body(body: Body) -> Body:
    """One unit vector an input, as numbers or (`encoding_format: base64`) as little-endian float32."""
    dimensions = body.get("dimensions") or DIMENSIONS
    if not isinstance(dimensions, int) or not 0 < dimensions <= 8192:
        raise ProviderError(400, "'dimensions' must be between 1 and 8192.", param="dimensions")
    data = []
    for index, item in enumerate(_inputs(body.get("input"))):
        vector: object = unit_vector(item if isinstance(item, str) else repr(item), dimensions)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()  # type: ignore[misc]
        data.append({"object": "embedding", "index": index, "embedding": vector})
    count = prompt_tokens(body["input"])
    totals = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": body["model"], "usage": totals}


def models_body(models: Iterable[str]) -> Body:
    return {"object": "list", "data": [model_body(name) for name in models]}


def model_body(name: str) -> Body:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "stand-in"}


def check_key(request: Received, wanted: str) -> None:
    """Raises ProviderError 401 unless the request carries the bearer key."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not wanted or (scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted.encode())):
        return
    if not given:
        raise ProviderError(401, "You didn't provide an API key. You need to provide your API key in an Authorization "
                            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).")  # fmt: skip
    raise ProviderError(401, f"Incorrect API key provided: {given[:3]}****{given[-4:]}.", code="invalid_api_key")


def list_models(request: Received, models: tuple[str, ...]) -> Body:
    """Answer `GET /v1/models` and `GET /v1/models/NAME`.  Raises ProviderError."""
    if request.method not in ("GET", "HEAD"):
        raise ProviderError(405, f"Not allowed to {request.method} on {request.path}.", code="method_not_supported")
    name = request.path.removeprefix("/v1/models").strip("/")
    if not name:
        return models_body(models)
    if name not in models:
        raise _no_model(name)
    return model_body(name)


def _no_model(name: object) -> ProviderError:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return ProviderError(404, message, code="model_not_found")


_ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")


def parse(request: Received, models: tuple[str, ...]) -> Body:
    """The JSON body of a model request for a model that is served.  Raises ProviderError."""
    if request.path not in _ROUTES:
        raise ProviderError(404, f"Invalid URL ({request.method} {request.path})")
    if request.method != "POST":
        raise ProviderError(405, f"Not allowed to {request.method} on {request.path}.", code="method_not_supported")
    try:
        body = request.json
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ProviderError(400, "We could not parse the JSON body of your request.")
    if "model" not in body:
        raise ProviderError(400, "you must provide a model parameter")
    if body["model"] not in models:
        raise _no_model(body["model"])
    return body


def reply_to(path: str, body: Body, behaviour: Behaviour) -> tuple[Body, Iterator[Body] | None]:
    """The answer of a model: a body, or events when a stream is asked for.  Raises ProviderError."""
    if path == "/v1/embeddings":
        return embeddings_body(body), None
    stream = wants_stream(body)
    if path == "/v1/completions":
        answers = answer_completion(body, behaviour.reply)
        if stream:
            return {}, completion_events(body, answers, behaviour.usage)
        return completion_body(body, answers, behaviour.usage), None
    answer = answer_chat(body, behaviour.reply)
    if stream:
        return {}, chat_events(body, answer, behaviour.usage)
    return chat_body(body, answer, behaviour.usage), None
