"""What a provider's entry takes from its row of the catalogue, and what is wrong with it.

The row of an entry is the one its `type` names, else the one whose URL it gives, else the one of its own name when it
gives no URL.  A key from the environment is taken only where the URL is the row's too: it goes to nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Env
from typing import Final

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.check_local import Found
from glowplug.config.lines import Mapping, Node, Path, Scalar
from glowplug.config.nearest import did_you_mean, nearest
from glowplug.config.schema import Provider
from glowplug.domain.model import Capability
from glowplug.domain.provider import AwsKeys, KeySent, ProviderRow
from glowplug.wire.quirks import QUIRKS, STRIP, chosen

PLACES: Final = ("region", "resource")
"""Settings that may be part of a row's URL."""
AWS: Final = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
"""Settings of credentials that sign → their variables."""
_AWS_REGION: Final = re.compile(r"(?<![a-z0-9])[a-z]{2,3}(?:-[a-z]+)+-[0-9]+(?![a-z0-9])")
CREDENTIALS: Final = frozenset(("authorization", "x-api-key", "api-key"))
"""Header fields that may carry a key."""
_PLACE = re.compile(r"[A-Za-z0-9-]{1,100}")


def row_of(name: str, kind: str | None, url: str | None, rows: ProviderCatalogue) -> ProviderRow | None:
    """The row of an entry with this name, `type` and `base_url`; None when it has none."""
    if kind is not None:
        return rows.get(kind)
    if url is not None:
        return next((row for row in rows.values() if row.is_at(url)), None)
    return rows.get(name)


def supply_keys(root: Mapping, env: Env[str, str], rows: ProviderCatalogue) -> None:
    """Put the variable of its row into every entry that gives neither key nor URL, as if it were written there: one
    that is not set is then a value from outside that is missing, like any other."""
    section = root.entries.get("providers", (0, None))[1]
    if not isinstance(section, Mapping):
        return
    for name, (line, node) in section.entries.items():
        if isinstance(node, Scalar) and node.value is None:
            node = Mapping(node.line)
        if not isinstance(node, Mapping) or not {"base_url", "api_key", *AWS}.isdisjoint(node.entries):
            continue
        row = row_of(name, _text(node.entries.get("type", (0, None))[1]), None, rows)
        if row is not None and not _has_credentials(node.entries.get("headers", (0, None))[1]):
            names = {"api_key": next((one for one in row.variables if env.get(one)), row.variables[0])}
            if row.signed and not env.get(names["api_key"]) and env.get(AWS["access_key_id"]):
                names = {one: AWS[one] for one in AWS if one != "session_token" or env.get(AWS[one])}
            # A new mapping: an anchor may share this one with another provider.
            given = {one: (line, Scalar(line, f"${{{variable}}}")) for one, variable in names.items()}
            section.entries[name] = (line, Mapping(node.line, {**node.entries, **given}))


def _has_credentials(node: Node | None) -> bool:
    """Whether the key is given as a header field."""
    return isinstance(node, Mapping) and not CREDENTIALS.isdisjoint(name.lower() for name in node.entries)


def _text(node: Node | None) -> str | None:
    return node.text if isinstance(node, Scalar) and node.value is not None else None


def from_row(name: str, provider: Provider, rows: ProviderCatalogue) -> dict[str, object]:
    """The values that the row fills in."""
    row = row_of(name, provider.type, provider.base_url, rows)
    if row is None:
        return {}
    url = provider.base_url if provider.base_url is not None else row.url(_places(provider))
    return {"type": row.name, "base_url": url}


def _places(provider: Provider) -> dict[str, str]:
    return {place: value for place in PLACES if (value := getattr(provider, place))}


