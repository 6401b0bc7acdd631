"""A model of ours → a deployment of LiteLLM's, without secrets: those are named as variables of the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.providers import row_of
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.keys_model import CAPABILITIES, PRICES, REQUEST
from glowplug.config.readers.litellm.prefixes import PREFIXES
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_list, as_text, as_words, number, seconds, secretive
from glowplug.domain.provider import ProviderRow
from glowplug.wire.ollama import DEFAULT_PORT

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
_CLOUD: Final = "ollama-cloud"
_GATEWAY_KEY: Final = "GLOWPLUG_API_KEY"
_LIMITS: Final = {"rpm": "rpm", "tpm": "tpm", "max_concurrency": "max_parallel_requests"}
_SILENT: Final = (
    "engine", "provider", "id", "former_ids", "path", "command", "args", "options", "env", "price", "tags",
    "request_defaults", "capabilities", "context_window", "dimensions", "first_byte_timeout", *_LIMITS,
)  # fmt: skip
_MODES: Final = {kinds: mode for mode, kinds in reversed(CAPABILITIES.items()) if kinds}


class Unwritable(ValueError):
    """LiteLLM cannot be told of this; says why."""


class Deployments:
    """Makes `litellm_params` and `model_info`, with notes."""

    def __init__(self, document: Mapping[str, Value], rows: ProviderCatalogue, notes: Notes, gateway: str) -> None:
        """`gateway` is the URL of this Glowplug: LiteLLM asks it for what it cannot start itself."""
        self._providers = as_dict(document.get("providers"))
        self._defaults = as_dict(document.get("defaults"))
        self._rows = rows
        self._notes = notes
        self._gateway = gateway

    def params(self, name: str, model: Mapping[str, Value]) -> dict[str, Value]:
        """Of `model_list[].litellm_params`, without weight and order.  Raises Unwritable."""
        at = f"models.{name}"
        provider = as_text(model.get("provider"))
        entry = as_dict(self._providers.get(provider))
        found = self._remote(provider, entry, model) if provider else self._local(name, model)
        for field, key in _LIMITS.items():
            if model.get(field) is not None:
                found[key] = _value(model[field])
        limit = model.get("first_byte_timeout") or entry.get("first_byte_timeout")
        if limit is not None:
            found["stream_timeout"] = seconds(limit) or _value(limit)
        extra: dict[str, Value] = {}
        for key, value in as_dict(model.get("request_defaults")).items():
            (found if key in REQUEST else extra)[key] = _value(value)
        if extra:
            found["extra_body"] = extra
        if tags := as_words(model.get("tags")):
            found["tags"] = [_plain(tag) for tag in tags]
        found |= self._price(at, as_dict(model.get("price")))
        for field in model:
            if field not in _SILENT:
                self._notes.left(f"{at}.{field}", field, "LiteLLM has no such setting of a model")
        return found

    def info(self, model: Mapping[str, Value]) -> dict[str, Value]:
        """Of `model_list[].model_info`, without the id."""
        found: dict[str, Value] = {}
        capabilities = tuple(as_words(model.get("capabilities")))
        if mode := _MODES.get(capabilities) or ("chat" if "chat" in capabilities else ""):
            found["mode"] = mode
        if model.get("context_window") is not None:
            found["max_input_tokens"] = model["context_window"]
        if model.get("dimensions") is not None:
            found["output_vector_size"] = model["dimensions"]
        return found

    # ---- whom to ask

    def _local(self, name: str, model: Mapping[str, Value]) -> dict[str, Value]:
        if model.get("engine") == "ollama":
            base = f"http://localhost:{model.get('port') or DEFAULT_PORT}"
            found: dict[str, Value] = {"model": f"ollama_chat/{_plain(as_text(model.get('id')))}", "api_base": base}
            if "embeddings" in as_words(model.get("capabilities")):
                found["model"] = f"ollama/{_plain(as_text(model.get('id')))}"
            context = as_dict(model.get("options")).get("num_ctx")
            if context is not None:
                found["num_ctx"] = _value(context)
            if model.get("keep_alive") is not None:
                found["keep_alive"] = _value(model["keep_alive"])
            return found
        why = f"LiteLLM starts no engine; it asks Glowplug at {self._gateway}, with the key in {_GATEWAY_KEY}"
        self._notes.changed(f"models.{name}", f"a model of the engine {model.get('engine')}", why)
        return {
            "model": f"openai/{name}", "api_base": f"{self._gateway}/v1", "api_key": f"os.environ/{_GATEWAY_KEY}",
        }  # fmt: skip

    def _remote(self, name: str, entry: Mapping[str, Value], model: Mapping[str, Value]) -> dict[str, Value]:
        url = as_text(entry.get("base_url"))
        row = row_of(name, as_text(entry.get("type")) or None, url or None, self._rows)
        if row is None and not url:
            raise Unwritable(f"the provider {name} has no base_url")
        prefix = "ollama_chat" if row is not None and row.name == _CLOUD else _prefix(row)
        found: dict[str, Value] = {"model": f"{prefix}/{_plain(as_text(model.get('id')))}"}
        base = self._base(row, entry, url, PREFIXES[prefix].tail)
        if base:
            found["api_base"] = base
        region = as_text(entry.get("region"))
        if region:
            found["aws_region_name"] = _value(region)
        found["api_key"] = self._key(name, row, entry)
        headers: dict[str, Value] = {
            header: self._named(
                f"providers.{name}.headers.{header}", as_text(value), f"{name}_{header}", secretive(header)
            )
            for header, value in as_dict(entry.get("headers")).items()
        }
        if headers:
            found["extra_headers"] = headers
        return found

    def _base(self, row: ProviderRow | None, entry: Mapping[str, Value], url: str, tail: str) -> str:
        """`api_base`; empty where LiteLLM knows it itself."""
        if row is not None and row.name == _CLOUD:
            return "https://ollama.com"
        if not url and row is not None and row.places and entry.get("resource") is not None:
            url = row.url({"resource": as_text(entry.get("resource"))})
        if not url:
            return ""
        text = url.rstrip("/").removesuffix(tail).rstrip("/") if tail else url
        if not text or ("${" in text.replace("$${", "") and not _VARIABLE.fullmatch(text)):
            raise Unwritable("its address is a variable with more around it, which LiteLLM cannot be told")
        return as_text(_value(text))

    def _key(self, name: str, row: ProviderRow | None, entry: Mapping[str, Value]) -> str:
        key = as_text(entry.get("api_key"))
        if key:
            return self._named(f"providers.{name}.api_key", key, f"{name}_api_key", True)
        if row is not None and "base_url" not in entry:
            return f"os.environ/{row.variables[0]}"
        return "none"  # LiteLLM sends none without one

    def _named(self, at: str, text: str, label: str, secret: bool) -> str:
        """A value, or the variable it is to be put into."""
        if _VARIABLE.fullmatch(text):
            return as_text(_value(text))
        if not secret and "${" not in text.replace("$${", "") and not text.startswith(("file:", "secret:")):
            return _plain(text)
        name = text.removeprefix("secret:") if text.startswith("secret:") else label
        variable = "GLOWPLUG_" + re.sub(r"[^A-Z0-9]+", "_", name.upper())
        self._notes.changed(at, "a secret", f"put it into the variable {variable} of LiteLLM's environment")
        return f"os.environ/{variable}"

    def _price(self, at: str, price: Mapping[str, Value]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, field in PRICES.items():
            if (dollars := number(price.get(field))) is not None:
                found[key] = dollars if key == "input_cost_per_request" else _each(dollars)
        for tier in map(as_dict, as_list(price.get("tiers"))):
            above = number(tier.get("above")) or 0.0
            if above % 1000:
                self._notes.left(f"{at}.price.tiers", f"{above:g} tokens", "LiteLLM counts them in thousands")
                continue
            for field, key in (("prompt", "input"), ("completion", "output")):
                dollars = number(tier.get(field))
                if dollars is not None:
                    found[f"{key}_cost_per_token_above_{int(above) // 1000}k_tokens"] = _each(dollars)
        return found


def _prefix(row: ProviderRow | None) -> str:
    """LiteLLM's prefix of a row; `openai` for any other server of that wire."""
    if row is not None:
        for prefix in PREFIXES.values():
            if prefix.row == row.name and not prefix.only:
                return prefix.name
    return "openai"


def _each(dollars: float) -> float:
    """Dollars a million tokens as dollars a token."""
    return float(Decimal(str(dollars)) / 1_000_000)


def _plain(text: str) -> str:
    """What our file says, as it is meant; a variable stays as it is written."""
    return text.replace("$${", "${")


def _value(value: Value) -> Value:
    """A value of our file for LiteLLM: `${NAME}` is `os.environ/NAME`."""
    if not isinstance(value, str):
        return value
    match = _VARIABLE.fullmatch(value)
    return f"os.environ/{match[1]}" if match else _plain(value)
