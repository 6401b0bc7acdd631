"""Whether a URL is that of an engine nearby, and of which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

_NEARBY: Final = (".local", ".lan", ".home", ".internal", ".localdomain", ".home.arpa")
PORTS: Final[Mapping[int, str]] = MappingProxyType(
    {11434: "ollama", 8080: "llamacpp", 9931: "llamacpp", 8000: "vllm", 30000: "sglang"}
)
"""The ports that engines listen on when nobody says otherwise."""
_PROGRAMS: Final[Mapping[int, str]] = MappingProxyType({1234: "LM Studio", 13305: "Lemonade"})


def usable(url: str) -> bool:
    """Whether our file takes it as a `base_url`."""
    try:
        parts = urlsplit(url)
        found = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return found and not re.search(r"[^\x21-\x7e]|[?#]", url) and "@" not in parts.netloc


def host_of(url: str) -> str:
    """In lower case, without port; empty when it is no URL."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def port_of(url: str) -> int:
    """0 when it says none."""
    try:
        return urlsplit(url).port or 0
    except ValueError:
        return 0


def is_loopback(url: str) -> bool:
    host = host_of(url)
    try:
        address = ip_address(host)
        return address.is_loopback or address.is_unspecified
    except ValueError:
        return host == "localhost"


def is_near(url: str) -> bool:
    """On this machine or in this network: a private address, a name without dots (a container's), `.local`."""
    host = host_of(url)
    try:
        address = ip_address(host)
        return address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_NEARBY))


def engine_at(url: str, model: str = "") -> tuple[str, str]:
    """The engine that probably answers there, and what that is concluded from; `command` when nothing says."""
    port = port_of(url)
    if port in PORTS:
        return PORTS[port], f"port {port} is the usual one of {PORTS[port]}"
    if model.lower().endswith(".gguf"):
        return "llamacpp", "the model is a GGUF file"
    if port in _PROGRAMS:
        return "command", f"port {port} is the usual one of {_PROGRAMS[port]}"
    return "command", "the address is on this machine or in its network"
