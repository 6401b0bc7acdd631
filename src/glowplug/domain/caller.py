"""Who is calling: one value for whoever authenticated, however they did."""

from __future__ import annotations

import msgspec

from glowplug.domain.access import ApiKey, Role


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, or a person with a session; never both."""

    role: Role
    user: str = ""
    """Id of the person; empty for a key that belongs to nobody."""
    key: ApiKey | None = None
    session: str = ""
    """Id of the session."""

    @property
    def by(self) -> str:
        """Whom the audit log names: the person, else the key."""
        return self.user or (self.key.id if self.key is not None else "")

    @property
    def through(self) -> str:
        """Id of the key or the session."""
        return self.key.id if self.key is not None else self.session
