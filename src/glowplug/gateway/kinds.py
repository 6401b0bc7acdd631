"""What can be asked for on the data plane: one row for each endpoint.  To add one, add its row.

A row says where the endpoint is, how its body is looked into, how its answers are read, and in which words its clients
are told that something went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import time
from typing import Final, NamedTuple, Protocol

from glowplug.domain.model import Capability, Dialect
from glowplug.errors import GlowplugError
from glowplug.wire import anthropic, audio, moderation, ollama, ollama_server, openai, responses, sse
from glowplug.wire.failures import alone, anthropic_error
from glowplug.wire.openai_values import Usage

EVENT_STREAM: Final = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"


class Peeked(Protocol):
    """A request body that has been looked into: `glowplug.wire.openai.Body`, or a form."""

    data: bytes
    raw_model: bytes
    """The JSON text of the model's name, quotes included."""
    stream: bool
    wants_usage: bool
    """The stream reports usage by itself, so nothing is asked for and nothing left out."""
    ours: bool
    """It has members that are for us and not for the upstream."""

    @property
    def model(self) -> str: ...
    def spliced(self, name: bytes) -> bytes:
        """The body with the model's name replaced by `name` (JSON text)."""


def _comment(text: str, model: str) -> bytes:
    return sse.comment(text)


class Envelope(NamedTuple):
    """The words of one wire for what went wrong; functions of the error and the request's id."""

    body: Callable[[GlowplugError, str], bytes]
    """A whole answer."""
    event: Callable[[GlowplugError, str], bytes]
    """The same in a stream that has begun."""
    answer: Callable[[int, bytes], bytes]
    """A whole answer of an upstream (status, body) in a stream that was promised before it came."""
    id_header: bytes = b""
    """Where the wire's clients look for the request's id, besides `x-request-id`."""
    media: bytes = EVENT_STREAM
    """Header lines that say what its streams consist of."""
    mark: bytes = b"data:"
    """What each piece of a stream has once; pieces are counted where nobody reports tokens."""
    beat: Callable[[str, str], bytes] = _comment
    """What a waiting stream hears that its clients take for nothing; of what is to be said, and the model's name."""


def _openai_event(error: GlowplugError, request_id: str) -> bytes:
    return sse.event(openai.error_body(error, request_id))


def _openai_answer(status: int, body: bytes) -> bytes:
    return sse.event(b" ".join(body.splitlines()))


OPENAI: Final = Envelope(openai.error_body, _openai_event, _openai_answer)
RESPONSES: Final = Envelope(openai.error_body, responses.error_event, responses.answer_event)
ANTHROPIC: Final = Envelope(anthropic.error_body, anthropic.error_event, anthropic.answer_event, b"request-id")
OLLAMA: Final = Envelope(
    ollama_server.error_body,
    ollama_server.error_event,
    ollama_server.answer_event,
    media=ollama_server.MEDIA,
    mark=b"\n",
    beat=lambda text, model: ollama_server.generate_waiting(model, time()),
)
OLLAMA_CHAT: Final = OLLAMA._replace(beat=lambda text, model: ollama_server.chat_waiting(model, time()))


