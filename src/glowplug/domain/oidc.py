"""An identity provider that people may log in with (OpenID Connect), as the configuration says."""

from __future__ import annotations

import msgspec

from glowplug.domain.people import UserRole


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to log in with it."""

    issuer: str
    client_id: str
    client_secret: str = ""
    """Empty for a public client."""
    url: str = ""
    """Where people reach this server; empty: as they did."""
    allowed_domains: tuple[str, ...] = ()
    """Domains of verified e-mail addresses that may come in; empty means every one."""
    role_claim: str = ""
    """Dotted path to the claim that has their roles; empty: roles are given here."""
    roles: tuple[tuple[str, UserRole], ...] = ()
    """What a value of that claim makes of them."""
    auto_create: bool = False
    """Whoever the provider lets in becomes a user."""

    def __repr__(self) -> str:
        return f"OidcSettings({self.issuer!r}, {self.client_id!r})"
