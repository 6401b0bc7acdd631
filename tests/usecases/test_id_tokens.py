"""What of a token is believed.  Each way a whole token can be wrong is in `test_oidc`, where a provider misbehaves."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.oidc import OidcSettings
from glowplug.domain.people import UserRole
from glowplug.errors import Forbidden
from glowplug.usecases.id_tokens import ALGORITHMS, checked, email_of, role_of

SETTINGS = OidcSettings(
    issuer="https://i", client_id="c", role_claim="a.b", roles=(("x", UserRole.VIEWER), ("y", UserRole.ADMIN))
)


def test_no_algorithm_with_a_shared_key_or_none() -> None:
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"]


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "e30.e30.", "\u00fc.x.y", "." * 5])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(Forbidden):
        checked(token, [], SETTINGS, "n")


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "A@x", "email_verified": True}, "a@x"),
        ({"email": "A@x", "email_verified": "true"}, ""),
        ({"email": "A@x"}, ""),
        ({"email": 5, "email_verified": True}, ""),
    ],
)
def test_an_address_that_was_verified(claims: dict[str, Any], email: str) -> None:
    assert email_of(claims) == email


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"a": {"b": ["x", "y"]}}, UserRole.ADMIN),
        ({"a": {"b": "x"}}, UserRole.VIEWER),
        ({"a": {"b": ["z"]}}, UserRole.MEMBER),
        ({"a": ["b"]}, UserRole.MEMBER),
        ({"a.b": ["y"]}, UserRole.MEMBER),
        ({}, UserRole.MEMBER),
    ],
)
def test_roles(claims: dict[str, Any], role: UserRole) -> None:
    assert role_of(claims, SETTINGS) is role
    assert role_of(claims, OidcSettings(issuer="https://i", client_id="c")) is None
