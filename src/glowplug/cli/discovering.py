"""`glowplug models discover`: what configured providers, servers on this machine and folders have to offer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glowplug.cli.client import Address, Client
from glowplug.errors import GlowplugError, NotFound, UpstreamError
from glowplug.usecases import discover
from glowplug.usecases.discover import Found

if TYPE_CHECKING:
    from glowplug.config.load import Loaded
    from glowplug.domain.provider import ProviderRow

PATIENCE = 10.0
"""Seconds a provider may take; somebody on this machine gets one."""


class Foreign(Client):
    """A client of somebody who is not a Glowplug, with header fields of their own."""

    def __init__(self, base: str, fields: dict[str, str]) -> None:
        super().__init__(Address(base, ""))
        self.address.prefix = ""
        self._fields = fields

    def _request(self, method: str, path: str, body: Any) -> bytes:
        first, end, rest = super()._request(method, path, body).partition(b"\r\n")
        return first + end + "".join(f"{k}: {v}\r\n" for k, v in self._fields.items()).encode("latin-1") + rest


def fetch(url: str, fields: dict[str, str], within: float) -> bytes:
    """The body at this URL.  Raises GlowplugError."""
    from urllib.parse import urlsplit

    response = Foreign(url, fields).open("GET", urlsplit(url).path, silence=within, within=within)
    body = response.read()
    if response.status != 200:
        raise UpstreamError(f"{url} answered {response.status}")
    return body


class Discovery:
    """One look around."""

    def __init__(self, loaded: Loaded | None) -> None:
        self._loaded = loaded
        models = loaded.config.models if loaded is not None else {}
        self._known = {
            discover.identity({"provider": one.provider, "engine": one.engine, "id": one.id, "path": one.path})
            for one in models.values()
        }
        self._names = set(models)
        self.found: list[Found] = []
        self.servers: dict[str, str] = {}
        """Providers that the configuration needs and has not → their URLs."""
        self.problems: list[str] = []

    def _add(self, found: list[Found]) -> bool:
        new = [one for one in found if one.identity not in self._known and one.name not in self._names]
        self._names.update(one.name for one in new)
        self.found += new
        return bool(new)

    def providers(self, only: str | None) -> None:
        """Ask those of the configuration, or `only` this one, which may also be of the catalogue.  Raises NotFound."""
        from glowplug.providers.catalogue import PROVIDERS

        own = self._loaded.config.providers if self._loaded is not None else {}
        if only is not None and only not in own and only not in PROVIDERS:
            raise NotFound(f"there is no provider {only}", hint="glowplug providers lists those that are known by name")
        for name in own if only is None else (only,):
            try:
                url, fields = self._way(name, PROVIDERS)
                if self._add(discover.of_provider(fetch(f"{url}/models", fields, PATIENCE), name)) and name not in own:
                    self.servers[name] = ""
            except GlowplugError as error:
                self.problems.append(f"{name}: {error.message}")
            except ValueError:
                self.problems.append(f"{name}: its model list cannot be read")

    def _way(self, name: str, rows: Any) -> tuple[str, dict[str, str]]:
        """(URL, header fields with the key).  Raises GlowplugError."""
        from glowplug.config.providers import credentials, from_row, row_of
        from glowplug.config.schema import Provider

        own = self._loaded.config.providers.get(name) if self._loaded is not None else None
        entry = own or Provider()
        row: ProviderRow | None = row_of(name, entry.type, entry.base_url, rows)
        url = entry.base_url or str(from_row(name, entry, rows).get("base_url") or "")
        if not url or "{" in url:
            raise UpstreamError("its URL is not complete in the configuration")
        key = entry.api_key.reveal() if entry.api_key else ""
        if own is None and row is not None:
            key = next((value for one in row.variables if (value := os.environ.get(one))), "")
        fields = credentials(row, key, {one: value.reveal() for one, value in entry.headers.items()})
        if key and not {"authorization", "x-api-key", "api-key"} & {one.lower() for one in fields}:
            native = row is not None and row.key.value == "x-api-key"
            fields |= (
                {"x-api-key": key, "anthropic-version": "2023-06-01"} if native else {"authorization": f"Bearer {key}"}
            )
        return url.rstrip("/"), fields

    def machine(self, ports: dict[str, int], ollama: int) -> None:
        """Ask who listens where such servers listen by default; that nobody does is no problem."""
        for name, port in ports.items():
            base = f"http://127.0.0.1:{port}/v1"
            try:
                if self._add(discover.of_provider(fetch(f"{base}/models", {}, 1.0), name)):
                    self.servers[name] = base
            except (GlowplugError, ValueError):
                continue
        try:
            self._add(discover.of_ollama(fetch(f"http://127.0.0.1:{ollama}/api/tags", {}, 1.0)))
        except (GlowplugError, ValueError):
            return

    def folders(self, folders: tuple[Path, ...]) -> None:
        """Look into these folders and into the Hugging Face cache."""
        self._add(list(discover.in_folders(folders)))
        self._add(list(discover.in_hub_cache(os.environ, Path.home())))
