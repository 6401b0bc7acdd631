"""Whom a deployment asks, where, and with which key → an entry of `providers` and the id there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.addresses import Address, base_url, called
from glowplug.config.readers.litellm.environment import PREFIX, Environment, variable
from glowplug.config.readers.litellm.prefixes import PREFIXES, Prefix, split
from glowplug.config.readers.litellm.secrets import Secrets
from glowplug.config.readers.local import host_of, is_near
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, escaped, secretive
from glowplug.domain.provider import ProviderRow

_KEY = re.compile(r"[\x21-\x7e]+")
_VISIBLE = re.compile(r"[\x20-\x7e]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWNED: Final = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "expect")
_REGION = re.compile(r"[A-Za-z0-9-]{1,100}")
_NO_KEYS: Final = frozenset(
    ("none", "null", "dummy", "empty", "na", "n/a", "not-needed", "not_needed", "not-required", "fake", "fake-key",
     "sk-none", "sk-dummy", "sk-no-key-required", "no-key", "nokey", "ollama", "placeholder", "anything", "any",
     "lm-studio", "vllm", "local", "x", "xxx", "sk-xxx")
)  # fmt: skip
"""What people write where a server in their network wants no key, and LiteLLM does."""
_STYLES: Final = ("responses/", "o_series/", "gpt5_series/", "converse/", "invoke/", "chat/", "computer_use_preview/")
"""What LiteLLM takes out of a model's id: how it is to be asked."""


@dataclass(frozen=True)
class Connection:
    """Whom to ask."""

    label: str
    """What to call the provider, and the end of the model's name: `openai`, `local-8080`."""
    entry: Mapping[str, Value]
    """Of `providers`."""
    id: str
    url: str = ""
    """The base URL; empty for the row's, and for one from a variable that is not set."""
    prefix: Prefix = field(default_factory=lambda: Prefix(name=""))

    @property
    def near(self) -> bool:
        """On this machine or in its network."""
        return bool(self.url) and is_near(self.url)


