"""A LiteLLM that runs, asked over its own port: what it serves, by its admin's key; it is told nothing.

Only `GET` is used, and nothing of it calls a model: `/health` of LiteLLM's does, and is not asked.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from glowplug.doctor.base import CouldNotLook, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.secret import Secret

_PATIENCE: Final = 10.0
_LONGEST: Final = 16 << 20
_SETTINGS: Final = (("/router/settings", "current_values"), ("/get/config/callbacks", "router_settings"))
"""Where the router's settings are, newer releases first."""


@dataclass(frozen=True)
class Answer:
    """What it answered."""

    status: int
    said: Any
    """Its JSON; None where it was none."""

    @property
    def object(self) -> Mapping[str, Any]:
        return self.said if isinstance(self.said, dict) else {}


def get(site: Site, path: str, key: Secret | None = None) -> Answer:
    """The answer to `GET path`.  Raises NothingToLookAt where no server was named, OSError where none answers."""
    if site.litellm is None or site.litellm.url is None:
        raise NothingToLookAt("no running LiteLLM was named")
    parts = urlsplit(site.litellm.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    headers = {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(_LONGEST)
    except http.client.HTTPException as error:
        raise OSError(f"it does not speak HTTP: {error or type(error).__name__}") from None
    finally:
        connection.close()
    try:
        return Answer(answer.status, msgspec.json.decode(body))
    except msgspec.DecodeError:
        return Answer(answer.status, None)


def models(site: Site) -> list[Any]:
    """The entries that it serves, from its file and from its database, as in a `model_list`, without secrets.

    Raises NothingToLookAt, CouldNotLook where it does not say.
    """
    data = _asked(site, "/model/info").get("data")
    if not isinstance(data, list):
        raise CouldNotLook("LiteLLM does not answer /model/info with a list")
    return data


def router_settings(site: Site) -> dict[str, Any] | None:
    """Fallbacks and aliases that are in force; None where it does not tell them."""
    for path, name in _SETTINGS:
        try:
            found = _asked(site, path).get(name)
        except CouldNotLook:
            continue
        if isinstance(found, dict):
            return found
    return None


def _asked(site: Site, path: str) -> Mapping[str, Any]:
    assert site.litellm is not None
    try:
        answer = get(site, path, site.litellm.url_key)
    except OSError as error:
        raise CouldNotLook(f"LiteLLM does not answer {path}: {error.strerror or error}") from None
    if answer.status != http.client.OK:
        more = ": an admin's key is needed (--litellm-key-file)" if answer.status in (401, 403) else ""
        raise CouldNotLook(f"LiteLLM answers {path} with status {answer.status}{more}")
    return answer.object
