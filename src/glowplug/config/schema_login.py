"""What the file says of how people log in; a part of the tree in `glowplug.config.schema`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from glowplug.config.kinds import SecretOrFile, Words
from glowplug.domain.oidc import OidcSettings
from glowplug.domain.people import UserRole


class Oidc(Struct, frozen=True, kw_only=True):
    """An identity provider (OpenID Connect, authorization code with PKCE).  Needs the extra `oidc`."""

    issuer: Annotated[
        str,
        Meta(
            description="Its issuer, exactly as it writes it; https, or http on loopback.",
            examples=["https://login.example.org/realms/lab"],
        ),
    ]
    client_id: Annotated[str, Meta(description="What this server is called there.")]
    client_secret: Annotated[
        SecretOrFile | None,
        Meta(description="Leave it out for a public client.", examples=["secret:oidc"]),
    ] = None
    url: Annotated[
        str,
        Meta(
            description="Where people reach this server, to come back to; by default the name they used. "
            "`/auth/oidc/callback` below it has to be registered there.",
            examples=["https://models.example.org"],
        ),
    ] = ""
    allowed_domains: Annotated[
        Words,
        Meta(description="Only people with a verified e-mail address in these domains.", extra={"unique": True}),
    ] = ()
    role_claim: Annotated[
        str,
        Meta(
            description="Claim that has their roles there, with dots for what is inside others; it is looked at "
            "at every login. Without it roles are given here.",
            examples=["groups", "realm_access.roles"],
        ),
    ] = ""
    admins: Annotated[
        Words,
        Meta(
            description="Values of that claim that make an admin; whoever has none of these and the next is a member.",
            examples=[["models-admins"]],
            extra={"unique": True},
        ),
    ] = ()
    viewers: Annotated[Words, Meta(description="Values of that claim that make a viewer.", extra={"unique": True})] = ()
    auto_create: Annotated[
        bool,
        Meta(description="Whoever it lets in becomes a user; else only those who tied their user to it."),
    ] = False


class Login(Struct, frozen=True, kw_only=True):
    """How people log in besides passwords."""

    oidc: Annotated[Oidc | None, Meta(description="An identity provider.")] = None


def oidc_settings(login: Login) -> OidcSettings | None:
    """The identity provider that people log in with, as a domain value."""
    oidc = login.oidc
    if oidc is None:
        return None
    return OidcSettings(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret.reveal() if oidc.client_secret else "",
        url=oidc.url,
        allowed_domains=tuple(domain.lower() for domain in oidc.allowed_domains),
        role_claim=oidc.role_claim,
        roles=(
            *((name, UserRole.ADMIN) for name in oidc.admins),
            *((name, UserRole.VIEWER) for name in oidc.viewers),
        ),
        auto_create=oidc.auto_create,
    )