def check_provider(at: Path, name: str, provider: Provider, given: set[Path], rows: ProviderCatalogue) -> list[Found]:
    """Everything that is wrong with an entry but for what it gives itself; `given` are the paths that the file has."""
    found = list(check_quirks(at, provider.quirks))
    if provider.type is not None and provider.type not in rows:
        hint = did_you_mean(provider.type, rows, "known providers")
        return [*found, Found((*at, "type"), f"there is no provider {provider.type} in the catalogue", hint)]
    if (*at, "type") in given and provider.type is None:
        return found  # it could not be read, which is said already
    row = row_of(name, provider.type, provider.base_url, rows)
    found.extend(_check_aws(at, provider, row, given))
    if provider.base_url is None and row is None and (*at, "base_url") not in given:
        close = nearest(name, rows)
        hint = f"did you mean {close}? (`type: {close}`)" if close else "for example base_url: https://llm.example/v1"
        found.append(Found((*at, "base_url"), "base_url is missing", hint))
    needed = row.places if row is not None and provider.base_url is None else ()
    for place in PLACES:
        value, path = getattr(provider, place), (*at, place)
        if place in needed and value is None and path not in given:
            hint = f"it is part of {row.base_url if row is not None else ''}; or give base_url"
            found.append(Found(path, f"{place} is missing", hint))
        elif value is not None and place not in needed and row is not None:
            found.append(Found(path, "is not part of this provider's URL", "remove it"))
        elif value and not _PLACE.fullmatch(value):
            found.append(Found(path, "must be letters, digits and -", ""))
    return found


def _check_aws(at: Path, provider: Provider, row: ProviderRow | None, given: set[Path]) -> Iterator[Found]:
    """What is wrong with credentials that sign; `given` are the paths that the file has."""
    there = [one for one in AWS if (*at, one) in given or getattr(provider, one) is not None]
    if not there:
        return
    if row is None or not row.signed:
        yield Found((*at, there[0]), "this provider's requests are not signed", "use api_key")
        return
    for one in ("access_key_id", "secret_access_key"):
        if one not in there:
            yield Found((*at, one), f"{one} is missing", "AWS credentials have both")
    if (*at, "api_key") in given:
        yield Found((*at, "api_key"), "stands beside AWS credentials", "keep one of the two")
    if provider.base_url is not None and not _AWS_REGION.search(provider.base_url):
        yield Found((*at, "base_url"), "has no AWS region in it", "for example bedrock-runtime.us-east-1.amazonaws.com")


def aws_of(row: ProviderRow | None, provider: Provider) -> AwsKeys | None:
    """What requests of this entry are signed with, if anything."""
    access, secret, token = provider.access_key_id, provider.secret_access_key, provider.session_token
    if row is None or not row.signed or not access or not secret:
        return None
    found = _AWS_REGION.search(provider.base_url or "")
    return AwsKeys(
        access_key=access.reveal(),
        secret_key=secret.reveal(),
        session_token=token.reveal() if token else "",
        region=provider.region or (found[0] if found else ""),
        service=row.signed,
    )


def check_quirks(at: Path, quirks: tuple[str, ...] | None) -> Iterator[Found]:
    """What is wrong with a list of quirks."""
    words = quirks or ()
    for number, word in enumerate(words):
        name = word.lstrip("+-") if word[:1] in "+-" else word
        if name not in QUIRKS:
            yield Found((*at, "quirks", number), f"there is no quirk {name}", did_you_mean(name, QUIRKS, "quirks"))
    signed = sum(word[:1] in "+-" for word in words)
    if signed not in (0, len(words)):
        hint = "+x and -x change the list, plain names replace it"
        yield Found((*at, "quirks"), "some have a sign and some have none", hint)


def quirks_of(
    row: ProviderRow | None, wishes: list[tuple[str, ...] | None], capabilities: tuple[Capability, ...]
) -> tuple[str, ...]:
    """The quirks of a model: its row's, then what the provider's entry and its own say.

    Without a row (an engine here, a server of somebody's own) Claude Code's line is taken out: only Anthropic's servers
    know it.
    """
    messages = Capability.MESSAGES in capabilities
    names: tuple[str, ...] = row.quirks if row is not None else (STRIP,) if messages else ()
    for wish in wishes:
        if wish is not None:
            names = chosen(names, wish)
    return names


def credentials(row: ProviderRow | None, key: str, headers: Env[str, str]) -> dict[str, str]:
    """The header fields of a row with the key in the one it belongs in; those of the configuration stand."""
    if row is None:
        return dict(headers)
    given = {name.lower() for name in headers}
    own = {name: value for name, value in row.headers.items() if name.lower() not in given}
    field = "authorization" if row.key is KeySent.BEARER else row.key.value
    # The usual field is chosen by endpoint; it is said here where a provider does not do as its wire's inventor does.
    said = row.key is KeySent.API_KEY or (row.key is KeySent.BEARER and Capability.MESSAGES in row.capabilities)
    if said and key and given.isdisjoint(CREDENTIALS):
        own[field] = f"Bearer {key}" if row.key is KeySent.BEARER else key
    return {**own, **headers}