PREFIXES: Final = (b"/v1", b"", b"/v1/v1")
"""Without /v1 for base URLs that lack it, with two for clients that add it to one with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One endpoint."""

    index: int = -1
    """Its place in KINDS; what tables by kind are ordered by."""
    name: str
    """What records call it."""
    capability: Capability
    paths: tuple[bytes, ...]
    """Below each of `prefixes`."""
    prefixes: tuple[bytes, ...] = PREFIXES
    upstream: str
    """Its path below the base URL of a provider or engine."""
    envelope: Envelope = OPENAI
    read: Callable[[bytes], Peeked] = openai.peek_as_is
    """Looks into a JSON body.  Raises RequestError."""
    form: bool = False
    """The body is multipart/form-data instead."""
    watch: Callable[[], sse.Watch] = sse.UsageWatch
    """Reads a stream that reports usage by itself."""
    usage: Callable[[bytes], Usage | None] = openai.usage_of
    """Reads the usage of a whole answer."""
    refusal: Callable[[int, bytes], bytes] | None = None
    """Puts an error that the upstream answered (status, body) into the client's words, whatever shape it came in."""
    raw: bool = False
    """A good answer that is no stream of events passes as it comes, not collected."""
    passes: tuple[tuple[bytes, bytes], ...] = ()
    """Header fields of the client that go upstream, and what is sent when there is none (empty: nothing)."""
    queries: bool = False
    """The client's query string goes upstream, where nothing is translated."""
    x_api_key: bool = False
    """Providers of this wire expect their key in `x-api-key`."""
    prompt: bool = True
    """The prompt's tokens can be guessed from the size of the body."""
    completion: bool = True
    """The answer's tokens can be guessed from its events or its size."""
    keeps: bool = False
    """Its answers may be asked for again, or gone on from."""
    defaults: bool = False
    """`request_defaults` of a model apply."""
    counts: bool = False
    """It only counts tokens: it loads nothing, and where nobody can count it is answered with an estimate."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """Names of defaults that differ here."""
    dialect: Dialect | None = None
    """Only targets of this dialect have it themselves; None: those with the capability."""
    remote: bool = False
    """Only providers have it."""
    ollama: bool = False
    """Of Ollama's own API: a request may only load or unload the model."""
    plain: bool = field(init=False)
    """A JSON body and no header field that matters: the common case."""

    def __post_init__(self) -> None:
        if self.refusal is None and self.envelope in (OPENAI, RESPONSES):
            object.__setattr__(self, "refusal", _mended)
        object.__setattr__(self, "plain", not self.form and not self.passes and not self.ollama)


def _mended(status: int, data: bytes) -> bytes:
    """OpenAI's clients look for an object with `error`; every other answer is told as it came."""
    return alone(data)


_ANTHROPIC_FIELDS: Final = ((b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b""))


def _form(
    name: str, capability: Capability, path: str, watch: Callable[[], sse.Watch], *, completion: bool = True
) -> Kind:
    """A row whose requests are forms."""
    return Kind(
        name=name,
        capability=capability,
        paths=(path.encode(),),
        upstream=path,
        form=True,
        watch=watch,
        usage=responses.usage_of,
        passes=((b"content-type", b""),),
        prompt=False,
        completion=completion,
    )


def _passed(name: str, capability: Capability, path: str, *, anthropic: bool = False) -> Kind:
    """A row for what is no request with a model in its body: it says who can be asked, and what records call it."""
    return Kind(
        name=name,
        capability=capability,
        paths=(),
        upstream=path,
        envelope=ANTHROPIC if anthropic else OPENAI,
        form=True,
        x_api_key=anthropic,
        prompt=False,
        completion=False,
        dialect=Dialect.OPENAI,
    )


