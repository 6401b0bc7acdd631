"""A provider as a row: what there is to know about a remote API before anybody asks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from glowplug.domain.model import Capability

_PLACE: Final = re.compile(r"\{([a-z]+)\}")
_WORD: Final = "[A-Za-z0-9-]+"


class KeySent(StrEnum):
    """The header field in which a provider expects its key."""

    BEARER = "bearer"
    """`Authorization: Bearer KEY`."""
    X_API_KEY = "x-api-key"
    API_KEY = "api-key"


class AwsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials with which requests are signed instead of carrying a key (`glowplug.wire.sigv4`)."""

    access_key: str
    secret_key: str
    session_token: str = ""
    """Of credentials that end by themselves."""
    region: str
    service: str
    """The name of the service in signatures: `bedrock`."""

    def __repr__(self) -> str:
        return f"AwsKeys({self.region}/{self.service})"


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of the catalogue (`glowplug.providers.catalogue`)."""

    name: str
    """What the configuration calls it: `groq`."""
    title: str
    base_url: str
    """Up to and including the version, without a slash at the end; `{region}` and `{resource}` are settings."""
    also: tuple[str, ...] = ()
    """More URLs where the same is served: an older name, another part of the world."""
    variables: tuple[str, ...]
    """Environment variables that hold its key, the usual one first."""
    key: KeySent = KeySent.BEARER
    signed: str = ""
    """The name of the AWS service where requests may be signed instead; empty: they carry a key."""
    headers: dict[str, str] = {}
    """Header fields that go with every request."""
    capabilities: tuple[Capability, ...] = (Capability.CHAT,)
    """The endpoints it has itself; what it does not have is translated where that is possible."""
    quirks: tuple[str, ...] = ()
    """Names of rows of `glowplug.wire.quirks`."""
    prices: str = ""
    """Its id in the package genai-prices; empty when it is not there."""
    docs: str = ""
    """Where its API is described."""

    @property
    def places(self) -> tuple[str, ...]:
        """The settings that its URL cannot do without."""
        return tuple(_PLACE.findall(self.base_url))

    def url(self, settings: Mapping[str, str]) -> str:
        """Its URL with these settings in it; one that is missing stays as it is."""
        return _PLACE.sub(lambda found: settings.get(found[1]) or found[0], self.base_url)

    def is_at(self, url: str) -> bool:
        """Whether this URL is its own, with a version or without."""
        patterns = (_WORD.join(map(re.escape, _PLACE.split(own)[::2])) for own in (self.base_url, *self.also))
        return any(re.fullmatch(f"{pattern}(?:/v1)?/*", url) for pattern in patterns)
