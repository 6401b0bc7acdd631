"""Where an upstream differs from the wire it says it speaks: rows by name.  Pure.

To add one, add its row; a provider's row names those it has, and the configuration adds or takes away.  A quirk changes
nothing but what its row says, and gives back the same bytes when there is nothing to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from glowplug.wire import reported_cost
from glowplug.wire.attribution import without_attribution
from glowplug.wire.mended import mended
from glowplug.wire.openai import prompt_details, usage_of
from glowplug.wire.openai_values import Usage

Members = dict[str, msgspec.Raw]
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(Members).decode
_messages = msgspec.json.Decoder(list[Members]).decode
_ESCAPE: Final = b"\\u00"
"""How a letter of a key is spelled when it is escaped."""
_DEVELOPER: Final = msgspec.Raw(b'"developer"')
_SYSTEM: Final = msgspec.Raw(b'"system"')


class Quirk(NamedTuple):
    """One difference."""

    says: str
    """What it changes, for people."""
    kinds: tuple[str, ...]
    """The upstream's endpoints that have it."""
    request: Callable[[bytes], bytes] | None = None
    """The body that goes upstream, from the one that would have gone."""
    usage: Callable[[bytes], Usage | None] | None = None
    """Reads the usage of a whole answer or of one event, where it is not in the usual place; None: it is."""
    answer: Callable[[bytes], bytes] | None = None
    """A whole answer, or the payload of one event, as the wire has it."""
    cost: Callable[[bytes], int | None] | None = None
    """Reads what the provider says a whole answer costs, or one event of it (nano-dollars); None: it does not say."""
    head: Callable[[bytes], int | None] | None = None
    """Reads that from the header lines of a whole answer."""


def _edited(data: bytes, marker: bytes, edit: Callable[[Members], bool]) -> bytes:
    """The body with `edit` applied to its top level, where `marker` is in it; the same when it says nothing changed."""
    if marker not in data and _ESCAPE not in data:
        return data
    try:
        members = _members(data)
        return _encode(members) if edit(members) else data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # for the upstream to refuse in its own words
        return data


def _renamed(old: str, new: str) -> Callable[[bytes], bytes]:
    """Calls a member by another name; what has the new name already stands."""

    def edit(members: Members) -> bool:
        value = members.pop(old, None)
        if value is None:
            return False
        members.setdefault(new, value)
        return True

    marker = _encode(old)
    return lambda data: _edited(data, marker, edit)


def _dropped(name: str) -> Callable[[bytes], bytes]:
    """Leaves a member out."""
    marker = _encode(name)
    return lambda data: _edited(data, marker, lambda members: members.pop(name, None) is not None)


def _system_for_developer(data: bytes) -> bytes:
    def edit(members: Members) -> bool:
        messages = _messages(members["messages"]) if "messages" in members else []
        found = [message for message in messages if bytes(message.get("role", b"")) == bytes(_DEVELOPER)]
        for message in found:
            message["role"] = _SYSTEM
        if found:
            members["messages"] = msgspec.Raw(_encode(messages))
        return bool(found)

    return _edited(data, bytes(_DEVELOPER), edit)


class _XGroq(msgspec.Struct):
    usage: Usage | None = None


class _GroqChunk(msgspec.Struct):
    x_groq: _XGroq | None = None


_groq_chunk = msgspec.json.Decoder(_GroqChunk).decode


def _groq_usage(data: bytes) -> Usage | None:
    if b'"x_groq"' not in data:
        return None
    try:
        found = _groq_chunk(data).x_groq
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found.usage if found is not None else None


class _Hits(msgspec.Struct):
    prompt_cache_hit_tokens: int | None = None


class _DeepSeekAnswer(msgspec.Struct):
    usage: _Hits | None = None


_deepseek_answer = msgspec.json.Decoder(_DeepSeekAnswer).decode


def _deepseek_usage(data: bytes) -> Usage | None:
    if b'"prompt_cache_hit_tokens"' not in data:
        return None
    usage = usage_of(data)
    if usage is None or usage.cached_tokens:
        return usage
    try:
        hits = _deepseek_answer(data).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return usage
    count = (hits.prompt_cache_hit_tokens or 0) if hits is not None else 0
    if 0 < count <= usage.prompt_tokens:
        return msgspec.structs.replace(usage, prompt_tokens_details=prompt_details(count))
    return usage


_BOTH: Final = ("chat", "completions")
_BILLED: Final = ("chat", "completions", "embeddings", "messages", "responses")
STRIP: Final = "strip-attribution"

QUIRKS: Final[Mapping[str, Quirk]] = MappingProxyType(
    {
        "max-completion-tokens": Quirk(
            "`max_tokens` is called `max_completion_tokens`: OpenAI's reasoning models know only that",
            ("chat",),
            request=_renamed("max_tokens", "max_completion_tokens"),
        ),
        "max-tokens": Quirk(
            "`max_completion_tokens` is called `max_tokens`",
            ("chat",),
            request=_renamed("max_completion_tokens", "max_tokens"),
        ),
        "no-stream-options": Quirk("`stream_options` is left out", _BOTH, request=_dropped("stream_options")),
        "no-parallel-tool-calls": Quirk(
            "`parallel_tool_calls` is left out", ("chat",), request=_dropped("parallel_tool_calls")
        ),
        "system-for-developer": Quirk(
            "messages of the role `developer` have the role `system`", ("chat",), request=_system_for_developer
        ),
        "groq-usage": Quirk("usage is read from `x_groq` too", _BOTH, usage=_groq_usage),
        "deepseek-usage": Quirk(
            "cached tokens are read from `prompt_cache_hit_tokens` too", _BOTH, usage=_deepseek_usage
        ),
        "mend-answers": Quirk(
            "what answers leave out is put in: `index`, `id`, `object`, `role`; arguments are text, an empty "
            "`finish_reason` is none",
            ("chat",),
            answer=mended,
        ),
        "openrouter-cost": Quirk("the cost is what `usage.cost` says", _BILLED, cost=reported_cost.openrouter),
        "xai-cost": Quirk("the cost is what `usage.cost_in_usd_ticks` says", _BILLED, cost=reported_cost.xai),
        "perplexity-cost": Quirk(
            "the cost is what `usage.cost.total_cost` says", _BILLED, cost=reported_cost.perplexity
        ),
        reported_cost.HEADER: Quirk(
            "the cost is what the header `x-litellm-response-cost` says, where there is one",
            _BILLED,
            head=reported_cost.in_head,
        ),
        STRIP: Quirk(
            "Claude Code's line that differs with every request is taken out of the system prompt",
            ("messages", "count_tokens"),
            request=without_attribution,
        ),
    }
)
"""Name → row."""


def chosen(base: Iterable[str], wishes: Iterable[str]) -> tuple[str, ...]:
    """The quirks that hold: `+x` adds one to `base`, `-x` takes one away, a list of plain names stands for itself."""
    words = tuple(wishes)
    plain = [word for word in words if word[:1] not in "+-"]
    names = dict.fromkeys(plain or base)
    for word in words:
        if word.startswith("+"):
            names[word[1:]] = None
        elif word.startswith("-"):
            names.pop(word[1:], None)
    return tuple(names)


def says_cost(names: Iterable[str]) -> bool:
    """Whether one of these quirks is that answers say what they cost."""
    rows = [quirk for name in names if (quirk := QUIRKS.get(name)) is not None]
    return any(row.cost is not None or row.head is not None for row in rows)
