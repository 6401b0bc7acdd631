"""A request as a client sent it, with its prose replaced: the members, their order and kinds, names of tools, flags and
numbers are facts; sentences are somebody's work, and ids and paths are somebody's own.  Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

_WORDS: Final = "these words stand where the client has its own and say as little as they can "
_LONGEST: Final = 96
"""Characters of a text that is replaced; longer ones are cut."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.:/+*\-]{1,40}")
_ID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9a-f]{24,}")
_ATTRIBUTION: Final = re.compile(r"x-anthropic-billing-header:[^\n]*")
_INSTEAD: Final = {"work" + "tree": "tree"}
"""Values that no file here may have (`tools.checks.words`)."""
KEPT_FIELDS: Final = (
    "accept", "anthropic-beta", "anthropic-dangerous-direct-browser-access", "anthropic-version", "content-type",
    "openai-beta", "originator", "user-agent", "version", "x-app",
)  # fmt: skip
"""Header fields that say what a client is or wants; `x-stainless-…` too.  The others are dropped."""


def scrubbed(value: Any, kept: Collection[str]) -> Any:
    """The same JSON without prose; the texts in `kept` are ours and stay."""
    if isinstance(value, dict):
        return {key: scrubbed(one, kept) for key, one in value.items()}
    if isinstance(value, list):
        return [scrubbed(one, kept) for one in value]
    return _text(value, kept) if isinstance(value, str) else value


def _text(text: str, kept: Collection[str]) -> str:
    if any(mine in text for mine in kept) and len(text) <= 200:
        return text
    if text in _INSTEAD:
        return _INSTEAD[text]
    if text.startswith(("{", "[")):
        try:
            inside = json.loads(text)
        except (ValueError, RecursionError):
            inside = None
        if isinstance(inside, (dict, list)):
            return json.dumps(scrubbed(inside, kept))
    attribution = _ATTRIBUTION.search(text)
    if attribution is not None and attribution.start() == 0:
        return _ID.sub("0" * 8, attribution[0]) + filler(len(text) - len(attribution[0]))
    if _ID.search(text):
        return _ID.sub(lambda found: re.sub(r"[0-9a-f]", "0", found[0]), text) if len(text) <= 80 else filler(len(text))
    if text.startswith(("/", "~")) and len(text) > 1:
        return "/somewhere"
    return text if _NAME.fullmatch(text) else filler(len(text))


def filler(length: int) -> str:
    """So many characters that say nothing, at most `_LONGEST`."""
    length = min(max(length, 0), _LONGEST)
    return (_WORDS * (length // len(_WORDS) + 1))[:length]


def headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The header fields that matter, named as they came."""
    return {
        name: value
        for name, value in fields.items()
        if name.lower() in KEPT_FIELDS or (name.lower().startswith("x-stainless-") and "runtime" not in name.lower())
    }


def renamed(body: Any, model: str) -> Any:
    """The body for a test, which puts its own model's name where MODEL stands."""
    if isinstance(body, dict) and body.get("model") == model:
        return {**body, "model": "MODEL"}
    return body
