"""`api_base` of a deployment → the `base_url` of a provider of ours."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from glowplug.config.readers.litellm.prefixes import Prefix
from glowplug.config.readers.local import engine_at, host_of, is_loopback, is_near, port_of

_ENDS: Final = (
    "/chat/completions", "/completions", "/embeddings", "/messages", "/responses", "/rerank", "/api/chat",
    "/api/generate", "/api/embed",
)  # fmt: skip
"""Endpoints that people write behind it, and that LiteLLM cuts off or puts up with."""
AZURE: Final = "/openai/v1"


class Address(NamedTuple):
    """A URL of our file."""

    url: str
    """As a URL; empty when it comes from a variable that is not set."""
    text: str
    """As our file says it."""
    why: str = ""
    """Why it cannot be used; empty when it can."""
    copied: bool = False
    """The value of a variable is in the text, because more than its end differs."""


def base_url(prefix: Prefix, value: str, name: str = "") -> Address:
    """`value` is the address; `name` the variable it comes from, when our file can name that."""
    raw = value.strip()
    try:
        parts = urlsplit(raw)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[^\x21-\x7e]", raw):
        return Address("", "", "its address is no http:// or https:// URL")
    if "@" in parts.netloc:
        return Address("", "", "its address carries a user or password")
    path = parts.path.rstrip("/")
    for end in _ENDS:
        path = path.removesuffix(end)
    if prefix.tail == AZURE:
        path = path.partition("/openai")[0].removesuffix("/models").rstrip("/") + AZURE
    elif prefix.tail:
        path = path.removesuffix("/api")
        path = path if path.endswith(prefix.tail) else path + prefix.tail
    url = f"{parts.scheme}://{parts.netloc}{path}"
    if not name:
        return Address(url, url.replace("${", "$${"))
    return _referenced(url, raw, name)


def _referenced(url: str, value: str, name: str) -> Address:
    """The variable with what is missing behind it, where that is all the difference."""
    if url.startswith(value):
        return Address(url, f"${{{name}}}{url[len(value) :]}")
    bare = value.rstrip("/")
    if url == bare:
        return Address(url, f"${{{name}}}")
    if url.startswith(f"{bare}/") and value == f"{bare}/":
        return Address(url, f"${{{name}}}{url[len(value) :]}")
    return Address(url, url.replace("${", "$${"), copied=True)


def called(prefix: Prefix, url: str, model: str) -> str:
    """A short name for who is there: the engine where it is known, `local-9001`, `10-0-0-5-8000`,
    `llm-lab-example-org`."""
    if prefix.engine:
        return prefix.engine
    if not url:
        return prefix.name or "provider"
    host, port = host_of(url), port_of(url)
    engine, _ = engine_at(url, model)
    if is_near(url) and engine != "command":
        return engine
    if is_loopback(url):
        return f"local-{port}" if port else "local"
    words = re.sub(r"[^a-z0-9]+", "-", host.removeprefix("api.").removeprefix("www.")).strip("-") or "provider"
    return f"{words}-{port}" if port and is_near(url) else words
