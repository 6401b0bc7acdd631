"""What an Ollama says of its library → models of the engine `ollama`; pure.

Answers of `/api/tags`, `/api/ps` and `/api/show` as of version 0.33 (Ollama's docs/api.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import msgspec

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.readers.foreign import Foreign, Value
from glowplug.config.readers.local import is_loopback, port_of, usable
from glowplug.config.readers.names import Names, fits, fitting
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_list, as_text, as_words, escaped, sayable, seconds, whole
from glowplug.errors import ConfigError, Problem
from glowplug.wire.ollama import DEFAULT_PORT, RUNNING, SHOW, is_cloud

URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"
TAGS: Final = "/api/tags"
_CLOUD: Final = "ollama-cloud"
_FOREVER: Final = 2200
"""`expires_at` of a model that stays lies centuries ahead."""
_CONTEXT = re.compile(r"^num_ctx\s+([0-9]{1,10})\s*$", re.MULTILINE)
_NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})
_NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})


def read(
    tags: bytes,
    *,
    running: bytes = b"",
    shown: Mapping[str, bytes] = _NOTHING,
    url: str = URL,
    env: Mapping[str, str] = _NO_ENVIRONMENT,
    providers: ProviderCatalogue,
) -> Foreign:
    """Our document of an Ollama's library.

    `tags` and `running` are the answers of `/api/tags` and `/api/ps`, `shown` those of `/api/show` by name, as many as
    there are; `url` is where it listens; `env` may have its OLLAMA_KEEP_ALIVE, OLLAMA_CONTEXT_LENGTH and
    OLLAMA_NUM_PARALLEL.  An Ollama on another machine becomes a provider.  Raises ConfigError when the answer of
    `/api/tags` is none; what is wrong with one model is a note.
    """
    listed = _object(tags)
    if not isinstance(listed.get("models"), list) or not usable(url):
        problem = Problem(TAGS, f"{url} answered nothing that an Ollama answers", hint="give the address of an Ollama")
        raise ConfigError(str(problem), (problem,))
    library = _Library(url.rstrip("/"), env, providers)
    loaded = {
        as_text(entry.get("name")): entry
        for item in as_list(_object(running).get("models"))
        if (entry := as_dict(item))
    }
    for number, item in enumerate(as_list(listed["models"])):
        model = as_dict(item)
        name = as_text(model.get("model")) or as_text(model.get("name"))
        if not name or not sayable(name):
            library.notes.refused(f"{TAGS}[{number}]", "a model", "it has no name")
            continue
        library.add(name, model, as_dict(loaded.get(name)), _object(shown.get(name, b"")))
    return Foreign(f"Ollama at {url}", library.document(), notes=library.notes.all())


def _uncloud(name: str) -> str:
    """What a cloud model is called where it runs."""
    return name.removesuffix("-cloud").removesuffix(":cloud")


def _object(answer: bytes) -> dict[str, Value]:
    """The object in an answer; empty when there is none."""
    try:
        found = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class _Library:
    def __init__(self, url: str, env: Mapping[str, str], providers: ProviderCatalogue) -> None:
        self.notes = Notes()
        self._url = url
        self._local = is_loopback(url)
        self._env = env
        self._providers = providers
        self._entries: dict[str, Value] = {}
        self._used: dict[str, Value] = {}
        self._aliases: dict[str, Value] = {}
        self._names = Names()
        if not self._local:
            why = "Glowplug loads and unloads only what is on this machine; it is asked like a provider"
            self.notes.changed(url, "an Ollama elsewhere", why)

    def document(self) -> dict[str, Value]:
        sections: dict[str, Value] = {"providers": self._used, "models": self._entries, "aliases": self._aliases}
        slots = whole(self._env.get("OLLAMA_NUM_PARALLEL"), 1, 1024)
        if slots is not None and self._local and self._entries:
            sections["engines"] = {"ollama": {"options": {"num_parallel": slots}}}
        return {section: values for section, values in sections.items() if values}

    def add(self, name: str, model: dict[str, Value], running: dict[str, Value], shown: dict[str, Value]) -> None:
        cloud = is_cloud(name) or bool(as_text(model.get("remote_host")))
        embeds = self._embeds(model, shown)
        entry: dict[str, Value] = {"capabilities": ["embeddings"]} if embeds else {}
        if cloud:
            where = self._cloud(name, entry)
        elif self._local:
            where = self._engine(name, running, shown, entry)
        else:
            self._used.setdefault("ollama", {"base_url": escaped(f"{self._url}/v1")})
            entry |= {"provider": "ollama", "id": escaped(name)}
            where = "ollama"
        if not where:
            return
        public = name.removesuffix(":latest")
        kind = "embed" if embeds else "vision" if "vision" in as_words(shown.get("capabilities")) else "chat"
        plain = _uncloud(public) if cloud else public
        ours = self._names.take(f"{kind}-{fitting(plain.replace(':', '-').replace('/', '-'), 120)}-{where}")
        self._entries[ours] = entry
        self.notes.taken(name, f"the model {ours}")
        if fits(public) and public not in self._aliases and public not in self._names:
            self._names.reserve(public)
            self._aliases[public] = {"targets": [ours]}
        else:
            self.notes.changed(name, f"only the name {ours}", "its own name cannot be used, or is taken")

    def _embeds(self, model: dict[str, Value], shown: dict[str, Value]) -> bool:
        said = as_words(shown.get("capabilities"))
        if said:
            return "embedding" in said and "completion" not in said
        return "bert" in as_text(as_dict(model.get("details")).get("family")).lower()

    def _cloud(self, name: str, entry: dict[str, Value]) -> str:
        """A model that Ollama only passes on is asked where it runs."""
        if _CLOUD not in self._providers:
            self.notes.refused(name, "a cloud model", "there is no provider ollama-cloud")
            return ""
        self._used[_CLOUD] = {}
        entry |= {"provider": _CLOUD, "id": escaped(_uncloud(name))}
        why = "it runs at Ollama Cloud, which is asked itself, with a key instead of `ollama signin`"
        self.notes.changed(name, "a cloud model", why, "set OLLAMA_API_KEY")
        return "cloud"

    def _engine(self, name: str, running: dict[str, Value], shown: dict[str, Value], entry: dict[str, Value]) -> str:
        entry |= {"engine": "ollama", "id": escaped(name)}
        port = port_of(self._url) or 80
        if port != DEFAULT_PORT:
            entry["port"] = port
        said = _CONTEXT.search(as_text(shown.get("parameters")))
        for value in (said[1] if said else None, running.get("context_length"), self._env.get("OLLAMA_CONTEXT_LENGTH")):
            context = whole(value, 4, 1 << 31)
            if context is not None:
                entry["options"] = {"num_ctx": context}
                break
        stays = self._stays(running)
        if stays is not None:
            entry["keep_alive"] = stays
        return "ollama"

    def _stays(self, running: dict[str, Value]) -> float | int | None:
        """Seconds, -1 for ever; None: as everybody."""
        try:
            if datetime.fromisoformat(as_text(running.get("expires_at"))[:10]).year > _FOREVER:
                return -1
        except ValueError:
            pass  # it is not loaded
        given = self._env.get("OLLAMA_KEEP_ALIVE", "").strip()
        if given.startswith("-"):
            return -1
        return seconds(given, zero=True) if given else None


__all__ = ["RUNNING", "SHOW", "TAGS", "URL", "read"]
