"""What the checks of models share: the file to be edited, LiteLLM's models, where addresses and weights are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from glowplug.config.fields import set_field
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import read_plain, words_1_1
from glowplug.config.readers.values import as_dict
from glowplug.doctor.actions import WriteFile
from glowplug.doctor.base import NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.model import LocalModel
from glowplug.errors import ConfigError

ROUTES: Final = re.compile(r"aliases\.|defaults\.fallback|groups\..*\.members")
"""Settings that name models: what is wrong with them is about routes."""
COVERED: Final = re.compile(rf"{ROUTES.pattern}|models\..*\.port\Z")
"""Settings about how models meet, which have checks of their own."""
_NEAR_ENDINGS: Final = (
    ".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet", ".localdomain", ".test", ".docker",
)  # fmt: skip
"""Of names that only a network of one's own has."""
_HERE: Final = ("localhost", "host.docker.internal")
_LOCAL_PREFIXES: Final = (
    "ollama/",
    "ollama_chat/",
    "lm_studio/",
    "hosted_vllm/",
    "llamafile/",
    "lemonade/",
    "oobabooga/",
)
"""What LiteLLM calls servers that people run themselves."""
_SECRETIVE: Final = ("key", "token", "secret", "password", "headers", "://")


class Far(StrEnum):
    """Where an address is."""

    HERE = "here"
    LAN = "lan"
    AWAY = "away"


@dataclass(frozen=True)
class OwnFile:
    """The configuration file, to be edited."""

    path: str
    text: str

    def with_fields(self, changes: Sequence[tuple[tuple[str, ...], Value]], why: str) -> WriteFile | None:
        """The edit that sets these; None where none of them can be set."""
        text = self.text
        for path, value in changes:
            try:
                text = set_field(text, path, value)
            except ConfigError:
                continue
        if text == self.text:
            return None
        # A diff shows what stands around, which may be a key.
        secret = any(word in self.text.lower() for word in _SECRETIVE)
        return WriteFile(
            path=self.path, before=self.text.encode(), after=text.encode(), why=f"{why} in {self.path}", secret=secret
        )

    def says(self, *path: str) -> bool:
        """Whether it has this setting itself."""
        try:
            here: Value = read_plain(self.text, self.path).values
        except ConfigError:
            return False
        for name in path:
            if name not in as_dict(here):
                return False
            here = as_dict(here)[name]
        return True


def own_file(site: Site) -> OwnFile | None:
    """None where there is none, or it is no text that could be edited."""
    if site.config is None:
        return None
    try:
        return OwnFile(str(site.config), site.real(site.config).read_bytes().decode())
    except (FileNotFoundError, UnicodeDecodeError):
        return None


@dataclass(frozen=True)
class Listed:
    """One entry of LiteLLM's `model_list`."""

    where: str
    name: str
    params: dict[str, Value]
    info: dict[str, Value]

    @property
    def model(self) -> str:
        return str(self.params.get("model") or "")

    @property
    def api_base(self) -> str:
        return str(self.params.get("api_base") or self.params.get("base_url") or "")

    @property
    def local(self) -> bool:
        """It runs on this machine or on one beside it."""
        if self.api_base and not self.api_base.startswith("os.environ/"):
            return far(self.api_base) is not Far.AWAY
        return self.model.startswith(_LOCAL_PREFIXES)


def litellm_file(site: Site) -> dict[str, Value] | None:
    """LiteLLM's configuration as it stands there; None where none is examined.  Raises ConfigError, OSError."""
    if site.litellm is None or site.litellm.config is None:
        return None
    return read_plain(site.text(site.litellm.config), f"LiteLLM's {site.litellm.config}", words_1_1).values


def host_and_port(url: str) -> tuple[str, int]:
    """Where a URL leads; ("", 0) for what is none."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        return (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError:
        return "", 0


def listed(document: Mapping[str, Value] | None) -> tuple[Listed, ...]:
    """Its models."""
    return tuple(_listed(document or {}))


def _listed(document: Mapping[str, Value]) -> Iterator[Listed]:
    entries = document.get("model_list")
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        one = as_dict(entry)
        params, info = as_dict(one.get("litellm_params")), as_dict(one.get("model_info"))
        yield Listed(f"LiteLLM's model_list[{number}]", str(one.get("model_name") or ""), params, info)


def far(address: str) -> Far:
    """Where the host of a URL is, by its name alone; what is no URL is taken to be away."""
    try:
        host = (urlsplit(address if "://" in address else f"http://{address}").hostname or "").rstrip(".")
    except ValueError:
        return Far.AWAY
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        if host in _HERE:
            return Far.HERE
        return Far.LAN if host and ("." not in host or host.endswith(_NEAR_ENDINGS)) else Far.AWAY
    if ip.is_loopback or ip.is_unspecified:
        return Far.HERE
    return Far.LAN if ip.is_private or ip.is_link_local else Far.AWAY


def weights_at(site: Site, path: str) -> Path:
    """Where weights are that the configuration names; what is relative in it was made absolute below `root` already."""
    found = Path(path)
    return found if site.root != Path("/") and found.is_relative_to(site.root) else site.real(found)


def at_site(site: Site, model: LocalModel) -> LocalModel:
    """A model of Ollama's whose library is looked for where this site has it."""
    library = model.env.get("OLLAMA_MODELS") or site.env.get("OLLAMA_MODELS")
    homes = (Path(library) if library else site.home / ".ollama/models", Path("/usr/share/ollama/.ollama/models"))
    there = [site.real(home) for home in homes]
    chosen = next((home for home in there if (home / "manifests").is_dir()), there[0])
    return msgspec.structs.replace(model, env={**model.env, "OLLAMA_MODELS": str(chosen)})


def some(things: Sequence[object], what: str) -> None:
    """Raises NothingToLookAt where there are none."""
    if not things:
        raise NothingToLookAt(f"there {what}")
