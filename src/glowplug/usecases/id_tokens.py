"""ID tokens: believed only when everything about them is right (OpenID Connect Core 1.0, section 3.1.3.7).

PyJWT does the cryptography.  Which algorithms there are is said here, never by the token: `none` and the ones with a
shared key are not among them, so that a public key cannot be used as one.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from glowplug.domain.people import UserRole
from glowplug.errors import Forbidden, InternalError

if TYPE_CHECKING:
    from glowplug.domain.oidc import OidcSettings

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY = 60.0
"""Seconds by which clocks may differ."""
_RANK = (UserRole.MEMBER, UserRole.VIEWER, UserRole.ADMIN)


class UnknownKey(Forbidden):
    """A token names a key that the provider's set lacks; the set may be old."""


def checked(token: str, keys: list[dict[str, Any]], settings: OidcSettings, nonce: str) -> dict[str, Any]:
    """The claims of a good token.  `keys` are the provider's, as JSON Web Keys.

    Raises UnknownKey, Forbidden for everything else that is wrong, InternalError without the extra.
    """
    jwt = library()
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise _wrong("it is not signed in a way that is trusted")
        key = jwt.PyJWK(_key(keys, header.get("kid")), algorithm=header["alg"])
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[header["alg"]],
            audience=settings.client_id,
            issuer=settings.issuer,
            leeway=_LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        raise _wrong(type(error).__name__) from None
    audiences, authorised = claims["aud"], claims.get("azp")
    if (isinstance(audiences, list) and len(audiences) > 1 and authorised is None) or (
        authorised is not None and authorised != settings.client_id
    ):
        raise _wrong("it was made for somebody else")
    if not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise _wrong("it belongs to another login")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _wrong("it says nothing about whom it is")
    return claims


def email_of(claims: dict[str, Any]) -> str:
    """The address in lower case, if the provider verified it; else empty."""
    email = claims.get("email")
    return email.strip().lower() if isinstance(email, str) and claims.get("email_verified") is True else ""


def role_of(claims: dict[str, Any], settings: OidcSettings) -> UserRole | None:
    """The role that the claims give, member where none of theirs means anything; None where roles are given here."""
    if not settings.role_claim:
        return None
    value: Any = claims
    for name in settings.role_claim.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    theirs = value if isinstance(value, list) else [value]
    given = [role for name, role in settings.roles if name in theirs]
    return max(given, key=_RANK.index, default=UserRole.MEMBER)


def library() -> Any:
    """PyJWT.  Raises InternalError without the extra."""
    try:
        import jwt
    except ImportError:
        raise InternalError("OpenID Connect needs PyJWT", hint="pip install 'glowplug[oidc]'") from None
    return jwt


def _key(keys: list[dict[str, Any]], name: object) -> dict[str, Any]:
    signing = [key for key in keys if key.get("use", "sig") == "sig" and key.get("kty") in ("RSA", "EC", "OKP")]
    found = signing if name is None and len(signing) == 1 else [key for key in signing if key.get("kid") == name]
    if len(found) != 1 or (name is None and len(signing) != 1):
        raise UnknownKey("the identity provider's token names a key that it does not publish", code="bad_id_token")
    return found[0]


def _wrong(why: str) -> Forbidden:
    return Forbidden(f"the identity provider's token is not good: {why}", hint="log in again", code="bad_id_token")