class Connections:
    """Makes connections, and notes on what changes on the way."""

    def __init__(self, env: Environment, rows: ProviderCatalogue, notes: Notes, secrets: Secrets) -> None:
        self._env = env
        self._rows = rows
        self._notes = notes
        self._secrets = secrets

    def find(self, where: str, params: Mapping[str, Value]) -> Connection | None:
        """None when it cannot be used, with a note that says why."""
        at = f"{where}.litellm_params"
        model = as_text(self._env.resolved(params.get("model"))).strip()
        if not model:
            self._notes.refused(f"{at}.model", "no model", "a deployment names a provider and a model")
            return None
        if name := variable(params.get("model")):
            self._notes.changed(f"{at}.model", f"from the variable {name}", "the name it has now is written down")
        first, id = split(model, as_text(self._env.resolved(params.get("custom_llm_provider"))))
        prefix = PREFIXES.get(first) or Prefix(name=first)
        for style in _STYLES:
            if prefix.row in ("openai", "azure", "bedrock") and id.startswith(style) and len(id) > len(style):
                self._notes.changed(
                    f"{at}.model", model, f"{style} is how LiteLLM is told to ask; requests say it here"
                )
                id = id.removeprefix(style)
        if prefix.refused or not id:
            self._notes.refused(at, model, prefix.refused or "nothing stands behind its provider")
            return None
        return self._connected(at, model, prefix, id, params)

    def _connected(
        self, at: str, model: str, prefix: Prefix, id: str, params: Mapping[str, Value]
    ) -> Connection | None:
        address = self._address(at, prefix, params)
        if address is not None and address.why:
            self._notes.refused(f"{at}.api_base", model, address.why)
            return None
        row = self._row(prefix, address)
        if row is None and address is None and prefix.url:
            address = Address(prefix.url, prefix.url)
        if row is None and address is None:
            what = "nothing says whose model it is" if not prefix.name else f"{prefix.name} is not in the catalogue"
            self._notes.refused(at, model, f"{what}, and there is no api_base", "give its api_base and read it again")
            return None
        if prefix.name == "" and address is not None:
            self._notes.changed(at, model, "nothing says whose wire that is; OpenAI's is presumed")
        if row is not None and address is not None and prefix.native:
            self._notes.changed(f"{at}.api_base", "an address", f"{row.title} is asked in OpenAI's wire at its own URL")
            address = None
        entry: dict[str, Value] = {} if row is None else {"type": row.name}
        if address is not None and not (row is not None and _usual(row, address.url)):
            entry["base_url"] = address.text
        elif row is not None and not self._places(at, model, row, entry, params):
            return None
        name = row.name if row is not None else called(prefix, address.url if address is not None else "", id)
        key = self._key(at, model, prefix, row, "base_url" in entry, address, params)
        if key is None:
            return None
        if key:
            entry["api_key"] = key
        if headers := self._headers(at, name, prefix, params):
            entry["headers"] = headers
        return Connection(name or "provider", entry, id, address.url if address is not None else "", prefix)

    def _row(self, prefix: Prefix, address: Address | None) -> ProviderRow | None:
        if (
            prefix.engine == "ollama"
            and address is not None
            and host_of(address.url) in ("ollama.com", "www.ollama.com")
        ):
            return self._rows.get("ollama-cloud")
        return self._rows.get(prefix.row) if prefix.row and not self._elsewhere(prefix, address) else None

    @staticmethod
    def _elsewhere(prefix: Prefix, address: Address | None) -> bool:
        """With an address of one's own these are any server that speaks the wire, not the provider."""
        own = {"openai": "openai.com", "huggingface": "huggingface.co"}.get(prefix.row)
        return own is not None and address is not None and not f".{host_of(address.url)}".endswith(f".{own}")

    def _address(self, at: str, prefix: Prefix, params: Mapping[str, Value]) -> Address | None:
        """None when the deployment says none."""
        raw = params.get("api_base") or params.get("base_url")
        if not raw:
            name = next((one for one in prefix.bases if self._env.get(one)), "")
            if not name:
                return None
            self._notes.changed(at, f"no api_base, and {name} is set", "it is written down, as LiteLLM goes by it")
            raw = f"{PREFIX}{name}"
        name = variable(raw)
        value = as_text(self._env.resolved(raw))
        if not name:
            return base_url(prefix, value)
        written = name if self._env.writable(name) else ""
        if not value:
            if not written:
                return Address("", "", f"the variable {name} of its address is not set")
            self._notes.changed(f"{at}.api_base", f"the variable {name} is not set", "its model waits until it is")
            return Address("", f"${{{name}}}{prefix.tail}")
        found = base_url(prefix, value, written)
        if found.copied:
            self._notes.changed(
                f"{at}.api_base", f"from the variable {name}", "another part of it is needed, and written down"
            )
        return found

    def _places(
        self, at: str, model: str, row: ProviderRow, entry: dict[str, Value], params: Mapping[str, Value]
    ) -> bool:
        """The parts of the row's URL; False when one is missing."""
        for place in row.places:
            raw = params.get("aws_region_name") or params.get("region_name") if place == "region" else None
            name = variable(raw)
            if name and self._env.get(name) is None and self._env.writable(name):
                self._notes.changed(at, f"the variable {name} is not set", "its model waits until it is")
                entry[place] = f"${{{name}}}"
                continue
            text = as_text(self._env.resolved(raw))
            text = text or (
                self._env.get("AWS_REGION_NAME") or self._env.get("AWS_REGION") or "" if place == "region" else ""
            )
            if not _REGION.fullmatch(text):
                missing = "aws_region_name" if place == "region" else "api_base"
                self._notes.refused(at, model, f"its {missing} is missing", f"give {missing} and read it again")
                return False
            entry[place] = f"${{{name}}}" if name and self._env.writable(name) else text
        return True

    def _key(
        self, at: str, model: str, prefix: Prefix, row: ProviderRow | None, elsewhere: bool, address: Address | None,
        params: Mapping[str, Value],
    ) -> str | None:  # fmt: skip
        """What `api_key` says; empty for nothing, None when the deployment cannot be used for want of it."""
        raw = params.get("api_key")
        name, value = variable(raw), as_text(self._env.resolved(raw)).strip()
        purpose = row.name if row is not None else called(prefix, address.url if address is not None else "", model)
        if name and self._env.writable(name):
            if not value:
                self._notes.changed(f"{at}.api_key", f"the variable {name} is not set", "its model waits until it is")
            return f"${{{name}}}"
        if name and not value:
            self._notes.refused(f"{at}.api_key", model, f"the variable {name} of its key is not set")
            return None
        if value:
            near = address is not None and is_near(address.url)
            if near and value.lower() in _NO_KEYS:
                self._notes.left(
                    f"{at}.api_key", "a word instead of a key", "a server in this network is asked without"
                )
                return ""
            if not _KEY.fullmatch(value):
                self._notes.refused(f"{at}.api_key", model, "its key has characters in it that cannot be sent")
                return None
            return self._secrets.put(purpose, value)
        return self._key_of_environment(at, model, prefix, row, elsewhere, purpose)

    def _key_of_environment(
        self, at: str, model: str, prefix: Prefix, row: ProviderRow | None, elsewhere: bool, purpose: str
    ) -> str | None:
        names = [*prefix.variables, *(row.variables if row is not None else ())]
        found = next((name for name in names if self._env.get(name)), "")
        if elsewhere and row is not None and found:
            why = "a key of the environment goes to its own provider's URL; LiteLLM sends it here too"
            self._notes.changed(at, f"{found} is not sent to {model}", why, "give the deployment an api_key")
            return ""
        if row is not None and row.name == "bedrock" and not found:
            hint = f"make an API key for Bedrock, put it into {row.variables[0]}, and read it again"
            self._notes.refused(at, model, "requests are not signed with AWS keys here", hint)
            return None
        if not found or (row is not None and found in row.variables and not self._env.own(found)):
            return ""  # nothing is set, or the catalogue names the variable itself
        if prefix.engine == "ollama" and row is None:
            return ""  # that key is for ollama.com
        if self._env.own(found):
            return self._secrets.put(purpose, self._env.get(found) or "")
        return f"${{{found}}}"

    def _headers(self, at: str, purpose: str, prefix: Prefix, params: Mapping[str, Value]) -> dict[str, Value]:
        given = {**as_dict(params.get("headers")), **as_dict(params.get("extra_headers"))}
        organization = params.get("organization")
        if organization and prefix.row in ("openai", "azure", ""):
            given["OpenAI-Organization"] = organization
        headers: dict[str, Value] = {}
        for header, raw in given.items():
            name = variable(raw)
            text = as_text(self._env.resolved(raw))
            if not _HEADER.fullmatch(header) or header.lower() in _OWNED or not _VISIBLE.fullmatch(text):
                self._notes.left(
                    f"{at}.extra_headers.{header}", header, "it cannot be sent, or is set by Glowplug itself"
                )
            elif name and self._env.writable(name):
                headers[header] = f"${{{name}}}"
            elif name and not text:
                self._notes.left(f"{at}.extra_headers.{header}", header, f"the variable {name} is not set")
            elif text and (secretive(header) or text.startswith(("file:", "secret:"))):
                headers[header] = self._secrets.put(f"{purpose}-header", text)
            else:
                headers[header] = escaped(text)
        return headers


def _usual(row: ProviderRow, url: str) -> bool:
    """Whether the row itself says this URL."""
    return url.rstrip("/") in (row.base_url, row.base_url.removesuffix("/v1"))