_ROWS: Final = (
    Kind(
        name="chat",
        capability=Capability.CHAT,
        paths=(b"/chat/completions",),
        upstream="/chat/completions",
        read=openai.peek,
        defaults=True,
    ),
    Kind(
        name="completions",
        capability=Capability.COMPLETIONS,
        paths=(b"/completions",),
        upstream="/completions",
        read=openai.peek,
        defaults=True,
    ),
    Kind(
        name="embeddings",
        capability=Capability.EMBEDDINGS,
        paths=(b"/embeddings",),
        upstream="/embeddings",
        completion=False,
    ),
    Kind(
        name="messages",
        capability=Capability.MESSAGES,
        paths=(b"/messages",),
        upstream="/messages",
        envelope=ANTHROPIC,
        watch=anthropic.MessagesWatch,
        usage=anthropic.usage_of,
        refusal=anthropic_error,
        passes=_ANTHROPIC_FIELDS,
        queries=True,
        x_api_key=True,
        defaults=True,
    ),
    Kind(
        name="count_tokens",
        capability=Capability.MESSAGES,
        paths=(b"/messages/count_tokens",),
        upstream="/messages/count_tokens",
        envelope=ANTHROPIC,
        refusal=anthropic_error,
        counts=True,
        passes=_ANTHROPIC_FIELDS,
        queries=True,
        x_api_key=True,
        prompt=False,
        completion=False,
    ),
    Kind(
        name="responses",
        capability=Capability.RESPONSES,
        paths=(b"/responses",),
        upstream="/responses",
        envelope=RESPONSES,
        watch=responses.ResponsesWatch,
        usage=responses.usage_of,
        keeps=True,
        defaults=True,
        spelled=responses.SPELLED,
    ),
    Kind(
        name="compact",
        capability=Capability.RESPONSES,
        paths=(b"/responses/compact",),
        upstream="/responses/compact",
        usage=responses.usage_of,
        remote=True,
    ),
    Kind(
        name="rerank",
        capability=Capability.RERANK,
        paths=(b"/rerank", b"/reranking", b"/v2/rerank"),
        upstream="/rerank",
        usage=responses.usage_of,
        completion=False,
    ),
    Kind(
        name="transcriptions",
        capability=Capability.TRANSCRIPTIONS,
        paths=(b"/audio/transcriptions",),
        upstream="/audio/transcriptions",
        form=True,
        watch=responses.AudioWatch,
        usage=responses.usage_of,
        passes=((b"content-type", b""),),
        prompt=False,
    ),
    Kind(
        name="speech",
        capability=Capability.SPEECH,
        paths=(b"/audio/speech",),
        upstream="/audio/speech",
        read=audio.peek_speech,
        watch=responses.AudioWatch,
        usage=responses.usage_of,
        raw=True,
        completion=False,
    ),
    _form("translations", Capability.TRANSCRIPTIONS, "/audio/translations", responses.AudioWatch),
    Kind(
        name="images",
        capability=Capability.IMAGES,
        paths=(b"/images/generations",),
        upstream="/images/generations",
        watch=responses.ImagesWatch,
        usage=responses.usage_of,
        completion=False,
    ),
    _form("image_edits", Capability.IMAGES, "/images/edits", responses.ImagesWatch, completion=False),
    _form("image_variations", Capability.IMAGES, "/images/variations", responses.ImagesWatch, completion=False),
    Kind(
        name="moderations",
        capability=Capability.MODERATIONS,
        paths=(b"/moderations",),
        upstream="/moderations",
        read=moderation.peek,
        completion=False,
    ),
    _passed("realtime", Capability.REALTIME, "/realtime"),
    _passed("files", Capability.FILES, "/files"),
    _passed("uploads", Capability.FILES, "/uploads"),
    _passed("batches", Capability.FILES, "/batches"),
    _passed("message_batches", Capability.FILES, "/messages/batches", anthropic=True),
)


def _ollama(
    name: str,
    capability: Capability,
    path: str,
    envelope: Envelope = OLLAMA,
    *,
    streams: bool = True,
    hidden: bool = False,
) -> Kind:
    """A row of Ollama's own API; a `hidden` one is what a request of another turns out to be."""
    return Kind(
        name=name,
        capability=capability,
        paths=() if hidden else (path.encode(),),
        prefixes=(b"",),
        upstream=path,
        envelope=envelope,
        read=ollama_server.peek if streams else ollama_server.peek_whole,
        completion=streams,
        dialect=Dialect.OLLAMA,
        ollama=True,
    )


_OLLAMA_ROWS: Final = (
    _ollama("ollama_chat", Capability.CHAT, ollama.CHAT, OLLAMA_CHAT),
    _ollama("ollama_generate", Capability.COMPLETIONS, ollama.GENERATE),
    _ollama("ollama_raw", Capability.COMPLETIONS, ollama.GENERATE, hidden=True),
    _ollama("ollama_embed", Capability.EMBEDDINGS, ollama.EMBED, streams=False),
    _ollama("ollama_embeddings", Capability.EMBEDDINGS, ollama.EMBEDDINGS, streams=False),
)
"""`ollama_raw` is a completion without the model's template (`raw`, or with a `suffix`): it needs another endpoint of
targets that do not speak Ollama's wire."""

KINDS: Final = tuple(replace(row, index=index) for index, row in enumerate((*_ROWS, *_OLLAMA_ROWS)))
PATHS: Final = {prefix + path: kind for kind in KINDS for prefix in kind.prefixes for path in kind.paths}
"""The routes of the data plane."""


def kind_named(name: str) -> Kind:
    """The row of this name."""
    return next(kind for kind in KINDS if kind.name == name)


def handed_on(kind: Kind, headers: Mapping[bytes, bytes]) -> bytes:
    """The client's header lines that go upstream with a request of this kind."""
    lines = [(name, headers.get(name) or instead) for name, instead in kind.passes]
    return b"".join(b"%b: %b\r\n" % (name, value) for name, value in lines if value)
