"""What providers say that an answer cost, exactly as they say it: a row for each place.  Pure.

Formats: https://openrouter.ai/docs/use-cases/usage-accounting (`usage.cost`, credits, one of which is a dollar),
https://docs.x.ai/developers/cost-tracking (`usage.cost_in_usd_ticks`, of which a dollar has 10^10),
https://docs.perplexity.ai/api-reference (`usage.cost.total_cost`, dollars),
https://docs.litellm.ai/docs/proxy/response_headers (`x-litellm-response-cost`, dollars; not on streams).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

import msgspec

from glowplug.money import NANO
from glowplug.wire.openai_values import Usage

HEADER: Final = "litellm-cost"
"""The quirk of an upstream that says it in a header field."""
_MOST: Final = 1 << 53
_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?")
_EXACT: Final = Context(prec=200)
_LITELLM: Final = re.compile(rb"\r\nx-litellm-response-cost:[ \t]*([^\r\n]*)", re.IGNORECASE)
_ABSENT: Final = msgspec.Raw(b"")
_MARK: Final = b'"cost'
"""Nothing else is looked into."""


class Billed(Usage):
    """Usage with what the provider says it costs."""

    nano: int = 0
    """Nano-dollars."""


class _Cost(msgspec.Struct):
    total_cost: msgspec.Raw = _ABSENT


class _Usage(msgspec.Struct):
    cost: msgspec.Raw = _ABSENT
    cost_in_usd_ticks: msgspec.Raw = _ABSENT


class _Inner(msgspec.Struct):
    usage: _Usage | None = None


class _Answer(msgspec.Struct):
    """A whole answer, or one event of a stream; those of the responses have it one level below."""

    usage: _Usage | None = None
    response: _Inner | None = None


_answer = msgspec.json.Decoder(_Answer).decode
_cost = msgspec.json.Decoder(_Cost).decode


def nano_of(text: str, exponent: int = 0) -> int | None:
    """Nano-dollars, rounded up, of a decimal number of 10^exponent dollars; None for what is no sensible number."""
    if not _NUMBER.fullmatch(text):
        return None
    nano = (_EXACT.scaleb(Decimal(text), exponent) * NANO).to_integral_value(ROUND_CEILING)
    return int(nano) if nano <= _MOST else None


def _read(data: bytes, take: Callable[[_Usage], msgspec.Raw], exponent: int = 0) -> int | None:
    if _MARK not in data:
        return None
    try:
        answer = _answer(data)
        usage = answer.usage or (answer.response.usage if answer.response is not None else None)
        said = b"" if usage is None else bytes(take(usage))
        return nano_of(said.decode(), exponent) if said else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def openrouter(data: bytes) -> int | None:
    """Of a whole answer or one event of it; None where it is not said."""
    return _read(data, lambda usage: usage.cost)


def xai(data: bytes) -> int | None:
    return _read(data, lambda usage: usage.cost_in_usd_ticks, -10)


def perplexity(data: bytes) -> int | None:
    return _read(data, lambda usage: _cost(usage.cost).total_cost if usage.cost else _ABSENT)


def in_head(head: bytes) -> int | None:
    """Of the header lines of an answer."""
    found = _LITELLM.search(head)
    return None if found is None else nano_of(found[1].strip().decode("latin-1"))


def billed(usage: Usage | None, nano: int | None) -> Usage | None:
    """The usage with its cost; as it was where there is none."""
    if usage is None or nano is None:
        return usage
    return Billed(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.prompt_tokens_details,
        usage.completion_tokens_details,
        nano,
    )
