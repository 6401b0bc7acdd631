"""What could be served and is not configured yet: model lists and folders read into lines for the configuration.

Reading lists is pure; only `in_folders` looks at the disk.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from glowplug.domain.naming import Facts, Name, short, type_of
from glowplug.engines.hf_folder import cache_environment, hub_folder

SERVERS: Final = {"vllm": 8000, "sglang": 30000, "llama-server": 8080, "lmstudio": 1234}
"""Servers that people run themselves → the port each has by default."""
OLLAMA_PORT: Final = 11434
FILES: Final = 1000
"""Most files of one folder that are looked at."""
_PART: Final = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")
_PLAIN: Final = re.compile(r"[A-Za-z/~][A-Za-z0-9_./+~-]*(?::[A-Za-z0-9_.-]+)?")
_WORDS: Final = frozenset(("true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"))


class Found(NamedTuple):
    """One model that could be configured."""

    name: str
    """As a model would be called here: `chat-NAME-WHERE` (`glowplug.domain.naming`)."""
    entry: dict[str, Any]
    """Its entry in the configuration."""

    @property
    def identity(self) -> tuple[str, str]:
        """(where it is from, what it is called there)."""
        return identity(self.entry)

    def line(self) -> str:
        return f"  {scalar(self.name)}: {{{', '.join(f'{key}: {scalar(value)}' for key, value in self.entry.items())}}}"


class _Listed(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Lists(msgspec.Struct):
    data: list[_Listed] = []
    models: list[_Listed] = []


def identity(entry: Mapping[str, Any]) -> tuple[str, str]:
    """What two entries for the same model have in common."""
    return str(entry.get("provider") or entry.get("engine") or ""), str(entry.get("path") or entry.get("id") or "")


def scalar(value: Any) -> str:
    """A value as YAML inside of braces."""
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


def named(model: str, where: str, **entry: Any) -> Found:
    """A model of this name (an id, a file) from `where` (a provider or an engine)."""
    kind = type_of(Facts(model, where))
    if kind == "embed":
        entry["capabilities"] = ["embeddings"]
    return Found(str(Name(kind, short(model), where)), entry)


def listed(body: bytes) -> list[str]:
    """The ids of a model list: OpenAI's and Anthropic's `data`, Ollama's `models`.  Raises ValueError."""
    lists = msgspec.json.decode(body, type=_Lists)
    ids = (entry.id or entry.name for entry in (*lists.data, *lists.models))
    return [id.removeprefix("models/") for id in dict.fromkeys(ids) if id and id.isprintable()]


def of_provider(body: bytes, provider: str) -> list[Found]:
    """The models of a provider's list.  Raises ValueError."""
    return [named(id, provider, provider=provider, id=id) for id in listed(body)]


def of_ollama(body: bytes) -> list[Found]:
    """The models of an Ollama's `/api/tags`.  Raises ValueError."""
    return [named(id.removesuffix(":latest"), "ollama", engine="ollama", id=id) for id in listed(body)]


def in_folders(folders: Iterable[Path]) -> Iterator[Found]:
    """GGUF files below these folders; projectors and later parts are not models."""
    for folder in folders:
        count = 0
        for place, below, files in os.walk(folder):
            below.sort()
            for file in sorted(files):
                part = _PART.search(file)
                if not file.endswith(".gguf") or "mmproj" in file or (part and int(part[1]) > 1):
                    continue
                count += 1
                if count > FILES:
                    return
                path = str(Path(place) / file)
                yield named(_PART.sub("", file), "llamacpp", engine="llamacpp", path=path)


def in_hub_cache(env: Mapping[str, str], home: Path) -> Iterator[Found]:
    """Repositories in the Hugging Face cache that an engine can load: those with a `config.json`."""
    probe = hub_folder_root(env, home)
    for folder in sorted(probe.glob("models--*--*")):
        repository = folder.name.removeprefix("models--").replace("--", "/", 1)
        snapshot = hub_folder(repository, cache_environment(env), home)
        if snapshot is not None and (snapshot / "config.json").exists():
            yield named(repository, "vllm", engine="vllm", id=repository)


def hub_folder_root(env: Mapping[str, str], home: Path) -> Path:
    """The folder of the cache, as `engines.hf_folder` finds it."""
    cache = env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE")
    root = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "huggingface")
    return Path(cache).expanduser() if cache else root / "hub"


def document(found: Iterable[Found], servers: Mapping[str, str]) -> list[str]:
    """Lines of a configuration with these models, and the providers they need (name → URL, or empty for a row's)."""
    out = [
        "providers:",
        *(f"  {name}: {{{f'base_url: {scalar(url)}' if url else ''}}}" for name, url in servers.items()),
    ]
    models = [one.line() for one in found]
    return [*(out if servers else []), *(["models:", *models] if models else [])]
