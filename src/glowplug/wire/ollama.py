"""Ollama's own API as data: model names, the bodies Glowplug sends, the bodies it reads.

Read in Ollama's documentation and sources as of version 0.33 (August 2026): docs/api.md, api/types.go,
server/routes.go, server/sched.go, types/model/name.go.  What is not listed here is ignored when it is read.

Only on `/api/*` can `keep_alive` and `options` be said; `/v1/*` uses the model's own, and a call whose `num_ctx`
differs from that of the loaded runner reloads it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

DEFAULT_PORT: Final = 11434
DEFAULT_CONTEXT: Final = 4096
"""Tokens of context when the configuration does not say.  Ollama's own default depends on the device's memory, so it is
never left to it."""
FOREVER: Final = -1
"""`keep_alive`: until it is unloaded by a call.  0 unloads."""

CHAT: Final = "/api/chat"
GENERATE: Final = "/api/generate"
EMBED: Final = "/api/embed"
EMBEDDINGS: Final = "/api/embeddings"
"""As `EMBED` was before: one prompt, one vector, no usage."""
VERSION: Final = "/api/version"
RUNNING: Final = "/api/ps"
SHOW: Final = "/api/show"

_HOST: Final = "registry.ollama.ai"
_NAMESPACE: Final = "library"
_TAG: Final = "latest"

OptionValue = str | int | float | bool


# ---- names


def split_name(name: str) -> tuple[str, str, str, str]:
    """(host, namespace, model, tag) with Ollama's defaults for what the name leaves out."""
    plain = name.strip()
    path, slash, last = (plain.partition("://")[2] or plain).rpartition("/")
    model, _, tag = last.partition(":")
    namespace = _NAMESPACE
    host = ""
    if slash:
        host, _, namespace = path.rpartition("/")
    return host or _HOST, namespace, model, tag or _TAG


def full_name(name: str) -> tuple[str, str, str, str]:
    """A name as Ollama compares it: `Mistral` is `registry.ollama.ai/library/mistral:latest`.  Case is for people."""
    host, namespace, model, tag = split_name(name.lower())
    return host, namespace, model, tag


def same_model(one: str, other: str) -> bool:
    """Whether Ollama takes both names for the same model."""
    return full_name(one) == full_name(other)


def is_cloud(name: str) -> bool:
    """Whether the name asks for a model that runs at Ollama Cloud: its tag is `cloud` or ends in `-cloud`."""
    tag = full_name(name)[3]
    return tag == "cloud" or tag.endswith("-cloud")


# ---- what is sent


class Function(msgspec.Struct, kw_only=True, omit_defaults=True):
    name: str
    arguments: dict[str, Any]
    """Always written, also when there are none: templates of models write down what stands here."""
    index: int | None = None


class ToolCall(msgspec.Struct, kw_only=True, omit_defaults=True):
    function: Function
    id: str = ""


class Message(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One message; arguments of tool calls are objects here, and images base64 without a prefix."""

    role: str = ""
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_name: str = ""
    tool_call_id: str = ""


class Call(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Any of the three calls; only members that are set are written."""

    model: str
    messages: list[Message] | None = None
    prompt: str | None = None
    suffix: str | None = None
    raw: bool | None = None
    input: list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    format: Any = None
    think: bool | str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    dimensions: int | None = None
    stream: bool | None = None
    keep_alive: int | None = None
    options: dict[str, Any] | None = None


# ---- what is read

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class Alternative(msgspec.Struct, omit_defaults=True):
    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None


class Logprob(msgspec.Struct, omit_defaults=True):
    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None
    top_logprobs: list[Alternative] | None = None


class Line(msgspec.Struct):
    """One object of the answer of `/api/chat` or `/api/generate`: a line of a stream, or all of it."""

    message: Message | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: _Count = 0
    eval_count: _Count = 0
    logprobs: list[Logprob] | None = None
    error: str | None = None


class Embedded(msgspec.Struct):
    """The answer of `/api/embed`."""

    embeddings: list[list[float]]
    prompt_eval_count: _Count = 0


class Refusal(msgspec.Struct):
    """The body of an answer that is an error."""

    error: str


class VersionAnswer(msgspec.Struct):
    version: str


class Loaded(msgspec.Struct):
    """One entry of `/api/ps`.  A model is listed from the beginning of its load until its runner has ended."""

    name: str = ""
    model: str = ""
    size: int = 0
    """Bytes, all of it."""
    size_vram: int = 0
    """Bytes on accelerators."""
    context_length: int = 0
    """Tokens; 0 where the version does not say."""


class Process(msgspec.Struct):
    """The answer of `/api/ps`."""

    models: list[Loaded] = []

    def find(self, name: str) -> Loaded | None:
        """The entry of a model, by any of its names."""
        wanted = full_name(name)
        return next((entry for entry in self.models if full_name(entry.model or entry.name) == wanted), None)


class Shown(msgspec.Struct):
    """The answer of `/api/show` as far as it says where the weights are."""

    modelfile: str = ""

    @property
    def weights(self) -> str:
        """The path of the weights' file, or empty."""
        for line in self.modelfile.splitlines():
            if line.startswith("FROM /"):
                return line.removeprefix("FROM ").strip()
        return ""


_line = msgspec.json.Decoder(Line).decode
_embedded = msgspec.json.Decoder(Embedded).decode
_refusal = msgspec.json.Decoder(Refusal).decode
_version = msgspec.json.Decoder(VersionAnswer).decode
_process = msgspec.json.Decoder(Process).decode
_shown = msgspec.json.Decoder(Shown).decode


class NotOllama(ValueError):
    """These bytes are not what Ollama answers here."""


_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_line(data: bytes) -> Line:
    """One object of a chat or completion.  Raises NotOllama."""
    try:
        return _line(data)
    except _BROKEN as error:
        raise NotOllama(str(error)) from None


def read_embedded(data: bytes) -> Embedded:
    """Raises NotOllama."""
    try:
        return _embedded(data)
    except _BROKEN as error:
        raise NotOllama(str(error)) from None


def read_error(data: bytes) -> str:
    """The message of an error answer; where it has none, its first 300 characters as text."""
    try:
        return _refusal(data).error
    except _BROKEN:
        return data[:300].decode(errors="replace").strip()


def read_version(data: bytes) -> str:
    """The version of the Ollama that answered, or empty when it was something else."""
    try:
        return _version(data).version
    except _BROKEN:
        return ""


def read_process(data: bytes) -> Process | None:
    """What is loaded, or None when this is not an answer of `/api/ps`."""
    try:
        return _process(data)
    except _BROKEN:
        return None


def read_shown(data: bytes) -> Shown:
    """Empty when it cannot be read."""
    try:
        return _shown(data)
    except _BROKEN:
        return Shown()
