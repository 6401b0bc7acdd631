"""What an attempt used: the records of the journal.

An attempt writes `AttemptOpened` before its first byte goes upstream and `AttemptClosed` before the last byte goes to
the client.  An opened record that is never closed (the worker was killed) is settled as interrupted by the fold.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    UPSTREAM_ERROR = "upstream_error"
    TIMEOUT = "timeout"
    CLIENT_GONE = "client_gone"
    INTERRUPTED = "interrupted"


# `gc=False`: records hold text and numbers alone, and the collector need not look at thousands of them for cycles.


class AttemptOpened(msgspec.Struct, frozen=True, array_like=True, tag="o", gc=False):
    """One try of one request against one target has begun."""

    request: str
    attempt: int
    """Numbered from 0 within the request."""
    key: str
    """Id of the API key."""
    asked: str
    """The model or alias the client named."""
    model: str
    """The target's model."""
    path: str
    started: float
    """Unix seconds."""
    prompt_estimate: int
    """Tokens guessed from the size of the body; used only when nobody reports better."""
    user: str = ""
    """Whom the key belongs to, or who a trusted client says is asking; empty when nobody said."""
    team: str = ""
    tags: tuple[str, ...] = ()
    reserved: int = 0
    """Nano-dollars held against budgets until it is closed."""
    price: str = ""
    """The version of the price in force now, which is what it will cost by; empty when nothing has one."""


class AttemptClosed(msgspec.Struct, frozen=True, array_like=True, tag="c", gc=False):
    """The same try has ended.  It repeats the identity so that a record can be folded on its own."""

    request: str
    attempt: int
    key: str
    asked: str
    model: str
    path: str
    started: float
    duration: float
    """Seconds from start to end."""
    first_byte: float
    """Seconds from start to the first content byte, or 0 when there was none."""
    status: int
    """HTTP status the upstream gave; 0 when it gave none."""
    outcome: Outcome
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    """The part of the prompt tokens that came from a cache."""
    estimated: bool
    """True when the tokens were counted here because the upstream reported none."""
    streamed: bool
    user: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    cache_written: int = 0
    """The part of the prompt tokens that was put into a cache."""
    reasoning: int = 0
    """The part of the completion tokens that was thinking."""
    prompt_audio: int = 0
    completion_audio: int = 0
    cost: int = 0
    """Nano-dollars."""
    price: str = ""
    """The version of the price it was computed with; empty when nothing had one."""
    energy: int = 0
    """Always 0, and kept for its place: what devices used is not known when an attempt ends, so it is no part of its
    record (`glowplug.ledger.energy`)."""
    reason: str = ""
    """Why this target was asked, as the response says it."""
    trace: str = ""
    """The client's `traceparent` header, when it sent one (https://www.w3.org/TR/trace-context/)."""


Record = AttemptOpened | AttemptClosed
