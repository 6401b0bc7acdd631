"""A secret of a provider that is kept in the database, without its value."""

from __future__ import annotations

import msgspec


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration names it as `secret:NAME`.  Times are Unix seconds."""

    name: str
    created_at: float
    updated_at: float
    key: str
    """Id of the key of the ring it is sealed with."""
