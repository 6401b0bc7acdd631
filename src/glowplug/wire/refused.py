"""Why an upstream refused a request, from its status and its error body, whatever wire it speaks.  Pure.

`_CODES` are members that say it exactly; `_WORDS` are sentences of servers that have no such member, matched in the
message only, never in what a client wrote.  Sources: the error lists of OpenAI, Azure OpenAI, Anthropic, Gemini and
Mistral; llama.cpp `tools/server/server-task.cpp`, vLLM `entrypoints/openai`, SGLang, Ollama `server/routes.go`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec


class Refusal(StrEnum):
    """What a refusal speaks of."""

    CONTEXT = "context"
    """The prompt is too long for this model."""
    CONTENT = "content"
    """The provider's content policy."""
    QUOTA = "quota"
    """The account has no credit or quota left: nothing of it answers soon."""
    RATE = "rate"
    """Too many requests just now."""
    CREDENTIALS = "credentials"
    OTHER = "other"


_CODES: Final = {
    "context_length_exceeded": Refusal.CONTEXT,
    "exceed_context_size_error": Refusal.CONTEXT,
    "model_context_window_exceeded": Refusal.CONTEXT,
    "string_above_max_length": Refusal.CONTEXT,
    "content_filter": Refusal.CONTENT,
    "content_policy_violation": Refusal.CONTENT,
    "responsibleaipolicyviolation": Refusal.CONTENT,
    "moderation_blocked": Refusal.CONTENT,
    "data_inspection_failed": Refusal.CONTENT,
    "insufficient_quota": Refusal.QUOTA,
    "billing_hard_limit_reached": Refusal.QUOTA,
    "billing_not_active": Refusal.QUOTA,
    "billing_error": Refusal.QUOTA,
    "insufficient_balance": Refusal.QUOTA,
    "rate_limit_exceeded": Refusal.RATE,
    "rate_limit_error": Refusal.RATE,
}
_WORDS: Final = (
    (
        Refusal.CONTEXT,
        re.compile(
            r"maximum context length|prompt is too long|context (?:length|window|size|limit)[^.]{0,40}exceed"
            r"|exceeds?[^.]{0,60}context (?:length|window|size|limit)|input is too long|prompt too long"
            r"|input token count[^.]{0,40}exceeds|too large for model with \d+ maximum context"
            r"|longer than the model'?s context|larger than the (?:max(?:imum)? )?context|input length and `?max_tokens"
            r"|exceeds? the available context",
            re.IGNORECASE,
        ),
    ),
    (
        Refusal.CONTENT,
        re.compile(
            r"content (?:management )?policy|content[_ ]filter(?:ing)?(?: policy)?|safety system"
            r"|blocked by (?:our )?(?:safety|moderation|content)",
            re.IGNORECASE,
        ),
    ),
    (
        Refusal.QUOTA,
        re.compile(
            r"exceeded your current quota|credit balance is too low|insufficient (?:balance|credits?|funds|quota)"
            r"|billing|out of credits|requires more credits",
            re.IGNORECASE,
        ),
    ),
)
_LONGEST: Final = 65_536
"""Bytes of an error body that are looked into."""
_CLIENTS: Final = frozenset((400, 403, 413, 422, 500))
"""Statuses that carry refusals of a prompt; 500 because some servers know no better."""

_decode = msgspec.json.Decoder().decode


def refusal(status: int, body: bytes) -> Refusal:
    """What an answer with an error status says."""
    codes, message = _said(body)
    found = next((kind for code in codes if (kind := _CODES.get(code.lower())) is not None), None)
    if status in (401, 402, 429):
        return _account(status, found, message)
    if status not in _CLIENTS:
        return Refusal.OTHER
    if found in (Refusal.CONTEXT, Refusal.CONTENT):
        return found
    for kind, pattern in _WORDS:
        if pattern.search(message) and (kind is not Refusal.QUOTA or status in (400, 403)):
            return kind
    if found is Refusal.QUOTA:
        return found
    return Refusal.CREDENTIALS if status == 403 else Refusal.OTHER


def _account(status: int, found: Refusal | None, message: str) -> Refusal:
    if status == 401:
        return Refusal.CREDENTIALS
    if status == 402 or found is Refusal.QUOTA:
        return Refusal.QUOTA
    quota = _WORDS[-1][1].search(message) and found is not Refusal.RATE
    # Gemini writes "exceeded your current quota" of a limit that is whole again in a minute, and says when.
    return Refusal.QUOTA if quota and "retry in" not in message else Refusal.RATE


def _said(body: bytes) -> tuple[list[str], str]:
    """(codes, message) of an error body in any of the shapes that are met."""
    if len(body) > _LONGEST:
        return [], ""
    try:
        document = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [], body[:2048].decode("utf-8", "replace")
    if isinstance(document, list) and document:  # Gemini's OpenAI wire
        document = document[0]
    if not isinstance(document, dict):
        return [], ""
    error = document.get("error", document.get("detail", document))
    if isinstance(error, str):
        return [], error
    if not isinstance(error, dict):
        return [], ""
    inner = error.get("innererror")
    members = [error.get("code"), error.get("type"), error.get("status")]
    if isinstance(inner, dict):
        members.append(inner.get("code"))
    message = error.get("message")
    return [m for m in members if isinstance(m, str)], message if isinstance(message, str) else ""
