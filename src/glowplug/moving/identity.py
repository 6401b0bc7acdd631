"""What things of a LiteLLM installation are called here: always the same, so that an import can be done again."""

from __future__ import annotations

import re
from hashlib import sha256

_HASH = re.compile(r"[0-9a-f]{64}")
_LONGEST_REQUEST = 64


def key_id(hashed: str) -> str:
    """Id of the key with this SHA-256 (hexadecimal); what is no hash stands for itself, cut to what a column holds."""
    return f"key_{hashed[:32]}" if _HASH.fullmatch(hashed) else printable(hashed)[:64]


def budget_id(*parts: str) -> str:
    """Id of a budget by what it is for."""
    return "budget_" + _short("\0".join(parts))


def request_id(request: str) -> str:
    """Id of a request; LiteLLM's are the provider's, and some are longer than ours may be."""
    if len(request) <= _LONGEST_REQUEST and request.isprintable():
        return request
    return "litellm_" + _short(request)


def change_id(entry: str) -> str:
    """Id of a line of the audit log; the source's is random."""
    return "change_litellm_" + _short(entry)


def source_id(name: str) -> str:
    """Stands for a database, by its address without a password."""
    return "litellm_" + _short(name)


def organisation_tag(organisation: str) -> str:
    """What requests of an organisation's keys have."""
    return f"org:{organisation}"


def member_tag(team: str, user: str) -> str:
    """What requests of a member's keys of a team have."""
    return f"member:{team}/{user}"


def printable(text: str) -> str:
    """Without control characters, which no name here may have."""
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)


def _short(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
