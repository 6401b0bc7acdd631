"""What the running server says of itself, over its own port; nothing is asked of a server elsewhere."""

from __future__ import annotations

import http.client
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from glowplug.doctor.base import CouldNotLook, NothingToLookAt
from glowplug.doctor.site import Site

_PATIENCE: Final = 5.0
"""Seconds for an answer that takes it milliseconds."""
_LONGEST: Final = 16 << 20


class _Endpoint(msgspec.Struct):
    base_url: str


def ask(site: Site, path: str) -> dict[str, Any]:
    """The answer to `GET path` (`/admin/status`), as an admin of this machine.

    Raises NothingToLookAt where no server runs, CouldNotLook where it does not answer as it should.
    """
    try:
        said = msgspec.json.decode(_get(site, path))
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict):
        raise CouldNotLook(f"the server does not answer {path} with an object")
    return said


def ask_text(site: Site, path: str) -> str:
    """The same of what is text (`/metrics`)."""
    return _get(site, path).decode(errors="replace")


def _get(site: Site, path: str) -> bytes:
    address = urlsplit(_base(site))
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {_key(site)}"})
        answer = connection.getresponse()
        body = answer.read(_LONGEST)
    except ConnectionRefusedError:
        raise NothingToLookAt("no server runs here") from None
    except (OSError, http.client.HTTPException) as error:
        raise CouldNotLook(f"the server does not answer {path}: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise CouldNotLook(f"the server answers {path} with status {answer.status}")
    return body


def runs(site: Site) -> bool:
    """Whether a server has said that it runs on this state directory; it may have been killed since."""
    return site.real(site.paths.endpoint).exists()


def _base(site: Site) -> str:
    try:
        return msgspec.json.decode(site.real(site.paths.endpoint).read_bytes(), type=_Endpoint).base_url
    except FileNotFoundError:
        raise NothingToLookAt("no server runs here") from None
    except msgspec.DecodeError as error:
        raise CouldNotLook(f"{site.paths.endpoint} cannot be read: {error}") from None


def _key(site: Site) -> str:
    try:
        return site.text(site.paths.cli_key).strip()
    except FileNotFoundError:
        raise CouldNotLook(f"there is no {site.paths.cli_key} to ask the server with") from None
